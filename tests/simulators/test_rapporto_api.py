import json
from collections.abc import AsyncIterator

import pytest

from botkit.channels.viber import Viber
from botkit.simulators.rapporto_refusals import (
    BROKEN,
    CODES,
    CROWDED,
    LOST_ANSWER,
    MALFORMED_SUCCESS,
    PROXY_ERROR,
    UNAVAILABLE,
    fault,
)
from botkit.simulators.wire import ConnectionDroppedError
from tests.simulators.rapporto_rig import ANA, NUMBER, REPORTS, Rig, sms, telegram


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.simulator.close()


async def test_an_answer_names_the_message_and_the_id_that_it_came_with(rig: Rig) -> None:
    answer = await rig.send(id="ord-1")
    assert answer == {"mtNum": answer["mtNum"], "id": "ord-1"}
    assert answer["mtNum"].isdigit()
    assert (await rig.send()).keys() == {"mtNum"}


async def test_numbers_of_messages_go_up(rig: Rig) -> None:
    numbers = [int((await rig.send())["mtNum"]) for _ in range(3)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_is_taken(rig: Rig, method: str) -> None:
    assert (await rig.http.request(method, "/")).status_code == 405


async def test_a_request_says_that_it_is_json(rig: Rig) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert (await rig.post(rig.body(), **{"content-type": kind})).status_code == 415
    assert (await rig.post(rig.body(), **{"content-type": "Application/JSON; charset=utf-8"})).status_code == 200
    rig.simulator.wrong_content_type = "code"
    response = await rig.post(rig.body(), **{"content-type": "text/plain"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, 4)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff", b"[" * 100_000, b'"x"'])
async def test_what_is_no_object_is_refused(rig: Rig, body: bytes) -> None:
    response = await rig.post(body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, 4)


async def test_an_envelope_has_what_is_more_beside_the_error(rig: Rig) -> None:
    response = await rig.post(rig.body(login="other"))
    assert response.json() == {"error": {"code": 5, "description": "Invalid login"}}
    response = await rig.post(rig.body(telegram("")))
    assert response.json() == {
        "error": {"code": 4, "description": "Invalid request"},
        "extendedDescription": "Telegram message is absent",
    }


async def test_accounts_of_one_login_are_told_by_their_passwords(rig: Rig) -> None:
    other = type(rig.adapter)("sms", ta="other").simulated("http://rapporto.test")
    rig.simulator.add_account(other)
    assert other.login == rig.adapter.login
    await rig.send(sms(), password=other.password.reveal())
    assert [line.text for line in rig.simulator.screen("other", ANA)] == ["hello"]
    assert rig.shown == []


def test_an_account_of_another_service_is_a_mistake(rig: Rig) -> None:
    for adapter in (Viber(ta="demo"), type(rig.adapter)(ta="demo")):
        with pytest.raises(TypeError, match="opens accounts for Rapporto adapters with a login"):
            rig.simulator.add_account(adapter)


async def test_a_caller_may_be_unknown(rig: Rig) -> None:
    rig.simulator.callers = frozenset({"192.0.2.2"})
    assert (await rig.refusal())[:2] == (403, 2)
    rig.simulator.callers = frozenset({"192.0.2.1"})
    await rig.send()


async def test_more_requests_than_a_second_has_room_for_are_refused(rig: Rig) -> None:
    rig.simulator.per_second = 2
    rig.clock.advance(seconds=1 - rig.clock.timestamp() % 1)
    await rig.send()
    await rig.send()
    assert (await rig.refusal())[:2] == (429, 3)
    rig.clock.advance(seconds=1)
    await rig.send()


# --- the same again


async def test_a_repeated_id_is_sent_once_where_that_is_agreed() -> None:
    rig = Rig(resubmission=True)
    first, second = [await rig.send(id="ord-1") for _ in range(2)]
    assert first == second
    assert rig.shown == [("telegram", "hello")]
    assert rig.simulator.violations == []


async def test_a_repeated_id_is_sent_again_where_it_is_not(rig: Rig) -> None:
    first, second = [await rig.send(id="ord-1") for _ in range(2)]
    assert first["mtNum"] != second["mtNum"]
    assert rig.shown == [("telegram", "hello")] * 2


async def test_another_message_under_a_known_id_is_not_looked_at_and_noted() -> None:
    rig = Rig(resubmission=True)
    first = await rig.send(id="ord-1")
    assert await rig.send(telegram("other"), id="ord-1") == first
    assert rig.shown == [("telegram", "hello")]
    (violation,) = rig.simulator.violations
    assert "has the id of an earlier one" in violation.what


async def test_the_same_text_to_the_same_number_is_refused_for_a_day_where_that_is_on(rig: Rig) -> None:
    await rig.send()
    await rig.send()
    rig.simulator.blocks_duplicates = True
    assert (await rig.refusal())[:2] == (409, 10)
    await rig.send(telegram("other"))
    await rig.send(destAddr="+79990001122")
    rig.clock.advance(hours=24)
    await rig.send()


async def test_a_repeated_id_is_no_duplicate() -> None:
    rig = Rig(resubmission=True)
    rig.simulator.blocks_duplicates = True
    assert await rig.send(id="ord-1") == await rig.send(id="ord-1")
    assert (await rig.refusal(id="ord-2"))[:2] == (409, 10)


# --- faults


@pytest.mark.parametrize("code", [UNAVAILABLE, CROWDED, BROKEN])
async def test_a_fault_answers_with_its_code_and_nothing_is_sent(rig: Rig, code: int) -> None:
    rig.simulator.wire.faults.append(fault(code))
    status, found, _ = await rig.refusal()
    assert (status, found) == (CODES[code][0], code)
    assert rig.shown == []
    await rig.send()


async def test_the_description_of_code_100_is_its_number(rig: Rig) -> None:
    rig.simulator.wire.faults.append(fault(BROKEN))
    assert (await rig.post(rig.body())).json()["error"] == {"code": 100, "description": "100"}


async def test_a_proxy_may_answer_instead(rig: Rig) -> None:
    rig.simulator.wire.faults.append(PROXY_ERROR)
    response = await rig.post(rig.body())
    assert (response.status_code, response.text[:6]) == (502, "<html>")
    assert rig.shown == []


async def test_an_answer_may_be_lost_after_the_message_was_taken(rig: Rig) -> None:
    rig.simulator.wire.faults.append(LOST_ANSWER)
    with pytest.raises(ConnectionDroppedError):
        await rig.post(rig.body())
    assert rig.shown == [("telegram", "hello")]


async def test_a_success_may_be_malformed(rig: Rig) -> None:
    rig.simulator.wire.faults.append(MALFORMED_SUCCESS)
    response = await rig.post(rig.body())
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert rig.shown == [("telegram", "hello")]


# --- the wire


async def test_the_wire_has_each_request_and_no_secret(rig: Rig) -> None:
    await rig.send(notifyUrl=REPORTS)
    await rig.refusal(login="other")
    first, second = rig.simulator.wire.calls("send")
    assert (first.account, first.status, second.account, second.status) == ("demo", 200, "", 401)
    assert first.body["password"] == "***"
    assert first.body["notifyUrl"] == "https://bot.test/webhooks/rapporto/report?ta=demo&key=***"
    assert first.body["destAddr"] == f"+{NUMBER}"
    assert rig.adapter.password.reveal().encode() not in first.request + second.request


async def test_what_people_send_can_be_fetched(rig: Rig) -> None:
    response = await rig.http.get("/media/5/photo.jpg")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
