"""What the simulated SMSGold takes, and how it answers."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from botkit.simulators.wire import Fault
from tests.simulators.smsgold_rig import ANA, BORIS, BOT, LINK, NUMBER, PASSWORD, USER, Json, Rig, opened


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


# --- methods, paths, credentials


@pytest.mark.parametrize(
    ("name", "method"), [("bots", "POST"), ("subscribers", "POST"), ("sendMessage", "GET"), ("sendMessage", "PUT")]
)
async def test_another_method_is_not_allowed(rig: Rig, name: str, method: str) -> None:
    assert (await rig.http.request(method, f"/v1/telegram/bot/{name}/")).status_code == 405


async def test_the_slash_at_the_end_may_be_left_out_and_nothing_is_redirected(rig: Rig) -> None:
    query = {"user": USER, "pass": PASSWORD}
    for path in ("/v1/telegram/bot/bots", "/v1/telegram/bot/bots/"):
        assert (await rig.http.get(path, params=query)).status_code == 200
    assert (await rig.http.get("/v1/telegram/bot/bots//", params=query)).status_code == 404
    assert (await rig.http.get("/v1/telegram/bot/others", params=query)).status_code == 404


@pytest.mark.parametrize(
    "auth",
    [None, {}, "x", {"user": USER}, {"user": USER, "pass": "x"}, {"user": "12345", "pass": PASSWORD},
     {"user": "777", "pass": PASSWORD}, {"user": 12345.1, "pass": PASSWORD}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(("style", "status"), [("status", 401), ("ok", 200)])
async def test_wrong_credentials_of_a_message_are_refused(rig: Rig, auth: Any, style: Any, status: int) -> None:
    rig.simulator.error_style = style
    answer = await rig.sends(auth=auth)
    assert (answer.status_code, answer.json()) == (status, {"success": False, "error": "auth failed"})
    assert rig.texts == []


@pytest.mark.parametrize("name", ["bots", "subscribers"])
@pytest.mark.parametrize("query", [{"pass": "x"}, {"user": "777"}, {"user": ""}], ids=str)
async def test_wrong_credentials_of_a_list_are_refused(rig: Rig, name: str, query: dict[str, str]) -> None:
    assert (await rig.lists(name, **query)).status_code == 401


async def test_an_account_sees_what_is_its_own(rig: Rig) -> None:
    own = await rig.lists("bots")
    assert own.json() == [{"id": BOT, "name": "demo", "username": "demo_bot"}]
    assert (await rig.lists("subscribers", botId="other")).status_code == 404
    assert (await rig.sends(auth={"user": "777", "pass": "other-pass"})).status_code == 404
    assert (await rig.lists("subscribers", botId="")).status_code == 400


async def test_the_statuses_of_errors_can_be_others(rig: Rig) -> None:
    rig.simulator.statuses = {"auth": 403, "parameters": 422, "unknown": 410}
    answers = [await rig.sends(auth=None), await rig.sends(text=None), await rig.sends(subscriberId="x")]
    assert [answer.status_code for answer in answers] == [403, 422, 410]


# --- whom a message is for


@pytest.mark.parametrize(
    ("members", "status", "warnings"),
    [
        ({"subscriberId": "ana"}, 200, 0),
        ({"botId": BOT, "number": NUMBER}, 200, 0),
        ({"subscriberId": "ana", "botId": BOT, "number": "70000000000"}, 200, 2),
        ({"subscriberId": "ana", "botId": "unknown", "number": "+"}, 200, 2),
        ({"subscriberId": "ana", "number": NUMBER}, 200, 1),
        ({"subscriberId": "ana", "botId": BOT}, 200, 1),
        ({}, 400, 0),
        ({"botId": BOT}, 400, 0),
        ({"number": NUMBER}, 400, 0),
        ({"botId": BOT, "number": f"+{NUMBER}"}, 400, 0),
        ({"botId": BOT, "number": "7903 605 27 90"}, 400, 0),
        ({"botId": BOT, "number": "1" * 9}, 400, 0),
        ({"botId": BOT, "number": "1" * 16}, 400, 0),
        ({"botId": BOT, "number": int(NUMBER)}, 400, 0),
        ({"subscriberId": 7}, 400, 0),
        ({"subscriberId": "unknown"}, 404, 0),
        ({"botId": "unknown", "number": NUMBER}, 404, 0),
        ({"botId": BOT, "number": "70000000000"}, 404, 0),
    ],
    ids=str,
)
async def test_every_combination_of_addresses_has_its_answer(
    rig: Rig, members: Json, status: int, warnings: int
) -> None:
    named = {name: rig.ana if value == "ana" else value for name, value in members.items()}
    answer = await rig.sends(**({"subscriberId": None} | named))
    assert answer.status_code == status
    assert [len(accepted.warnings) for accepted in rig.simulator.accepted("demo")] == [warnings] * (status == 200)
    assert [accepted.subscriber for accepted in rig.simulator.accepted("demo")] == [rig.ana] * (status == 200)


async def test_only_who_has_started_the_bot_gets_anything(rig: Rig) -> None:
    boris = rig.simulator.conversation_id("demo", BORIS)
    assert (await rig.sends(subscriberId=boris)).status_code == 404
    await rig.simulator.says("demo", BORIS, "hello")
    assert (await rig.sends(subscriberId=boris)).status_code == 200
    await rig.simulator.leaves("demo", BORIS)
    assert (await rig.sends(subscriberId=boris)).status_code == 404


# --- what it says


@pytest.mark.parametrize(
    ("members", "is_taken"),
    [
        ({"text": None}, False),
        ({"text": " "}, False),
        ({"text": 7}, False),
        ({"text": "x" * 4096}, True),
        ({"text": "x" * 4097}, False),
        ({"text": "😀" * 2048}, True),
        ({"text": "😀" * 2049}, False),
        ({"buttons": []}, True),
        ({"buttons": [LINK]}, True),
        ({"buttons": [LINK | {"colour": "red"}] * 9}, True),
        ({"buttons": LINK}, False),
        ({"buttons": "x"}, False),
        ({"buttons": ["x"]}, False),
        ({"buttons": [{"text": "x"}]}, False),
        ({"buttons": [LINK | {"text": ""}]}, False),
        ({"buttons": [LINK | {"url": "/r"}]}, False),
        ({"buttons": [LINK | {"url": "tel:+1"}]}, False),
        ({"buttons": [LINK | {"url": "https://x y"}]}, False),
        ({"buttons": [LINK | {"url": "https://[x"}]}, False),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_texts_and_buttons_are_checked(rig: Rig, members: Json, is_taken: bool) -> None:
    assert (await rig.sends(**members)).status_code == (200 if is_taken else 400)
    assert len(rig.texts) == is_taken


async def test_the_longest_text_can_be_another(rig: Rig) -> None:
    rig.simulator.longest_text = 10
    assert [(await rig.sends(text="x" * length)).status_code for length in (10, 11)] == [200, 400]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 50_000], ids=lambda body: str(body[:8]))
async def test_a_body_that_is_no_object_is_refused(rig: Rig, body: bytes) -> None:
    assert (await rig.posts(body)).status_code == 400


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_must_be_said_to_be_json(rig: Rig, media_type: str) -> None:
    body = {"subscriberId": rig.ana, "text": "hi", "auth": {"user": USER, "pass": PASSWORD}}
    assert (await rig.posts(body, media_type)).status_code == 400
    assert (await rig.posts(body, "application/json; charset=utf-8")).status_code == 200


async def test_what_nobody_knows_is_ignored_and_kept(rig: Rig) -> None:
    assert (await rig.sends(silent=True, buttons=[LINK])).status_code == 200
    (accepted,) = rig.simulator.accepted("demo")
    assert accepted.unknown == {"silent": True}
    assert accepted.buttons == (("Route", "https://x.example/r"),)


# --- answers


@pytest.mark.parametrize(
    ("style", "expected"),
    [("id", {"success": True, "id": "ID"}), ("inner id", {"data": {"id": "ID"}}), ("no id", {"success": True})],
)
async def test_an_acceptance_comes_in_several_styles(rig: Rig, style: Any, expected: Json) -> None:
    rig.simulator.sent_style = style
    answer = await rig.sends()
    (accepted,) = rig.simulator.accepted("demo")
    assert answer.text.replace(accepted.id, "ID") == httpx.Response(200, json=expected).text
    assert len(accepted.id) == 24


@pytest.mark.parametrize(("style", "body"), [("empty", b""), ("text", b"OK")])
async def test_or_in_none(rig: Rig, style: Any, body: bytes) -> None:
    rig.simulator.sent_style = style
    assert (await rig.sends()).content == body
    assert rig.texts == ["hi"]


async def test_lists_come_in_several_styles(rig: Rig) -> None:
    bare = (await rig.lists("subscribers")).json()
    assert bare == [{"id": rig.ana, "name": "Ana", "username": f"user_{rig.ana[:8]}", "number": NUMBER}]
    rig.simulator.list_members = {"total": 7}
    rig.simulator.list_style = "wrapped"
    assert (await rig.lists("subscribers")).json() == {"subscribers": bare, "total": 7}
    assert list((await rig.lists("bots")).json()) == ["bots", "total"]
    rig.simulator.list_style = "odd"
    assert (await rig.lists("subscribers")).json() == {"payload": bare, "total": 7}


async def test_the_service_in_trouble(rig: Rig) -> None:
    faults = [Fault(429), Fault(503, b"<html>"), Fault(500, before=False)]
    rig.simulator.wire.faults.extend(faults)
    assert [(await rig.sends()).status_code for _ in faults] == [429, 503, 500]
    assert rig.texts == ["hi"]
    rig.simulator.wire.faults.append(Fault(drop=True, before=False))
    with pytest.raises(httpx.ReadError):
        await rig.sends(text="and again")
    assert rig.texts == ["hi", "and again"]


@pytest.mark.parametrize("password", ['a "quoted" \\ one', "плюс+и&", "x" * 50])
async def test_the_log_has_no_password(rig: Rig, password: str) -> None:
    await rig.sends(auth={"user": USER, "pass": password})
    await rig.lists("bots", **{"pass": password})
    first, second = rig.simulator.wire.calls()
    assert first.body["auth"] == {"user": USER, "pass": "***"}
    assert second.request == b"user=12345.1&pass=***"


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(1)
    await rig.sends()
    await rig.simulator.says("demo", ANA, "hi")
    await rig.simulator.leaves("demo", ANA)
    assert len(changes) >= 3
