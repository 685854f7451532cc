import json
from pathlib import Path
from typing import Any

import pytest

from botkit.adapter import Adapter, Outcome
from botkit.channels.viber import Viber
from botkit.conversation import Conversation
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, ServiceError, SettingsError
from botkit.gateways.rapporto import Rapporto
from botkit.http import Http
from botkit.messages import Raw, Text
from botkit.outgoing import Hop, Trail
from botkit.pace import Pace
from botkit.webhook import WebhookRequest
from tests.gateways.rapporto_desk import ENVIRON, KEY, NUMBER, PAYLOADS, WORD, Desk, account, body_of

REQUESTS = sorted(path.stem for path in (PAYLOADS / "requests").glob("*.json"))
CREDENTIALS = {"login": "botkit-demo", "password": "not-a-real-password"}


def raw(body: dict[str, Any]) -> Raw:
    return Raw(channel="rapporto", payload=body)


# --- requests in Rapporto's own form


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_leaves_as_it_was_written_with_login_and_password(name: str) -> None:
    desk = Desk(account())
    addressed = desk.adapter.read_send(body_of(name))
    assert addressed.to == NUMBER
    desk.adapter.check(addressed.message)
    receipt = await desk.send(addressed.message)
    assert receipt.outcome is Outcome.SENT
    assert desk.told == CREDENTIALS | body_of(name)
    (request,) = desk.requests
    assert (request.method, str(request.url)) == ("POST", "https://rapporto.example/send")
    assert request.headers["content-type"] == "application/json"


async def test_a_request_is_written_in_utf_8() -> None:
    desk = Desk(account())
    await desk.send(raw({"message": {"type": "TELEGRAM", "data": {"text": "Привет 👋"}}}))
    assert "Привет 👋".encode() in desk.requests[0].content


def test_all_that_is_wrong_in_a_request_is_told() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        account().read_send({"password": "x", "destAddr": "1", "message": {"type": "TELEGRAM", "data": {"ttl": 3600}}})
    paths = [problem.path for problem in raised.value.problems]
    assert paths == ["password", "destAddr", "message.data.text", "message.data.ttl"]


def test_a_number_that_no_telephone_has_is_a_problem() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        account().read_send(body_of("vk") | {"destAddr": "12025550123456"})
    (problem,) = raised.value.problems
    assert problem.path == "destAddr"
    assert "12025550123456" not in str(raised.value)


@pytest.mark.parametrize(
    ("written", "found"), [("8-999-000-11-22", NUMBER), ("+8613912345678", "+8613912345678"), ("79990001122", NUMBER)]
)
def test_a_conversation_is_a_number_in_e164(written: str, found: str) -> None:
    assert account().find_address(written) == found


@pytest.mark.parametrize("written", ["9990001122", "12025550123456", "SHOP", ""])
def test_what_is_no_number_is_no_conversation(written: str) -> None:
    with pytest.raises(AddressError):
        account().find_address(written)


async def test_a_message_for_somebody_else_s_number_is_not_sent() -> None:
    desk = Desk(account())
    receipt = await desk.send(raw(body_of("vk")), number="+79990001123")
    assert receipt.outcome is Outcome.REFUSED
    assert desk.requests == []


# --- requests in the form of all accounts


def common(network: str, content: object, **members: object) -> dict[str, Any]:
    return {"trafficAccountId": "demo", "destination": "8-999-000-11-22", network: content, **members}


async def sent_as(via: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    desk = Desk(account(VIA=via))
    addressed = desk.adapter.read_send(body)
    assert addressed.to == NUMBER
    await desk.says(addressed.message)
    return [json.loads(request.content) for request in desk.requests]


@pytest.mark.parametrize(
    ("via", "content", "data"),
    [
        ("telegram", {"text": {"message": "**hi**"}}, {"text": "**hi**"}),
        ("telegram", {"text": {"message": "*hi*", "parseMode": "Markdown"}}, {"text": "hi"}),
        (
            "whatsapp",
            {"type": "regular", "regular": {"type": "text", "text": "hi"}},
            {"instantContent": {"type": "TEXT", "data": {"text": "hi"}}},
        ),
        (
            "viber",
            {"type": "regular", "mediaUrl": "https://a.example/1.png", "ttl": 60},
            {
                "instantContent": {"type": "IMAGE_URL", "data": {"imageURL": "https://a.example/1.png"}},
                "ttl": 1,
                "ttlUnit": "MINUTES",
            },
        ),
        (
            "viber",
            {"type": "regular", "text": "hi", "button": {"caption": "Go", "action": "https://a.example"}},
            {
                "instantContent": {
                    "type": "BUTTON",
                    "data": {"text": "hi", "caption": "Go", "action": "https://a.example"},
                }
            },
        ),
        ("sms", {"text": "hi", "sender": "SALE"}, {"text": "hi", "serviceNumber": "SALE"}),
    ],
    ids=["telegram", "telegram-markdown", "whatsapp", "viber-image", "viber-button", "sms"],
)
async def test_a_request_in_the_common_form_is_sent_in_rapporto_s(
    via: str, content: dict[str, Any], data: dict[str, Any]
) -> None:
    (request,) = await sent_as(via, common(via, content))
    assert request["message"] == {"type": via.upper(), "data": data}


async def test_a_request_in_the_common_form_may_have_rapporto_s_own_members() -> None:
    own = {"extraParam": {"geo": "59.93,30.31"}, "scheduleInfo": {"timeBegin": "09:30"}, "useTimeDiff": True}
    (request,) = await sent_as("sms", common("sms", {"text": "hi"}, **own))
    assert request["extraParam"] == "geo=59.93,,30.31"
    assert (request["scheduleInfo"], request["useTimeDiff"]) == ({"timeBegin": "09:30"}, True)


async def test_each_part_of_a_long_text_has_the_hours_and_the_sender_of_the_whole_and_an_id_of_its_own() -> None:
    content = {"text": "word " * 500, "sender": "SALE"}
    first, second = await sent_as("sms", common("sms", content, scheduleInfo={"timeBegin": "09:30"}))
    for request in (first, second):
        assert request["scheduleInfo"] == {"timeBegin": "09:30"}
        assert request["message"]["data"]["serviceNumber"] == "SALE"
    assert first["message"] != second["message"]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (common("sms", {"sender": "x" * 12}, registeredDelivery=3), ["sms.sender", "sms.text", "registeredDelivery"]),
        (common("sms", {"text": "hi"}, scheduleInfo={"timeBegin": "25:00"}), ["scheduleInfo.timeBegin"]),
        (common("sms", {"text": "hi"}, extraParam={"a,b": "1"}), ["extraParam"]),
        (common("sms", {"text": "hi"}, destination="12"), ["destination"]),
        (common("viber", {"type": "regular", "text": "hi"}), ["sms"]),
    ],
)
def test_all_that_is_wrong_in_the_common_form_is_told(body: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        account(VIA="sms").read_send(body)
    assert sorted(problem.path for problem in raised.value.problems) == sorted(paths)


# --- ids


async def test_a_message_of_ours_has_the_same_id_at_each_attempt() -> None:
    desk = Desk(account())
    for _ in range(2):
        await desk.send(Text(text="hello"))
    assert [json.loads(request.content)["id"] for request in desk.requests] == [KEY, KEY]


async def test_a_request_without_an_id_gets_one_where_repeats_are_recognised_by_it() -> None:
    for words, ids in (("true", KEY), ("false", None)):
        desk = Desk(account(RESUBMISSION=words))
        await desk.send(raw(body_of("vk")))
        assert desk.told.get("id") == ids
    desk = Desk(account(RESUBMISSION="true"))
    await desk.send(raw(body_of("whatsapp_text")))
    assert desk.told["id"] == "ord-20417-wa-1"


@pytest.mark.parametrize(
    ("environ", "repeats"),
    [
        ({}, 0),
        ({"RESUBMISSION": "false"}, 0),
        ({"RESUBMISSION": "true"}, None),
        ({"REPEATS": "3"}, 3),
        ({"RESUBMISSION": "yes", "REPEATS": "0"}, 0),
    ],
)
def test_what_may_have_arrived_is_sent_again_only_where_repeats_are_dropped(
    environ: dict[str, str], repeats: int | None
) -> None:
    assert account(**environ).max_repeats == repeats
    assert account(**environ).simulated("http://rapporto.test").max_repeats == repeats


# --- what the account adds


async def test_the_settings_go_with_each_message() -> None:
    desk = Desk(account(VIA="sms", SERVICE_NUMBER="SHOP", REGISTERED_DELIVERY="2", SHORTEN_LINKS="false"))
    await desk.send(Text(text="hello"))
    assert desk.told == CREDENTIALS | {
        "destAddr": NUMBER,
        "id": KEY,
        "registeredDelivery": 2,
        "shortenLinks": False,
        "message": {"type": "SMS", "data": {"text": "hello", "serviceNumber": "SHOP"}},
    }


async def test_reports_are_asked_for_at_the_address_of_this_service() -> None:
    desk = Desk(account(CALLBACK_URL="https://bots.example/", TA="shop & co"))
    await desk.send(Text(text="hello"))
    url = f"https://bots.example/webhooks/rapporto/report?ta=shop%20%26%20co&key={WORD}"
    assert desk.told["notifyUrl"] == url


async def test_reports_are_asked_for_at_an_address_that_is_given_whole() -> None:
    desk = Desk(account(CALLBACK_URL="https://bots.example", NOTIFY_URL="https://proxy.example/x?key=1"))
    await desk.send(Text(text="hello"))
    assert desk.told["notifyUrl"] == "https://proxy.example/x?key=1"


# --- answers


async def test_a_receipt_names_the_message_as_its_reports_will() -> None:
    desk = Desk(account())
    assert (await desk.send(Text(text="hello"))).id == "7390000042:TELEGRAM"
    receipt = await desk.send(raw(body_of("cascade")))
    assert (receipt.id, receipt.others) == ("7390000042:TELEGRAM", ("7390000042:WHATSAPP", "7390000042:SMS"))


@pytest.mark.parametrize("code", [5, 6])
async def test_who_is_not_let_in_is_told_the_setting_and_no_secret(code: int) -> None:
    desk = Desk(account())
    desk.status, desk.answer = 401, {"error": {"code": code, "description": "not-a-real-password"}}
    receipt = await desk.send(Text(text="hello"))
    assert receipt.outcome is Outcome.REFUSED
    assert f"DEMO_{'LOGIN' if code == 5 else 'PASSWORD'}" in receipt.reason
    assert "not-a-real-password" not in receipt.reason


# --- cascades


def ways(*, status: Any = "delivered") -> Trail:
    sms = account(VIA="sms", SERVICE_NUMBER="SHOP", SHORTEN_LINKS="true")
    second = Hop(("rapporto", "sms"), NUMBER, message=sms.rendered(Text(text="**hello**")))
    hops = (Hop(("rapporto", "demo"), NUMBER, 60, status), second)
    return Trail(("rapporto", "demo", NUMBER), hops, Text(text="hello"), joined=2)


async def test_joined_ways_are_one_request() -> None:
    desk = Desk(account())
    receipt = await desk.send(Text(text="hello"), trail=ways())
    assert receipt.others == ("7390000042:SMS",)
    assert desk.told == CREDENTIALS | {
        "destAddr": NUMBER,
        "id": KEY,
        "message": {"type": "TELEGRAM", "data": {"text": "hello", "ttl": 1, "ttlUnit": "MINUTES"}},
        "cascadeChainLink": {
            "state": "DELIVERED",
            "message": {
                "type": "SMS",
                "data": {"text": "hello", "serviceNumber": "SHOP"},
                "shortenLinks": True,
            },
        },
    }


async def test_ways_that_are_not_joined_are_one_message() -> None:
    desk = Desk(account())
    trail = ways()
    await desk.send(Text(text="hello"), trail=Trail(trail.home, trail.hops, trail.message))
    assert "cascadeChainLink" not in desk.told


async def test_ways_that_make_no_cascade_are_refused_before_the_network() -> None:
    desk = Desk(account())
    receipt = await desk.send(Text(text="hello"), trail=ways(status="sent"))
    assert receipt.outcome is Outcome.REFUSED
    assert desk.requests == []


@pytest.mark.parametrize(
    ("following", "is_joined"),
    [
        (account(VIA="sms", CASCADES="true", TA="other"), True),
        (account(VIA="telegram", CASCADES="true"), False),
        (account(VIA="sms"), False),
        (account(VIA="sms", CASCADES="true", LOGIN="other"), False),
        (account(VIA="sms", CASCADES="true", API_URL="https://other.example"), False),
        (Viber(), False),
    ],
    ids=["sms", "the same network", "cascades off", "another login", "another address", "another service"],
)
def test_two_accounts_of_one_login_are_joined(following: Adapter, is_joined: bool) -> None:
    assert account(CASCADES="true").joins(following) is is_joined
    assert account().joins(following) is False


@pytest.mark.parametrize(
    ("via", "seconds", "can_last"),
    [
        ("telegram", 0, True),
        ("telegram", 30, False),
        ("telegram", 31, True),
        ("telegram", 60.5, True),
        ("telegram", 86_400, True),
        ("telegram", 86_401, False),
        ("whatsapp", 60, False),
        ("whatsapp", 86_399, False),
        ("whatsapp", 86_400, True),
        ("whatsapp", 86_401, False),
        ("whatsapp", 3 * 86_400, True),
        ("sms", 59, False),
        ("sms", 60, True),
    ],
)
def test_rapporto_leaves_a_way_by_itself_where_its_network_has_that_ttl(
    via: str, seconds: float, can_last: bool
) -> None:
    assert account(VIA=via).can_last(seconds) is can_last


def test_a_message_that_takes_several_is_no_way_of_a_cascade() -> None:
    with pytest.raises(MessageError, match="one message, and this takes 2"):
        account().rendered(Text(text="word " * 250))
    own = {"rapporto": {"cascadeChainLink": body_of("cascade")["cascadeChainLink"]}}
    with pytest.raises(MessageError, match="no cascade of its own"):
        account().rendered(Text(text="x", extra=own))


@pytest.mark.parametrize("address", ["https://api.rapporto.example/rest/", "https://api.rapporto.example/rest"])
async def test_a_request_goes_to_the_very_address_that_rapporto_gave(address: str) -> None:
    desk = Desk(account(API_URL=address))
    await desk.send(Text(text="hello"))
    assert str(desk.requests[-1].url) == address


# --- webhooks


@pytest.mark.parametrize("word", ["3f9c1a7be2d84460a5c8", "7e6d5c4b3a2918070605"])
def test_each_of_two_words_proves_a_caller(word: str) -> None:
    assert account().verify(WebhookRequest({}, {"ta": "demo", "key": word}, b"{}"))


def test_without_a_word_nobody_is_believed() -> None:
    adapter = account(CALLBACK_SECRET="")
    for query in ({}, {"key": ""}, {"key": "None"}):
        assert not adapter.verify(WebhookRequest({}, {"ta": "demo", **query}, b"{}"))


def test_the_word_is_part_of_each_address() -> None:
    url = "https://bots.example/webhooks/rapporto/inbound?ta=demo"
    assert account().callback_address("inbound", url) == f"{url}&key={WORD}"
    assert account(CALLBACK_SECRET="").callback_address("inbound", url) == url


async def test_who_would_set_a_webhook_is_told_what_to_enter_where() -> None:
    async with Http() as client:
        with pytest.raises(ServiceError) as raised:
            await account().set_webhook("https://bots.example/webhooks/rapporto?ta=demo", client)
        with pytest.raises(ServiceError, match="no call that removes"):
            await account().delete_webhook(client)
        status = await account().load_webhook(client)
    for kind in ("report", "inbound"):
        assert f"https://bots.example/webhooks/rapporto/{kind}?ta=demo&key=..." in raised.value.fix
    assert "DEMO_CALLBACK_SECRET" in raised.value.fix
    assert WORD not in str(raised.value)
    assert (status.url, "set in" in status.details) == ("", True)


# --- settings


@pytest.mark.parametrize("via", ["telegram", "whatsapp", "viber", "sms"])
def test_an_account_is_for_one_network(via: str) -> None:
    adapter = account(VIA=via.upper())
    assert (adapter.via, adapter.network) == (via, via)
    assert adapter.simulated("http://rapporto.test").via == via


def test_an_account_sends_by_telegram_unless_it_says_otherwise() -> None:
    assert account().via == Rapporto(ta="demo").via == "telegram"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("VIA", "push", "DEMO_VIA is none of telegram, whatsapp, sms, viber, vk"),
        ("VIA", "vk", "DEMO_SERVICE_NUMBER is not set"),
        ("API_URL", "", "DEMO_API_URL is not set"),
        ("API_URL", "rapporto.example/canary", "DEMO_API_URL is not an http"),
        ("LOGIN", "", "DEMO_LOGIN is not set"),
        ("PASSWORD", "", "DEMO_PASSWORD is not set"),
        ("RESUBMISSION", "canary", "DEMO_RESUBMISSION is neither true nor false"),
        ("CASCADES", "2", "DEMO_CASCADES is neither true nor false"),
        ("SHORTEN_LINKS", "canary", "DEMO_SHORTEN_LINKS is neither true nor false"),
        ("REGISTERED_DELIVERY", "3", "DEMO_REGISTERED_DELIVERY is no whole number from 0 to 2"),
        ("REGISTERED_DELIVERY", "-1", "DEMO_REGISTERED_DELIVERY is no whole number"),
        ("REPEATS", "canary", "DEMO_REPEATS is no whole number from 0 to 100"),
        ("NOTIFY_URL", "canary", "DEMO_NOTIFY_URL is not an http"),
        ("NOTIFY_URL", f"https://{'a' * 2041}", "at most 2048 characters"),
        ("CALLBACK_URL", "canary", "DEMO_CALLBACK_URL is not an http"),
        ("CALLBACK_SECRET", "canary", "DEMO_CALLBACK_SECRET is not one word"),
        ("CALLBACK_SECRET", "a" * 15, "DEMO_CALLBACK_SECRET is not one word"),
        ("CALLBACK_SECRET", ",".join(["a" * 16] * 3), "DEMO_CALLBACK_SECRET is not one word"),
        ("CALLBACK_SECRET", f"{'a' * 16}&ta=other", "DEMO_CALLBACK_SECRET is not one word"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name_and_not_by_its_value(name: str, value: str, error: str) -> None:
    with pytest.raises(SettingsError) as raised:
        account(**{name: value})
    assert error in str(raised.value)
    assert "canary" not in str(raised.value)


def test_an_address_for_reports_needs_a_word() -> None:
    with pytest.raises(SettingsError, match="DEMO_CALLBACK_SECRET is not set, and reports have no other proof"):
        account(CALLBACK_URL="https://bots.example", CALLBACK_SECRET="")


def test_the_bounds_of_the_settings_are_taken() -> None:
    url, word = f"https://{'a' * 2040}", "a" * 16
    adapter = account(NOTIFY_URL=url, CALLBACK_SECRET=word, REPEATS="100", REGISTERED_DELIVERY="0")
    assert (adapter.max_repeats, adapter.registered_delivery) == (100, 0)
    assert {url, word} < {secret.reveal() for secret in adapter.secrets()}


def test_secrets_may_be_in_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-a-file\n")
    environ = {name: text for name, text in ENVIRON.items() if name != "DEMO_PASSWORD"}
    adapter = Rapporto.from_env("DEMO", environ | {"DEMO_PASSWORD_FILE": str(tmp_path / "password")})
    assert adapter.password.reveal() == "from-a-file"


def test_the_rates_are_settings() -> None:
    adapter = account(RATE="10", CHAT_RATE="1")
    assert (adapter.paces.account, adapter.paces.chat) == (Pace(10, 1), Pace(1, 1))


def test_all_that_opens_a_door_is_secret() -> None:
    adapter = account(NOTIFY_URL="https://bots.example/x?key=y")
    known = {secret.reveal() for secret in adapter.secrets()}
    words = set(ENVIRON["DEMO_CALLBACK_SECRET"].split(","))
    assert known == {"not-a-real-password", "https://bots.example/x?key=y", *words}


def test_a_simulated_account_can_do_what_the_account_can() -> None:
    adapter = account(VIA="sms", CASCADES="true", SERVICE_NUMBER="SHOP", SHORTEN_LINKS="true", REGISTERED_DELIVERY="1")
    simulated = adapter.simulated("http://rapporto.test")
    assert (simulated.cascades, simulated.service_number) == (True, "SHOP")
    assert (simulated.shorten_links, simulated.registered_delivery) == (True, 1)
    # VK has no message without a sender.
    vk = Rapporto("vk", ta="demo").simulated("http://rapporto.test")
    vk.check(vk.prepare(Text(text="hello"), Conversation(vk.account, NUMBER)).messages[0])
