from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateways.rapporto_checks import find_problems
from tests.gateways.rapporto_desk import PAYLOADS, Json, body_of

REQUESTS = sorted(path.stem for path in (PAYLOADS / "requests").glob("*.json"))


def telegram(**data: Any) -> Json:
    return {"destAddr": "+79990001122", "message": {"type": "TELEGRAM", "data": {"text": "hello"} | data}}


def message(kind: str, **data: Any) -> Json:
    return {"destAddr": "+79990001122", "message": {"type": kind, "data": data}}


def whatsapp(content: str, data: Any, **more: Any) -> Json:
    return message("WHATSAPP", instantContent={"type": content, "data": data}, **more)


def viber(data: Any, content: str = "BUTTON") -> Json:
    return message("VIBER", instantContent={"type": content, "data": data})


def paths(body: Mapping[str, Any]) -> list[str]:
    return [problem.path for problem in find_problems(body)]


def rule(body: Mapping[str, Any]) -> str:
    (problem,) = find_problems(body)
    return problem.rule


@pytest.mark.parametrize("name", REQUESTS)
def test_a_recorded_request_has_no_problem(name: str) -> None:
    assert find_problems(body_of(name)) == []


def test_every_problem_is_told_with_its_path() -> None:
    body = {
        "login": "x",
        "password": "y",
        "destAddr": "12",
        "message": {"type": "TELEGRAM", "data": {"text": "", "link": "x" * 257, "ttl": "15", "ttlUnit": "DAYS"}},
        "id": 5,
        "useTimeDiff": "yes",
        "scheduleInfo": {"timeBegin": "24:00", "timeEnd": "9:30", "weekdaysSchedule": "8", "deadline": "soon", "x": 1},
        "shortenLinks": 1,
        "extraParam": "a",
        "registeredDelivery": 3,
        "notifyUrl": "",
        "destaddr": "+79990001122",
    }
    assert paths(body) == [
        "login",
        "password",
        "destAddr",
        "message.data.text",
        "message.data.link",
        "message.data.ttl",
        "message.data.ttlUnit",
        "id",
        "useTimeDiff",
        "scheduleInfo.timeBegin",
        "scheduleInfo.timeEnd",
        "scheduleInfo.weekdaysSchedule",
        "scheduleInfo.deadline",
        "scheduleInfo.x",
        "shortenLinks",
        "extraParam",
        "registeredDelivery",
        "notifyUrl",
        "destaddr",
        "shortenLinks",
    ]


def test_what_is_required_is_missed() -> None:
    assert paths({}) == ["destAddr", "message"]
    assert paths({"destAddr": "+79990001122", "message": {}}) == ["message.type", "message.data"]
    assert paths(message("TELEGRAM", link="https://a.example")) == ["message.data.text"]
    assert paths(message("WHATSAPP")) == ["message.data.instantContent"]
    assert paths(message("VK", text="hello")) == ["message.data.serviceNumber", "message.data.ttl"]
    assert paths(message("WHATSAPP", instantContent={})) == [
        "message.data.instantContent.type",
        "message.data.instantContent.data",
    ]


def test_the_account_s_login_is_no_member_of_a_request() -> None:
    assert rule(telegram() | {"login": "x"}) == "is the account's own: leave it out"


def test_a_member_that_nobody_knows_is_a_problem_only_where_it_is_strict() -> None:
    body = telegram(textt="x") | {"mesage": {}}
    assert sorted(paths(body)) == ["mesage", "message.data.textt"]
    assert find_problems(body, is_strict=False) == []


@pytest.mark.parametrize("value", [None, 5, [], "x"])
@pytest.mark.parametrize(
    "path", ["message", "message.data", "message.data.instantContent", "message.data.instantContent.data"]
)
def test_what_must_be_an_object_is_said_to(value: Any, path: str) -> None:
    body: Any = whatsapp("TEXT", {"text": "hello"})
    place = body
    *parents, last = path.split(".")
    for name in parents:
        place = place[name]
    place[last] = value
    assert [(p.path, p.rule) for p in find_problems(body)] == [(path, "must be an object")]


# --- texts


@pytest.mark.parametrize(
    ("kind", "most"), [("TELEGRAM", 1000), ("SMS", 2000), ("VK", 2000), ("WHATSAPP", 1000), ("VIBER", 1000)]
)
def test_a_text_has_its_length(kind: str, most: int) -> None:
    def body(text: str) -> Json:
        if kind in ("WHATSAPP", "VIBER"):
            return message(kind, instantContent={"type": "TEXT", "data": {"text": text}})
        return message(kind, text=text, serviceNumber="SHOP", ttl=0)

    assert find_problems(body("x" * most)) == []
    assert find_problems(body("x")) == []
    assert rule(body("")) == "must not be empty"
    assert rule(body("x" * (most + 1))) == f"must have at most {most} characters, not {most + 1}"


def test_a_character_beyond_the_first_plane_counts_as_two() -> None:
    assert find_problems(telegram(text="😀" * 500)) == []
    assert rule(telegram(text="😀" * 501)) == "must have at most 1000 characters, not 1002"


@pytest.mark.parametrize(("member", "most"), [("link", 256)])
def test_a_link_has_its_length(member: str, most: int) -> None:
    assert find_problems(telegram(**{member: "h" * most})) == []
    assert rule(telegram(**{member: "h" * (most + 1)})) == f"must have at most {most} characters, not {most + 1}"
    assert rule(telegram(**{member: ""})) == "must not be empty"


def test_only_telegram_has_a_link() -> None:
    assert paths(message("SMS", text="hello", link="https://a.example")) == ["message.data.link"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("FLASHINGCALL", ["1234", "123456", "code 1234."], ["123", "12345", "1234567", "code"]),
        ("TGCODE", ["1234", "12345678"], ["123", "123456789", "code 1234"]),
    ],
)
def test_a_code_has_its_form(kind: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if find_problems(message(kind, text=text))] == []
    assert [text for text in bad if not find_problems(message(kind, text=text))] == []


@pytest.mark.parametrize("kind", ["PUSH", "MAX"])
def test_types_that_are_not_described_are_left_to_the_service(kind: str) -> None:
    assert find_problems(message(kind, anything=[1])) == []


@pytest.mark.parametrize("kind", ["telegram", "CARDSMOBILE", "EMAIL", "", None, 5])
def test_other_types_are_refused(kind: Any) -> None:
    assert rule(message(kind)).startswith("must be one of TELEGRAM, WHATSAPP, SMS,")


# --- life times


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("TELEGRAM", [(31, "SECONDS"), (86_400, "SECONDS"), (1, None), (1440, None), (24, "HOURS"), (0, "HOURS")],
         [(30, "SECONDS"), (86_401, "SECONDS"), (1441, None), (3600, None), (25, "HOURS"), (-1, None)]),
        ("VIBER", [(30, "SECONDS"), (86_400, "SECONDS"), (0, None)], [(29, "SECONDS"), (1441, "MINUTES")]),
        ("VK", [(60, "SECONDS"), (1, None), (0, None)], [(59, "SECONDS"), (86_401, "SECONDS")]),
        ("SMS", [(1, None), (2880, "MINUTES"), (48, "HOURS")], [(59, "SECONDS"), (2881, None), (49, "HOURS")]),
        ("FLASHINGCALL", [(1, None), (5, None)], [(59, "SECONDS"), (6, None)]),
        ("TGCODE", [(120, "SECONDS"), (0, None)], [(-1, None)]),
        ("WHATSAPP",
         [*((1440 * days, None) for days in range(1, 8)), (24, "HOURS"), (86_400, "SECONDS"), (0, None)],
         [(1439, None), (1441, None), (0.5, None), (8 * 1440, None), (120, "SECONDS"), (1, None)]),
    ],
)  # fmt: skip
def test_a_ttl_has_its_bounds(kind: str, good: list[tuple[int, str | None]], bad: list[tuple[int, str | None]]) -> None:
    content: Json = {"text": "1234", "serviceNumber": "SHOP"}
    if kind in ("WHATSAPP", "VIBER"):
        content = {"instantContent": {"type": "TEXT", "data": {"text": "hello"}}}

    def found(ttl: Any, unit: str | None) -> list[str]:
        return paths(message(kind, **content, ttl=ttl, **({"ttlUnit": unit} if unit else {})))

    assert [case for case in good if found(*case)] == []
    assert [case for case in bad if found(*case) != ["message.data.ttl"]] == []


def test_the_unit_is_minutes_where_there_is_none_and_the_rule_says_what_came_of_it() -> None:
    assert rule(telegram(ttl=3600)) == (
        "must come to 31 to 86400 seconds, or be 0; this is 3600 MINUTES, which are 216000 seconds"
    )
    assert rule(telegram(ttl=30, ttlUnit="SECONDS")) == "must come to 31 to 86400 seconds, or be 0; this is 30 seconds"


def test_a_ttl_of_thousands_of_digits_is_a_problem_like_any_other() -> None:
    body = msgspec.json.decode(
        b'{"destAddr": "+79990001122", "message": {"type": "TELEGRAM", "data": {"text": "x", "ttl": %s}}}'
        % (b"9" * 4299)
    )
    (problem,) = find_problems(body)
    assert problem.path == "message.data.ttl"
    assert problem.rule.endswith("this is far more")


@pytest.mark.parametrize("ttl", ["15", 1.5, True, None])
def test_a_ttl_is_a_whole_number(ttl: Any) -> None:
    assert rule(telegram(ttl=ttl)) == "must be a whole number"


@pytest.mark.parametrize("unit", ["seconds", "DAYS", "", None])
def test_a_unit_is_one_of_three(unit: Any) -> None:
    assert rule(telegram(ttl=60, ttlUnit=unit)) == "must be one of SECONDS, MINUTES, HOURS"


def test_a_unit_alone_is_a_problem() -> None:
    assert rule(telegram(ttlUnit="HOURS")) == "stands beside a ttl only"


# --- WhatsApp and Viber


@pytest.mark.parametrize(
    ("content", "data", "problems"),
    [
        ("TEXT", {"text": "x", "imageURL": "https://a.example/1.png"}, ["imageURL"]),
        ("IMAGE_URL", {"text": "x", "imageURL": "https://a.example/1.png"}, ["text"]),
        ("IMAGE_URL", {"text": "x"}, ["text", "imageURL"]),
        ("TEXT", {"imageURL": "https://a.example/1.png"}, ["imageURL", "text"]),
        ("TEXT", {}, ["text"]),
        ("IMAGE_URL", {"imageUrl": "https://a.example/1.png"}, ["imageUrl", "imageURL"]),
        ("IMAGE_URL", {"imageURL": "ftp://a.example/1.png"}, ["imageURL"]),
        ("IMAGE_URL", {"imageURL": "https://a.example/1 2.png"}, ["imageURL"]),
        ("IMAGE_URL", {"imageURL": ""}, ["imageURL"]),
    ],
)
def test_whatsapp_is_a_text_or_a_picture(content: str, data: Json, problems: list[str]) -> None:
    assert paths(whatsapp(content, data)) == [f"message.data.instantContent.data.{name}" for name in problems]


@pytest.mark.parametrize("content", ["BUTTON", "text", None])
def test_whatsapp_has_no_other_content(content: Any) -> None:
    assert rule(whatsapp(content, {})) == "must be one of TEXT, IMAGE_URL"


def test_a_viber_button_has_its_parts() -> None:
    data = {"text": "x", "caption": "c" * 30, "action": "https://" + "a" * 2040}
    assert find_problems(viber(data)) == []
    assert find_problems(viber(data | {"imageURL": "https://a.example/1.png"})) == []
    assert rule(viber(data | {"caption": "c" * 31})) == "must have at most 30 characters, not 31"
    assert rule(viber(data | {"action": "https://" + "a" * 2041})) == "must have at most 2048 characters, not 2049"
    assert rule(viber(data | {"action": "tg://x"})).startswith("must begin with one of http:// https:// viber://")
    assert paths(viber({})) == [f"message.data.instantContent.data.{name}" for name in ("text", "caption", "action")]


@pytest.mark.parametrize("action", ["http://a", "https://a", "viber://a", "mailto:a@a.example", "tel:+79990001122"])
def test_a_viber_button_opens_these(action: str) -> None:
    assert find_problems(viber({"text": "x", "caption": "c", "action": action})) == []


# --- the request


@pytest.mark.parametrize("length", [1, 2048])
def test_an_address_of_reports_within_its_length_is_taken(length: int) -> None:
    assert find_problems(telegram() | {"notifyUrl": "h" * length}) == []


def test_an_address_of_reports_has_its_length() -> None:
    assert rule(telegram() | {"notifyUrl": "h" * 2049}) == "must have at most 2048 characters, not 2049"
    assert rule(telegram() | {"notifyUrl": ""}) == "must not be empty"


@pytest.mark.parametrize("value", [0, 1, 2])
def test_which_reports_are_wanted_is_a_number(value: int) -> None:
    assert find_problems(telegram() | {"registeredDelivery": value}) == []


@pytest.mark.parametrize("value", [-1, 3, "1", True, 1.0, None])
def test_which_reports_are_wanted_is_no_other_number(value: Any) -> None:
    assert paths(telegram() | {"registeredDelivery": value}) == ["registeredDelivery"]


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        ("timeBegin", ["00:00", "10:00", "23:59"], ["24:00", "10:60", "9:00", "10:00:00", "", 10]),
        ("timeEnd", ["00:00", "21:00"], ["24:00", "21"]),
        ("weekdaysSchedule", ["", "1", "12345", "7654321"], ["0", "8", "11", "1,2", 12345, "12345671"]),
        (
            "deadline",
            ["2019-05-10T16:29:30+0300", "2000-01-01T00:00:00-1100"],
            ["2019-05-10T16:29:30+03:00", "2019-05-10T16:29:30Z", "2019-05-10T16:29:30", "2019-02-30T16:29:30+0300", 5],
        ),
    ],
)
def test_a_schedule_has_its_forms(member: str, good: list[Any], bad: list[Any]) -> None:
    def found(value: Any) -> list[str]:
        return paths(telegram() | {"scheduleInfo": {member: value}})

    assert [value for value in good if found(value)] == []
    assert [value for value in bad if found(value) != [f"scheduleInfo.{member}"]] == []


def test_an_empty_window_and_a_deadline_that_has_passed_are_left_to_the_service() -> None:
    schedule = {"timeBegin": "10:00", "timeEnd": "10:00", "deadline": "2001-01-01T00:00:00+0300"}
    assert find_problems(telegram() | {"scheduleInfo": schedule}) == []


# --- shortened links


@pytest.mark.parametrize(
    ("kind", "may"), [("SMS", True), ("PUSH", True), ("TELEGRAM", False), ("MAX", False), ("TGCODE", False)]
)
def test_links_are_shortened_in_some_types(kind: str, may: bool) -> None:
    body = message(kind, text="1234") | {"shortenLinks": True}
    assert find_problems(body) == [] if may else rule(body) == f"is not for {kind}"


def test_links_of_a_cascade_are_shortened_in_each_message() -> None:
    body = body_of("cascade")
    body["shortenLinks"] = True
    assert rule(body) == "stands inside each message of a cascade"
    body = body_of("cascade")
    body["message"]["shortenLinks"] = False
    assert paths(body) == ["message.shortenLinks"]
    body = body_of("cascade")
    body["cascadeChainLink"]["message"]["shortenLinks"] = "no"
    assert paths(body) == ["cascadeChainLink.message.shortenLinks"]


def test_links_of_a_single_message_are_shortened_beside_it() -> None:
    body = message("SMS", text="hello")
    body["message"]["shortenLinks"] = True
    assert rule(body) == "stands beside the message where there is no cascade"


# --- cascades


def test_a_cascade_is_checked_to_its_end() -> None:
    body = body_of("cascade")
    last = body["cascadeChainLink"]["nextLink"]
    last["message"]["data"]["ttl"] = 2881
    last["state"] = "SENT"
    last["nextLink"] = {"state": "READ"}
    assert paths(body) == [
        "cascadeChainLink.nextLink.state",
        "cascadeChainLink.nextLink.message.data.ttl",
        "cascadeChainLink.nextLink.nextLink.message",
    ]


def test_a_cascade_may_be_long() -> None:
    body = body_of("cascade")
    link = body["cascadeChainLink"]["nextLink"]
    for _ in range(5):
        link["nextLink"] = deepcopy({"state": "READ", "message": link["message"]})
        link = link["nextLink"]
    assert find_problems(body) == []


def test_nobody_reads_a_flash_call() -> None:
    body = body_of("codes")
    assert find_problems(body) == []
    body["cascadeChainLink"]["state"] = "READ"
    assert paths(body) == ["cascadeChainLink.state"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.text(max_size=5), part, max_size=2),
    max_leaves=5,
)


def places(tree: Any) -> list[tuple[Any, str]]:
    found = [(tree, name) for name in tree] if isinstance(tree, dict) else []
    return [*found, *(place for part in (tree.values() if isinstance(tree, dict) else ()) for place in places(part))]


@given(st.data())
def test_anything_in_a_place_of_a_request_gives_problems_and_no_error(data: st.DataObject) -> None:
    body = body_of(data.draw(st.sampled_from(REQUESTS)))
    holder, name = data.draw(st.sampled_from(places(body)))
    holder[name] = data.draw(JSON)
    for problem in find_problems(body):
        assert problem.path
        assert problem.rule
