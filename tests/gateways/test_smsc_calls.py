from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from botkit.exceptions import UnknownOutcomeError
from botkit.gateways.smsc import RefusedError
from botkit.gateways.smsc_answers import Price
from tests.gateways.smsc_desk import ANA, BORIS, Desk, account, answering, digits, opened


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


async def test_the_balance_is_asked_for_ten_times_a_minute(desk: Desk) -> None:
    calls = desk.accounts["sms"].calls
    balances = [await calls.load_balance(desk.client) for _ in range(10)]
    assert balances[0].currency
    assert len(set(balances)) == 1
    with pytest.raises(RefusedError) as raised:
        await desk.accounts["viber"].calls.load_balance(desk.client)
    assert (raised.value.code, len(desk.asked("balance"))) == (9, 10)
    desk.clock.advance(seconds=61)
    assert await calls.load_balance(desk.client) == balances[0]


async def test_a_price_is_told_and_nothing_is_sent(desk: Desk) -> None:
    calls = desk.accounts["sms"].calls
    message = {"phones": digits(ANA), "mes": "я" * 71}
    assert [await calls.load_price(message, desk.client) for _ in range(5)] == [Price(Decimal("2.80"), 2)] * 5
    with pytest.raises(RefusedError):
        await calls.load_price(message, desk.client)
    assert await calls.load_price(message | {"mes": "a"}, desk.client) == Price(Decimal("1.40"), 1)
    assert desk.sees() == []


async def test_the_inbox_comes_in_order_after_the_last_one_known(desk: Desk) -> None:
    for text in ("один", "two", "three"):
        await desk.simulator.says("sms", ANA, text)
    calls = desk.accounts["sms"].calls
    heard = await calls.load_inbox(desk.client, after=0)
    assert [message.text for message in heard] == ["один", "two", "three"]
    assert [m.text for m in await calls.load_inbox(desk.client, after=heard[0].id)] == ["two", "three"]
    assert await calls.load_inbox(desk.client, after=heard[-1].id) == []
    desk.simulator.empty_inbox = "error"
    assert await calls.load_inbox(desk.client, after=heard[-1].id) == []
    assert await calls.load_inbox(desk.client, after=0, number="70000000000") == []


async def test_a_refused_inbox_is_an_error(desk: Desk) -> None:
    desk.simulator.refuse(2)
    with pytest.raises(RefusedError, match=r"SMSC refused get\.php: 2 wrong login, password or key"):
        await desk.accounts["sms"].calls.load_inbox(desk.client, after=0)


async def test_every_request_asks_for_json_in_utf_8_and_shows_no_secret(desk: Desk) -> None:
    await desk.send()
    await desk.contacts.groups()
    await desk.accounts["sms"].calls.load_balance(desk.client)
    forms = [form for script in ("send", "phones", "balance") for form in desk.asked(script)]
    assert {(form["fmt"], form["charset"]) for form in forms} == {("3", "utf-8")}
    assert len(forms) == 3


async def test_the_statuses_of_a_message_come_in_the_order_of_the_numbers(desk: Desk) -> None:
    receipt = await desk.send()
    await desk.simulator.redeliver()
    calls, phones = desk.accounts["sms"].calls, [digits(BORIS), digits(ANA)]
    states = await calls.load_states(phones, receipt.id, desk.client, is_bot=False)
    assert [state.status for state in states] == [-3, 1]
    assert [s.status for s in await calls.load_states([digits(ANA)], receipt.id, desk.client, is_bot=False)] == [1]


async def test_statuses_of_other_messages_than_asked_for_are_no_answer() -> None:
    with pytest.raises(UnknownOutcomeError, match="told of 1 messages, not 2"):
        await account().calls.load_states(["1", "2"], "3", answering('[{"status": 1}]'), is_bot=False)
