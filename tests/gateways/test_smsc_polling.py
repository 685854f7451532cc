from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import msgspec
import pytest

from botkit.events import Event, MessageReceived, Subscribed, Unsubscribed
from botkit.exceptions import ServiceError
from botkit.gateways.smsc import Smsc
from botkit.gateways.smsc_polling import MAX_KNOWN, Cursor, Polling, Sources, audience
from botkit.messages import Raw
from botkit.simulators.simulator import phone_number
from botkit.simulators.wire import Fault
from tests.gateways.smsc_desk import ANA, BORIS, Desk, account, answering, opened
from tests.gateways.test_smsc_callbacks import signed

PHONE = phone_number(ANA)


class Asking:
    """An account that is asked for, once a minute, and what it knows."""

    def __init__(self, desk: Desk, adapter: Smsc) -> None:
        self.desk = desk
        self.adapter = desk.open(adapter)
        self.cursor = b""

    async def ask(self, *, keeps: bool = True) -> Sequence[Event]:
        """Returns what is heard a minute later; the cursor is lost where the events could not be stored."""
        self.desk.clock.advance(seconds=61)
        polled = await self.adapter.poll(self.cursor, self.desk.client)
        self.cursor = polled.cursor if keeps else self.cursor
        return polled.events

    async def told(self) -> list[tuple[str, str]]:
        """What is heard, as the type of each event and its person."""
        return [(type(event).__name__, event.conversation.id) for event in await self.ask()]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


@pytest.fixture
async def asking(desk: Desk) -> Asking:
    group = await desk.contacts.add_group("Readers")
    return Asking(desk, account(inbox="*", group=group))


# --- the inbox


async def test_what_people_wrote_is_heard_once(desk: Desk, asking: Asking) -> None:
    await desk.simulator.says("sms", ANA, "Привет, бот")
    (event,) = await asking.ask()
    assert isinstance(event, MessageReceived)
    assert (event.text, event.conversation.id) == ("Привет, бот", PHONE)
    assert timedelta() <= desk.clock.now() - event.at < timedelta(minutes=2)
    await desk.simulator.says("sms", BORIS, "And me")
    assert await asking.told() == [("MessageReceived", phone_number(BORIS))]
    assert await asking.told() == []


async def test_what_could_not_be_stored_is_told_again_alike(desk: Desk, asking: Asking) -> None:
    await desk.simulator.says("sms", ANA, "hello")
    await desk.contacts.block(phone_number(BORIS))
    first = await asking.ask(keeps=False)
    assert [event.id for event in first] == [event.id for event in await asking.ask()]
    assert len(first) == 2


async def test_stop_and_start_in_the_inbox_are_heard_as_such(desk: Desk, asking: Asking) -> None:
    await desk.simulator.says("sms", ANA, "стоп")
    await desk.simulator.says("sms", ANA, "START")
    assert [type(event) for event in await asking.ask()] == [Unsubscribed, Subscribed]


async def test_a_message_that_a_callback_has_told_with_its_id_is_the_same_event(desk: Desk, asking: Asking) -> None:
    await desk.simulator.says("sms", ANA, "hello")
    (event,) = await asking.ask()
    fields = {"phone": PHONE, "mes": "hello", "to": "79037000000", "id": str(event.raw["id"])}
    (told,) = asking.adapter.parse(signed(fields))
    assert told.id == event.id


@pytest.mark.parametrize(("inbox", "heard"), [("*", 1), ("79037000000", 1), ("79037000001", 0), ("", 0)])
async def test_an_account_hears_its_number(desk: Desk, inbox: str, heard: int) -> None:
    await desk.simulator.says("sms", ANA, "hello")
    assert len(await Asking(desk, account(inbox=inbox)).ask()) == heard


async def test_a_refused_inbox_ends_the_round(desk: Desk, asking: Asking) -> None:
    await desk.contacts.block(PHONE)
    desk.simulator.refuse(2)
    with pytest.raises(ServiceError):
        await asking.ask()
    assert await asking.told() == [("Unsubscribed", PHONE)]


async def test_a_message_whose_time_cannot_be_read_came_now(desk: Desk, asking: Asking) -> None:
    body = b'[{"id": 7, "received": "yesterday", "phone": "79990001122", "message": "hi", "to_phone": "", "sent": ""}]'
    desk.simulator.wire.faults.append(Fault(status=200, body=body))
    (event,) = await asking.ask()
    assert timedelta() <= desk.clock.now() - event.at < timedelta(seconds=10)


# --- the blacklist


async def test_who_is_put_on_the_blacklist_has_left_and_who_is_taken_off_is_back(desk: Desk, asking: Asking) -> None:
    record = await desk.contacts.block(PHONE, comment="asked to stop")
    assert await asking.told() == [("Unsubscribed", PHONE)]
    assert await asking.told() == []
    await desk.contacts.unblock(record)
    assert await asking.told() == [("Subscribed", PHONE)]
    assert await asking.told() == []


async def test_a_second_time_is_another_event(desk: Desk, asking: Asking) -> None:
    ids = []
    for _ in range(2):
        record = await desk.contacts.block(PHONE)
        ids += [event.id for event in await asking.ask()]
        await desk.contacts.unblock(record)
        ids += [event.id for event in await asking.ask()]
    assert len(set(ids)) == 4


async def stop(desk: Desk, asking: Asking, method: str = "stop") -> None:
    message = Raw(channel="smsc", method=method, payload={"phone": PHONE}, is_call=True)
    await asking.adapter.send(desk.outgoing(message), desk.place(), desk.client)


async def test_who_told_us_themselves_is_not_told_of_again(desk: Desk, asking: Asking) -> None:
    await asking.ask()
    await stop(desk, asking)
    assert await asking.told() == []


async def test_but_is_told_to_another_account_and_to_one_that_has_forgotten(desk: Desk, asking: Asking) -> None:
    other = Asking(desk, account("viber"))
    await other.ask()
    await asking.ask()
    await stop(desk, asking)
    assert await other.told() == [("Unsubscribed", PHONE)]
    asking.cursor = b""
    assert await asking.told() == [("Unsubscribed", PHONE)]


async def test_nobody_is_told_of_by_a_blacklist_that_is_off(desk: Desk) -> None:
    await desk.contacts.block(PHONE)
    assert await Asking(desk, account(blacklist_commands=())).ask() == []


# --- the group


async def test_who_joins_the_group_can_be_written_to(desk: Desk, asking: Asking) -> None:
    await desk.contacts.add(PHONE, group=asking.adapter.group)
    await desk.contacts.add(phone_number(BORIS))
    assert await asking.told() == [("Subscribed", PHONE)]
    assert await asking.told() == []


async def test_who_joins_a_second_time_is_told_of_a_second_time(desk: Desk, asking: Asking) -> None:
    ids = []
    for _ in range(3):
        await desk.contacts.add(PHONE, group=asking.adapter.group)
        ids += [event.id for event in await asking.ask()]
        await desk.contacts.leave(PHONE, asking.adapter.group)
        assert await asking.ask() == []
    assert len(set(ids)) == 3


async def test_a_member_who_is_on_the_blacklist_is_not_written_to(desk: Desk, asking: Asking) -> None:
    await desk.contacts.add(PHONE, group=asking.adapter.group)
    record = await desk.contacts.block(PHONE)
    assert await asking.told() == [("Unsubscribed", PHONE)]
    await desk.contacts.unblock(record)
    assert await asking.told() == [("Subscribed", PHONE)]


async def test_who_comes_back_by_a_word_of_theirs_is_not_told_of_again(desk: Desk, asking: Asking) -> None:
    await asking.ask()
    await stop(desk, asking, "start")
    assert await asking.told() == []
    await stop(desk, asking)
    await asking.ask()
    await stop(desk, asking, "start")
    assert await asking.told() == []
    # But who is put into it by hand is.
    await stop(desk, asking)
    await desk.contacts.unblock((await desk.contacts.blacklist())[0].id)
    await asking.ask()
    await desk.contacts.join(PHONE, asking.adapter.group)
    assert await asking.told() == [("Subscribed", PHONE)]


async def test_a_cursor_tells_no_number_of_a_member(desk: Desk, asking: Asking) -> None:
    await desk.contacts.add(PHONE, group=asking.adapter.group)
    await asking.ask()
    assert len(msgspec.json.decode(asking.cursor, type=Cursor).members) == 1
    assert PHONE.removeprefix("+").encode() not in asking.cursor


async def test_nobody_seems_to_be_back_because_a_list_is_too_long(desk: Desk) -> None:
    rows = [{"id": f"{each}", "phone": f"7999000112{each}", "type": 0, "comment": ""} for each in range(4)]
    adapter, cursor, told = account(), b"", []
    for listed in (rows[2:], rows, rows[:3]):
        client = answering(msgspec.json.encode(listed).decode())
        contacts, desk_now = adapter.contacts(client), desk.clock.now()
        polled = await Polling(adapter.account, Sources(mark="ours", most=2), contacts, desk_now).run(cursor)
        cursor = polled.cursor
        told.append([(type(event).__name__, event.conversation.id[-1]) for event in polled.events])
    # The newest stand first.
    assert told == [[("Unsubscribed", "2"), ("Unsubscribed", "3")], [], [("Unsubscribed", "0"), ("Subscribed", "3")]]


async def test_nobody_seems_to_be_back_because_the_blacklist_is_switched_off(desk: Desk) -> None:
    asking = Asking(desk, account())
    await desk.contacts.block(PHONE)
    await asking.ask()
    asking.adapter = desk.open(account(blacklist_commands=()))
    assert await asking.told() == []
    assert not asking.adapter.audience(asking.cursor)(PHONE)


# --- broadcasts


async def test_broadcasts_are_for_the_members_of_the_group_but_for_the_blacklist(desk: Desk, asking: Asking) -> None:
    for person in (ANA, BORIS):
        await desk.contacts.add(phone_number(person), group=asking.adapter.group)
    await desk.contacts.block(phone_number(BORIS))
    await asking.ask()
    is_meant = asking.adapter.audience(asking.cursor)
    assert [is_meant(phone) for phone in (PHONE, phone_number(BORIS), "+79990009999")] == [True, False, False]


async def test_without_a_group_broadcasts_are_for_everybody_but_the_blacklist(desk: Desk) -> None:
    asking = Asking(desk, account())
    assert asking.adapter.audience(b"")(PHONE)
    await desk.contacts.block(phone_number(BORIS))
    await asking.ask()
    is_meant = asking.adapter.audience(asking.cursor)
    assert [is_meant(phone) for phone in (PHONE, phone_number(BORIS))] == [True, False]


async def test_the_members_of_another_group_are_not_those_of_this_one(desk: Desk, asking: Asking) -> None:
    await desk.contacts.add(PHONE, group=asking.adapter.group)
    await asking.ask()
    other = await desk.contacts.add_group("Others")
    asking.adapter = desk.open(account(group=other))
    desk.simulator.wire.faults += [Fault(status=502)] * 2
    await asking.ask()
    assert not asking.adapter.audience(asking.cursor)(PHONE)


@pytest.mark.parametrize(("count", "is_open"), [(MAX_KNOWN - 1, False), (MAX_KNOWN, True)])
def test_a_group_that_is_too_long_to_be_kept_keeps_nobody_out(count: int, is_open: bool) -> None:
    cursor = Cursor(members=tuple(map(str, range(count))), turn=1, group="12")
    assert audience(msgspec.json.encode(cursor))(PHONE) is is_open


# --- what cannot be had


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("fault", [Fault(status=502), Fault(status=200, body=b'{"error": "x", "error_code": 4}')])
async def test_a_list_that_cannot_be_had_changes_nothing(desk: Desk, count: int, fault: Fault) -> None:
    asking = Asking(desk, account(group=await desk.contacts.add_group("Readers")))
    await desk.contacts.block(PHONE)
    await desk.contacts.add(phone_number(BORIS), group=asking.adapter.group)
    assert len(await asking.ask()) == 2
    desk.simulator.wire.faults += [fault] * count
    assert await asking.ask() == []
    assert await asking.ask() == []


async def test_numbers_that_are_none_are_left_out(desk: Desk) -> None:
    asking = Asking(desk, account())
    people = [("1", "a@b.example"), ("2", "79990001122")]
    body = msgspec.json.encode([{"id": each, "phone": phone, "type": 0, "comment": ""} for each, phone in people])
    desk.simulator.wire.faults.append(Fault(status=200, body=body))
    assert await asking.told() == [("Unsubscribed", "+79990001122")]


async def test_what_another_version_has_kept_begins_anew(desk: Desk, asking: Asking) -> None:
    await desk.contacts.block(PHONE)
    asking.cursor = b'{"after": "yesterday"}'
    assert await asking.told() == [("Unsubscribed", PHONE)]
    assert msgspec.json.decode(asking.cursor, type=Cursor).turn == 1


def test_an_account_asks_every_minute_and_for_the_inbox_only_without_callbacks() -> None:
    assert account().poll_seconds == 60
    assert account().inbox == ""
    assert account(callback_secret="").inbox == "*"
