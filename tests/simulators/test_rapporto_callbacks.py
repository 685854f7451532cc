from collections.abc import AsyncIterator

import httpx
import pytest

from tests.simulators.rapporto_rig import ANA, INBOUND, Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    rig.simulator.set_fate("sent")
    yield rig
    await rig.simulator.close()


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_a_callback_that_is_taken_is_not_repeated(rig: Rig, status: int) -> None:
    rig.client.status = status
    await rig.send()
    await rig.simulator.redeliver()
    await rig.passes(minutes=10)
    assert len(rig.client.requests) == 1


@pytest.mark.parametrize("status", [300, 400, 403, 500, 503])
async def test_a_callback_is_repeated_five_times_a_minute_apart_and_then_dropped(rig: Rig, status: int) -> None:
    rig.client.status = status
    await rig.send()
    await rig.simulator.redeliver()
    for tries in range(2, 7):
        await rig.passes(seconds=59)
        assert len(rig.client.requests) == tries - 1
        await rig.passes(seconds=1)
        assert len(rig.client.requests) == tries
    assert len(rig.simulator.state.dropped) == 1
    await rig.passes(minutes=10)
    assert len(rig.client.requests) == 6
    assert [exchange.status for exchange in rig.simulator.wire.deliveries("report")] == [status] * 6


async def test_a_client_that_comes_back_is_told(rig: Rig) -> None:
    rig.client.status = 503
    await rig.send()
    await rig.simulator.redeliver()
    rig.client.status = 200
    await rig.passes(minutes=1)
    assert rig.simulator.state.pending == rig.simulator.state.dropped == []
    first, second = rig.client.told
    assert first == second


async def test_how_often_is_a_switch(rig: Rig) -> None:
    rig.simulator.pauses = (5,)
    rig.client.status = 500
    await rig.send()
    await rig.simulator.redeliver()
    await rig.passes(seconds=5)
    assert len(rig.client.requests) == 2
    assert len(rig.simulator.state.dropped) == 1


async def test_without_an_address_a_callback_waits_and_is_dropped_in_the_end(rig: Rig) -> None:
    rig.simulator.console("demo", "report", "")
    await rig.send()
    await rig.simulator.redeliver()
    for _ in range(5):
        await rig.passes(minutes=1)
    assert rig.client.requests == []
    assert [exchange.status for exchange in rig.simulator.wire.deliveries()] == []
    assert len(rig.simulator.state.dropped) == 1


async def test_an_address_that_does_not_answer_is_tried_again(rig: Rig) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there", request=request)

    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    await rig.send(notifyUrl="https://bot.test/x")
    await rig.send(notifyUrl="no address at all")
    await rig.simulator.redeliver()
    assert [exchange.status for exchange in rig.simulator.wire.deliveries()] == [0, 0]
    assert [delivery.tries for delivery in rig.simulator.state.pending] == [1, 1]


async def test_reports_may_come_before_the_answer(rig: Rig) -> None:
    rig.simulator.reports_early = True
    await rig.send()
    assert rig.client.statuses == [("TELEGRAM", 0)]


async def test_reports_may_come_backwards_and_more_than_once_with_more_in_them(rig: Rig) -> None:
    rig.simulator.set_fate("read")
    rig.simulator.reports_backwards, rig.simulator.report_copies = True, 2
    rig.simulator.report_members = {"segmentPrice": 1.5, "errorCode": "77"}
    await rig.send()
    await rig.simulator.redeliver()
    assert [status for _, status in rig.client.statuses] == [9, 9, 2, 2, 0, 0]
    assert {(body["segmentPrice"], body["errorCode"]) for body in rig.client.told} == {(1.5, "77")}


async def test_the_answer_to_an_inbound_message_goes_to_the_person_and_is_noted(rig: Rig) -> None:
    rig.client.body = b"Thank you\r\nfor writing"
    await rig.simulator.says("demo", ANA, "hi")
    assert rig.shown == [("sms", "hi"), ("sms", "Thank you"), ("sms", "for writing")]
    (violation,) = rig.simulator.violations
    assert "has a body" in violation.what
    rig.client.body = b""
    await rig.simulator.says("demo", ANA, "hi")
    assert len(rig.simulator.violations) == 1


async def test_the_answer_to_a_report_goes_to_nobody(rig: Rig) -> None:
    rig.client.body = b"ok"
    await rig.send()
    await rig.simulator.redeliver()
    assert rig.shown == []
    assert rig.simulator.violations == []


async def test_an_inbound_message_is_repeated_too(rig: Rig) -> None:
    rig.client.status = 503
    await rig.simulator.says("demo", ANA, "hi")
    await rig.passes(minutes=1)
    assert [str(request.url) for request in rig.client.requests] == [INBOUND] * 2
