from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from botkit.adapter import Outcome, Receipt
from botkit.conversation import Conversation
from botkit.events import Event, MessageReceived, Subscribed, Unsubscribed
from botkit.exceptions import NotSentError
from botkit.http_client import HttpAnswer
from botkit.messages import Raw
from botkit.outgoing import Outgoing
from botkit.simulators.simulator import Person, phone_number
from botkit.simulators.wire import Fault
from tests.gateways.smsc_desk import ANA, BORIS, Desk, account, answering, digits, opened

PHONE = phone_number(ANA)
STOP = Raw(channel="smsc", method="stop", payload={"phone": PHONE}, is_call=True)
START = Raw(channel="smsc", method="start", payload={"phone": PHONE}, is_call=True)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        group = await desk.contacts.add_group("Readers")
        desk.accounts["sms"] = desk.open(account(group=group))
        yield desk


async def call(desk: Desk, message: Raw, **more: Any) -> Receipt:
    return await desk.accounts["sms"].send(desk.outgoing(message, **more), desk.place(), desk.client)


async def blocked(desk: Desk) -> list[str]:
    desk.clock.advance(seconds=61)
    return [record.phone for record in await desk.contacts.blacklist()]


async def members(desk: Desk) -> list[str]:
    desk.clock.advance(seconds=61)
    group = desk.accounts["sms"].group
    return [contact.phone for contact in await desk.contacts.contacts(group=group)]


# --- what is to be done


def event(kind: type[Event], phone: str = PHONE, raw: bytes = b"{}", way: str = "sms", **more: Any) -> Event:
    adapter = account(way, **more)
    to, known = Conversation(adapter.account, phone), msgspec.Raw(raw)
    return kind(id="e" * 22, at=datetime.now(UTC), conversation=to, raw_json=known)


def test_who_leaves_is_to_be_blocked_and_who_comes_back_is_not() -> None:
    assert account().acknowledge(event(Unsubscribed)) == STOP
    assert account().acknowledge(event(Subscribed)) == START


def test_nothing_else_is_told_to_the_service() -> None:
    assert account().acknowledge(event(MessageReceived)) is None
    assert account("bot").acknowledge(event(Unsubscribed, "@ana_kos", way="bot")) is None
    assert account(blacklist_commands=()).acknowledge(event(Unsubscribed)) is None


@pytest.mark.parametrize("raw", [b'{"blacklist":"900"}', b'{"unlisted":"900"}', b'{"group":"12"}'])
@pytest.mark.parametrize("kind", [Subscribed, Unsubscribed])
def test_what_the_service_has_told_by_its_lists_is_not_told_back(raw: bytes, kind: type[Event]) -> None:
    assert account().acknowledge(event(kind, raw=raw)) is None


def test_but_the_group_follows_the_blacklist() -> None:
    adapter = account(group="12")
    for kind, raw, call in (
        (Unsubscribed, b'{"blacklist":"900"}', STOP),
        (Subscribed, b'{"unlisted":"900"}', START),
    ):
        told = {"phone": PHONE, "listed": True}
        assert adapter.acknowledge(event(kind, raw=raw)) == replace(call, payload=told)
    assert adapter.acknowledge(event(Subscribed, raw=b'{"group":"12"}')) is None


# --- doing it


async def test_who_leaves_is_on_the_blacklist_and_in_the_group_no_more(desk: Desk) -> None:
    assert await call(desk, START) == Receipt(Outcome.SENT)
    assert await members(desk) == [digits(ANA)]
    assert await call(desk, STOP) == Receipt(Outcome.SENT)
    assert await blocked(desk) == [digits(ANA)]
    assert await members(desk) == []


async def test_who_comes_back_is_off_it_and_in_the_group_again(desk: Desk) -> None:
    await call(desk, STOP)
    assert await call(desk, START) == Receipt(Outcome.SENT)
    assert await blocked(desk) == []
    assert await members(desk) == [digits(ANA)]


async def test_who_is_put_on_the_blacklist_by_hand_has_one_record_there_and_is_out_of_the_group(desk: Desk) -> None:
    await call(desk, START)
    await desk.contacts.block(PHONE, comment="called us")
    told = {"phone": PHONE, "listed": True}
    assert await call(desk, replace(STOP, payload=told)) == Receipt(Outcome.SENT)
    assert (await blocked(desk), await members(desk)) == ([digits(ANA)], [])
    assert await call(desk, replace(START, payload=told)) == Receipt(Outcome.SENT)
    assert (await blocked(desk), await members(desk)) == ([digits(ANA)], [digits(ANA)])


async def test_others_stay_where_they_are(desk: Desk) -> None:
    await desk.contacts.block(phone_number(BORIS))
    await call(desk, STOP)
    await call(desk, START)
    assert await blocked(desk) == [digits(BORIS)]


async def test_a_contact_keeps_its_other_groups(desk: Desk) -> None:
    other = await desk.contacts.add_group("Friends")
    await desk.contacts.add(PHONE, group=other)
    await call(desk, START)
    assert [contact.phone for contact in await desk.contacts.contacts(group=other)] == [digits(ANA)]


@pytest.mark.parametrize("message", [STOP, START])
async def test_doing_it_again_does_no_harm(desk: Desk, message: Raw) -> None:
    for _ in range(3):
        desk.clock.advance(seconds=61)
        assert (await call(desk, message)).outcome is Outcome.SENT
    assert await members(desk) == ([digits(ANA)] if message == START else [])
    await call(desk, START)
    assert await blocked(desk) == []


async def test_thirty_who_come_back_cost_one_look_at_the_blacklist(desk: Desk) -> None:
    people = [Person(f"Reader {number}") for number in range(30)]
    for person in people:
        await desk.contacts.block(phone_number(person))
    created = round(desk.clock.timestamp() * 1000) - 1
    before = len([form for form in desk.asked("phones") if "get_bl" in form])
    for person in people:
        message = Raw(channel="smsc", method="start", payload={"phone": phone_number(person)}, is_call=True)
        assert (await call(desk, message, created_ms=created)).outcome is Outcome.SENT
    assert len([form for form in desk.asked("phones") if "get_bl" in form]) == before + 1
    assert await blocked(desk) == []


async def test_who_left_after_the_last_look_is_looked_for_again(desk: Desk) -> None:
    await call(desk, START)
    desk.clock.advance(seconds=1)
    await desk.contacts.block(PHONE)
    assert (await call(desk, START)).outcome is Outcome.SENT
    assert await blocked(desk) == []


async def test_a_fourth_look_within_a_minute_waits(desk: Desk) -> None:
    for _ in range(3):
        await desk.contacts.blacklist()
    receipt = await call(desk, START)
    assert receipt.outcome is Outcome.NOT_SENT
    assert 60 < receipt.retry_after <= 61


@pytest.mark.parametrize(
    ("answer", "outcome", "wait"),
    [
        ('{"error": "x", "error_code": 4}', Outcome.NOT_SENT, 60),
        ('{"error": "too many concurrent requests", "error_code": 9}', Outcome.NOT_SENT, 1),
        ('{"error": "x", "error_code": 2}', Outcome.REFUSED, 0),
        (HttpAnswer(403, {}, b""), Outcome.REFUSED, 0),
        (HttpAnswer(502, {}, b""), Outcome.NOT_SENT, 60),
        ("", Outcome.NOT_SENT, 60),
    ],
)
@pytest.mark.parametrize("message", [STOP, START])
async def test_what_fails_is_tried_again_or_not(answer: Any, outcome: Outcome, wait: float, message: Raw) -> None:
    adapter = account(ta=f"{message.method}{outcome}{wait}", login=f"{message.method}{outcome}{wait}")
    outgoing = Outgoing("k00", ("smsc", adapter.ta), PHONE, message)
    receipt = await adapter.send(outgoing, Conversation(adapter.account, PHONE), answering(answer))
    assert (receipt.outcome, receipt.retry_after) == (outcome, wait)


async def test_the_group_is_kept_although_the_commands_of_the_blacklist_are_others(desk: Desk) -> None:
    group = desk.accounts["sms"].group
    desk.accounts["sms"] = desk.open(account(group=group, blacklist_commands=("add_black", "del_black", "get_black")))
    assert (await call(desk, START)).outcome is Outcome.REFUSED
    assert await members(desk) == [digits(ANA)]
    receipt = await call(desk, STOP)
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "SMSC refused phones.php: 1 wrong parameters")
    assert await members(desk) == []


async def test_the_blacklist_is_kept_although_the_group_is_no_more(desk: Desk) -> None:
    await desk.contacts.delete_group(desk.accounts["sms"].group)
    assert (await call(desk, STOP)).outcome is Outcome.SENT
    assert await blocked(desk) == [digits(ANA)]
    assert (await call(desk, START)).outcome is Outcome.REFUSED
    assert await blocked(desk) == []


async def test_what_may_come_right_is_tried_again_although_the_rest_does_not(desk: Desk) -> None:
    desk.simulator.refuse(1)
    desk.simulator.refuse(1)
    desk.simulator.refuse(4)
    assert (await call(desk, STOP)).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(("listed", "outcome"), [(True, Outcome.SENT), (False, Outcome.NOT_SENT)])
async def test_a_number_that_cannot_be_blocked_because_it_is_there_is_blocked(
    desk: Desk, listed: bool, outcome: Outcome
) -> None:
    if listed:
        await desk.contacts.block(PHONE)
    desk.simulator.refuse(5, "there already")
    assert (await call(desk, STOP)).outcome is outcome


async def test_a_request_that_never_left_is_the_engine_s_to_class(desk: Desk) -> None:
    with pytest.raises(NotSentError):
        await account().send(desk.outgoing(STOP), desk.place(), answering(NotSentError("no connection")))


async def test_a_stop_that_arrived_although_its_answer_was_lost_is_done_by_the_next_attempt(desk: Desk) -> None:
    await call(desk, START)
    desk.simulator.wire.faults.append(Fault(status=502, before=False))
    assert (await call(desk, STOP)).outcome is Outcome.NOT_SENT
    desk.clock.advance(seconds=61)
    assert (await call(desk, STOP)).outcome is Outcome.SENT
    assert await members(desk) == []
    await call(desk, START)
    assert await blocked(desk) == []


async def test_without_a_group_only_the_blacklist_is_kept_and_without_it_only_the_group(desk: Desk) -> None:
    group = desk.accounts["sms"].group
    desk.accounts["sms"] = desk.open(account())
    await call(desk, START)
    await call(desk, STOP)
    assert not any("grp" in form for form in desk.asked("phones")[1:])
    assert await blocked(desk) == [digits(ANA)]
    desk.accounts["sms"] = desk.open(account(group=group, blacklist_commands=()))
    before = len(desk.asked("phones"))
    await call(desk, START)
    await call(desk, STOP)
    assert all("bl" not in "".join(form) for form in desk.asked("phones")[before:])
