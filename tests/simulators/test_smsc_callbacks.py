"""What clients of the simulated SMSC are told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from botkit.simulators.smsc import SmscSimulator
from tests.simulators.smsc_rig import ANA, CALLBACK, TO_ANA, WORD, Rig, digest, opened


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


async def test_a_status_is_told_with_its_digest(rig: Rig) -> None:
    await rig.sends(id=501)
    assert await rig.simulator.redeliver() == 2
    (told,) = rig.handler.told
    assert list(told) == ["id", "phone", "status", "type", "ts", "md5"]
    assert told | {"ts": ""} == {
        "id": "501",
        "phone": TO_ANA,
        "status": "1",
        "type": "0",
        "ts": "",
        "md5": digest("501", TO_ANA, "1", WORD),
    }
    (request,) = rig.handler.requests
    assert (request.method, str(request.url)) == ("POST", CALLBACK)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_message_is_told_with_its_digest(rig: Rig) -> None:
    await rig.simulator.says("sms", ANA, "привет")
    proof = digest(TO_ANA, "привет", "79037000000", WORD)
    assert rig.handler.told == [{"phone": TO_ANA, "mes": "привет", "to": "79037000000", "md5": proof}]


async def test_a_verification_is_told_with_its_digest(rig: Rig) -> None:
    await rig.simulator.verifies("sms", ANA)
    (told,) = rig.handler.told
    assert told == {
        "phone": TO_ANA,
        "waitcall": "1",
        "ts": told["ts"],
        "md5": digest(TO_ANA, told["ts"], WORD),
    }


@pytest.mark.parametrize(
    ("way", "kind"),
    [({}, "0"), ({"viber": 1}, "10"), ({"tg": 1}, "12"), ({"bot": "demo_shop_bot"}, "12")],
    ids=["sms", "viber", "telegram", "bot"],
)
async def test_the_type_tells_the_network(rig: Rig, way: dict[str, Any], kind: str) -> None:
    await rig.sends(**way)
    await rig.simulator.redeliver()
    assert {told["type"] for told in rig.handler.told} == {kind}


async def test_callbacks_may_come_by_get(rig: Rig) -> None:
    rig.simulator.callback_method = "GET"
    await rig.simulator.says("sms", ANA, "a & b")
    (request,) = rig.handler.requests
    assert (request.method, request.content) == ("GET", b"")
    assert dict(request.url.params) == {
        "ta": "sms",
        "phone": TO_ANA,
        "mes": "a & b",
        "to": "79037000000",
        "md5": digest(TO_ANA, "a & b", "79037000000", WORD),
    }
    rig.simulator.set_callback("sms", "https://bot.test/smsc")
    await rig.simulator.says("sms", ANA, "c")
    assert rig.handler.requests[-1].url.params["mes"] == "c"


async def test_callbacks_may_be_written_in_windows_1251(rig: Rig) -> None:
    rig.simulator.callback_charset = "windows-1251"
    await rig.simulator.says("sms", ANA, "привет")
    fields = dict(parse_qsl(rig.handler.requests[0].content.decode(), encoding="cp1251"))
    assert fields["mes"] == "привет"
    assert fields["md5"] == digest(TO_ANA, "привет", "79037000000", WORD, encoding="cp1251")


async def test_a_digest_may_be_wrong_or_missing(rig: Rig) -> None:
    rig.simulator.digest = "wrong"
    await rig.simulator.says("sms", ANA, "hi")
    rig.simulator.digest = "none"
    await rig.simulator.says("sms", ANA, "hi")
    wrong, none = rig.handler.told
    assert len(wrong["md5"]) == 32
    assert wrong["md5"] != digest(TO_ANA, "hi", "79037000000", WORD)
    assert "md5" not in none


async def test_without_a_word_of_the_client_s_there_is_no_digest(rig: Rig) -> None:
    for account in rig.accounts.values():
        account.callback_secret = None
    await rig.simulator.says("sms", ANA, "hi")
    assert "md5" not in rig.handler.told[0]


async def test_fields_that_nobody_knows_may_come_along(rig: Rig) -> None:
    rig.simulator.extras = {"sha1": "x", "time": "03.03.2025 11:02:09"}
    await rig.simulator.says("sms", ANA, "hi")
    (told,) = rig.handler.told
    assert told["time"] == "03.03.2025 11:02:09"
    assert told["md5"] == digest(TO_ANA, "hi", "79037000000", WORD)


async def test_callbacks_may_come_twice(rig: Rig) -> None:
    rig.simulator.copies = 2
    await rig.simulator.says("sms", ANA, "hi")
    first, second = rig.handler.requests
    assert first.content == second.content


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_a_callback_that_was_taken_is_not_repeated(rig: Rig, status: int) -> None:
    rig.handler.status = status
    await rig.simulator.says("sms", ANA, "hi")
    rig.clock.advance(days=1)
    assert await rig.simulator.redeliver() == 0


@pytest.mark.parametrize("status", [301, 403, 404, 500])
async def test_a_callback_that_was_not_is_repeated_three_times(rig: Rig, status: int) -> None:
    rig.handler.status = status
    await rig.simulator.says("sms", ANA, "hi")
    counts = []
    for seconds in (59, 1, 299, 1, 899, 1, 86_400):
        rig.clock.advance(seconds=seconds)
        counts.append(await rig.simulator.redeliver())
    assert counts == [0, 1, 0, 1, 0, 1, 0]
    assert len({request.content for request in rig.handler.requests}) == 1
    deliveries = rig.simulator.wire.deliveries("incoming")
    assert [delivery.status for delivery in deliveries] == [status] * 4


async def test_a_handler_that_is_not_there_gets_it_later(rig: Rig) -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody is there")

    simulator = SmscSimulator(rig.clock, httpx.MockTransport(nobody))
    simulator.add_account(rig.accounts["sms"])
    simulator.set_callback("sms", CALLBACK)
    await simulator.says("sms", ANA, "hi")
    assert [delivery.status for delivery in simulator.wire.deliveries()] == [0]
    assert len(simulator.state.pending) == 1
    await simulator.close()


async def test_without_an_address_nobody_is_told(rig: Rig) -> None:
    rig.simulator.set_callback("sms", "")
    await rig.simulator.says("sms", ANA, "hi")
    assert (rig.handler.requests, rig.simulator.state.pending) == ([], [])
    assert rig.sees("sms") == ["hi"]


async def test_whatever_kind_is_entered_the_last_address_counts(rig: Rig) -> None:
    rig.simulator.console("sms", "inbound", "https://bot.test/one")
    rig.simulator.console("viber", "report", "https://bot.test/two")
    await rig.simulator.says("sms", ANA, "hi")
    assert [str(request.url) for request in rig.handler.requests] == ["https://bot.test/two"]


async def test_a_callback_is_posted_once_however_many_ask_for_it(rig: Rig) -> None:
    await rig.sends()
    await asyncio.gather(*(rig.simulator.redeliver() for _ in range(5)))
    assert rig.handler.statuses == ["1"]


async def test_statuses_may_arrive_before_the_answer(rig: Rig) -> None:
    rig.simulator.reports_early = True
    await rig.sends()
    assert rig.handler.statuses == ["1"]
