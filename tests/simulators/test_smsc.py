"""The people of the simulated SMSC, and what it remembers."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from botkit.channels.viber import Viber
from botkit.simulators.simulator import NotOnScreenError, Simulator, load_simulator, phone_number
from botkit.simulators.smsc import SmscSimulator
from botkit.simulators.smsc_state import MEMORY
from tests.simulators.smsc_rig import ANA, BORIS, TO_ANA, Account, Rig, opened


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


def test_it_is_found_by_its_channel() -> None:
    assert load_simulator("smsc") is SmscSimulator


async def test_people_are_known_by_their_numbers(rig: Rig) -> None:
    assert {rig.simulator.conversation_id(ta, ANA) for ta in rig.accounts} == {phone_number(ANA)}


@pytest.mark.parametrize(("name", "mark"), [("uid", "#"), ("nickname", "@")])
async def test_a_bot_may_know_people_by_another_name(rig: Rig, name: Any, mark: str) -> None:
    rig.simulator.names = name
    ids = {rig.simulator.conversation_id("bot", person) for person in (ANA, BORIS)}
    assert len(ids) == 2
    assert {each[0] for each in ids} == {mark}
    assert rig.simulator.conversation_id("sms", ANA) == phone_number(ANA)
    await rig.simulator.says("bot", ANA, "hi")
    assert rig.handler.told[0]["phone"] == rig.simulator.conversation_id("bot", ANA)


@pytest.mark.parametrize(
    ("ta", "to"),
    [("sms", "79037000000"), ("viber", "79037000000"), ("bot", "@demo_shop_bot"), ("whatsapp", "79037000009")],
)
async def test_what_people_write_names_whom_they_wrote_to(rig: Rig, ta: str, to: str) -> None:
    await rig.simulator.says(ta, ANA, "hi")
    assert rig.handler.told[0]["to"] == to
    assert rig.sees(ta) == ["hi"]
    assert {other for other in rig.accounts if rig.sees(other)} == {ta}


async def test_nobody_is_told_that_a_bot_was_started_unless_that_is_switched_on(rig: Rig) -> None:
    await rig.simulator.opens("bot", ANA, "spring")
    assert rig.handler.requests == []
    rig.simulator.tells_start = True
    await rig.simulator.opens("bot", BORIS, "spring")
    await rig.simulator.opens("bot", BORIS)
    assert [told["mes"] for told in rig.handler.told] == ["/start spring", "/start"]


async def test_elsewhere_there_is_nothing_to_open(rig: Rig) -> None:
    rig.simulator.tells_start = True
    await rig.simulator.opens("sms", ANA)
    assert (rig.handler.requests, rig.sees("sms")) == ([], [])


async def test_to_leave_is_to_write_stop(rig: Rig) -> None:
    await rig.simulator.leaves("viber", ANA)
    assert [told["mes"] for told in rig.handler.told] == ["STOP"]


async def test_of_a_blocked_bot_nobody_is_told(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError, match="has not started"):
        await rig.simulator.leaves("bot", ANA)
    await rig.simulator.opens("bot", ANA)
    await rig.simulator.leaves("bot", ANA)
    assert rig.handler.requests == []
    with pytest.raises(NotOnScreenError):
        await rig.simulator.leaves("bot", ANA)


async def test_people_can_only_write(rig: Rig) -> None:
    simulator: Simulator = rig.simulator
    for act in (
        simulator.taps("sms", ANA, "Yes"),
        simulator.sends_photo("sms", ANA),
        simulator.sends_file("sms", ANA),
        simulator.sends_location("sms", ANA, 1, 2),
        simulator.says("sms", ANA, " "),
    ):
        with pytest.raises(NotOnScreenError):
            await act
    assert rig.sees("sms") == []


def test_only_accounts_of_the_service_with_credentials_are_opened() -> None:
    rig = Rig()
    with pytest.raises(TypeError, match="SMSC adapters"):
        rig.simulator.add_account(Viber("44d32a6f1b-cafe-0123-canary", ta="demo"))
    nobody = Account("nobody")
    nobody.password = nobody.api_key = None
    with pytest.raises(TypeError, match="password or an API key"):
        rig.simulator.add_account(nobody)


async def test_a_group_that_an_account_s_settings_name_is_there_until_it_is_deleted() -> None:
    rig, adapter = Rig(), Account("reader")
    adapter.group = "4711"
    rig.simulator.add_account(adapter)
    assert await rig.asks("phones", get_group=1) == "id = 4711, name = reader, number = 1, cnt = 0"
    assert int((await rig.asks("phones", add_group=1, name="more")).removeprefix("ID = ")) > 4711
    assert await rig.asks("phones", del_group=1, grp=4711) == "OK"
    assert "4711" not in await rig.asks("phones", get_group=1, fmt=1)
    await rig.close()


async def test_clients_with_other_logins_share_nothing(rig: Rig) -> None:
    other = Account("other", login="other")
    other.api_key = None
    rig.simulator.add_account(other)
    await rig.sends()
    await rig.asks("phones", add=1, phone=TO_ANA)
    assert rig.simulator.screen("other", ANA) == []
    assert await rig.asks("phones", get=1, login="other") == "ERROR = 3 (records not found)"
    assert await rig.asks("balance", login="other") == "1000.00"


async def test_a_phone_keeps_the_newest_messages(rig: Rig) -> None:
    for number in range(MEMORY + 2):
        rig.simulator.client("sms").balance = 1000
        await rig.sends(str(number))
    assert rig.sees("sms") == [str(number) for number in range(2, MEMORY + 2)]


async def test_a_restart_forgets_nothing_but_the_accounts(rig: Rig) -> None:
    await rig.simulator.opens("bot", ANA)
    await rig.asks("phones", add=1, phone=TO_ANA, name="Аня")
    await rig.sends("one", id=7, time="+5")
    rig.handler.status = 500
    await rig.simulator.says("sms", BORIS, "hi")
    later = SmscSimulator(rig.clock, httpx.MockTransport(rig.handler))
    for account in rig.accounts.values():
        later.add_account(account)
    later.restore(rig.simulator.snapshot())
    rig.simulator, rig.handler.status = later, 200
    rig.http = rig.connect()
    rig.handler.requests.clear()
    assert "Аня" in await rig.asks("phones", get=1)
    await rig.sends("two", bot="@demo_shop_bot")
    assert rig.sees("bot") == ["two"]
    rig.clock.advance(minutes=5)
    assert await later.redeliver() > 0
    assert rig.sees("sms") == ["one"]
    assert sorted(told.get("mes", told.get("status", "")) for told in rig.handler.told) == ["1", "1", "2", "hi"]
    await later.close()


async def test_after_a_restart_without_memory_ids_go_on(rig: Rig) -> None:
    first = rig.simulator.next_id(), rig.simulator.next_answer()
    later = SmscSimulator(rig.clock)
    rig.clock.advance(seconds=1)
    assert (later.next_id(), later.next_answer()) > first
    assert later.next_answer() > first[1]
    assert later.next_id() < 2**31
    await later.close()


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(len(rig.simulator.snapshot()))
    for act in (
        rig.sends(),
        rig.simulator.says("sms", ANA, "hi"),
        rig.simulator.opens("bot", ANA),
        rig.simulator.leaves("bot", ANA),
        rig.asks("phones", add=1, phone=TO_ANA),
    ):
        before = len(changes)
        await act
        assert len(changes) > before
