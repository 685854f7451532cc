from collections.abc import AsyncIterator

import pytest

from botkit.exceptions import ServiceError, UnknownOutcomeError
from botkit.gateways.smsc import RefusedError
from botkit.gateways.smsc_answers import Contact, Group
from botkit.gateways.smsc_calls import MAX_LIST
from botkit.http_client import HttpAnswer
from botkit.simulators.simulator import phone_number
from botkit.simulators.wire import Fault
from tests.gateways.smsc_desk import ANA, BORIS, Desk, account, answering, digits, opened

PHONE = phone_number(ANA)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


async def test_a_contact_is_created_changed_and_deleted(desk: Desk) -> None:
    book = desk.contacts
    assert (await book.add(PHONE, name="Ann", id="crm-7", comments="vip, old")).isdigit()
    assert await book.change(PHONE, name="Anna", first_name="Анна", birthday="05.11.1990")
    assert await book.contacts() == [
        Contact(digits(ANA), "Anna", "0", first_name="Анна", birthday="05.11.1990", id="crm-7", comments="vip, old")
    ]
    assert await book.delete(PHONE)
    desk.clock.advance(seconds=61)
    assert await book.contacts() == []


async def test_a_contact_gets_another_number(desk: Desk) -> None:
    await desk.contacts.add(PHONE)
    assert await desk.contacts.change(PHONE, new_phone=phone_number(BORIS))
    assert [contact.phones for contact in await desk.contacts.contacts()] == [(digits(BORIS),)]


async def test_all_fields_of_a_contact_can_be_given(desk: Desk) -> None:
    fields = {
        "name": "Ann", "first_name": "Anna", "last_name": "Demo", "middle_name": "M", "birthday": "05.11.1990",
        "id": "crm-7", "comments": "vip", "tags": "a,b", "phone_other": "79990003344",
    }  # fmt: skip
    await desk.contacts.add(PHONE, **fields)
    (contact,) = await desk.contacts.contacts()
    assert {name: getattr(contact, name) for name in fields} == fields


async def test_a_field_that_contacts_have_not_is_a_mistake(desk: Desk) -> None:
    with pytest.raises(TypeError, match="first_nmae; it has name, group, first_name"):
        await desk.contacts.add(PHONE, first_nmae="Ann")


async def test_a_group_is_created_renamed_and_deleted(desk: Desk) -> None:
    group = await desk.contacts.add_group("VIP", number="3")
    assert await desk.contacts.rename_group(group, "Друзья")
    assert await desk.contacts.groups() == [Group(group, "Друзья", "3", 0)]
    assert await desk.contacts.delete_group(group)
    assert await desk.contacts.groups() == []


async def test_a_contact_moves_joins_and_leaves_groups(desk: Desk) -> None:
    book = desk.contacts
    first, second = await book.add_group("A"), await book.add_group("B")
    await book.add(PHONE, group=first)

    async def groups() -> list[str]:
        desk.clock.advance(seconds=61)
        return sorted(contact.group for contact in await book.contacts())

    assert await groups() == [first]
    assert await book.join(PHONE, second)
    assert await groups() == [first, second]
    assert await book.leave(PHONE, first)
    assert await groups() == [second]
    assert await book.move(PHONE, first)
    assert await groups() == [first]
    assert [contact.phone for contact in await book.contacts(group=first)] == [digits(ANA)]
    assert await book.contacts(group=second) == []


async def test_a_record_of_the_blacklist_is_added_listed_and_deleted(desk: Desk) -> None:
    record = await desk.contacts.block(PHONE, kind=1, comment="asked to stop, twice")
    (listed,) = await desk.contacts.blacklist()
    assert (listed.id, listed.phone, listed.type, listed.comment) == (record, digits(ANA), 1, "asked to stop, twice")
    assert await desk.contacts.unblock(record)
    assert await desk.contacts.blacklist() == []


async def test_what_is_not_there_is_no_error(desk: Desk) -> None:
    book = desk.contacts
    assert not await book.change(PHONE, name="Ann")
    assert not await book.delete(PHONE)
    assert not await book.join(PHONE, "4711")
    assert not await book.rename_group("4711", "A")
    assert not await book.delete_group("4711")
    assert not await book.unblock("4711")
    assert [await book.contacts(), await book.groups(), await book.blacklist()] == [[], [], []]


async def test_the_commands_of_the_blacklist_have_the_names_that_the_settings_give(desk: Desk) -> None:
    desk.simulator.commands = {
        "list groups": "get_group",
        "add to blacklist": "bl_in",
        "delete from blacklist": "bl_out",
        "list blacklist": "bl",
    }
    book = account(blacklist_commands=("bl_in", "bl_out", "bl")).contacts(desk.client)
    await book.unblock(await book.block(PHONE))
    assert await book.blacklist() == []


@pytest.mark.parametrize(
    ("code", "verdict", "wait"), [(1, "refuse", 0), (2, "give up", 0), (4, "retry", 60), (5, "retry", 60)]
)
async def test_an_error_says_what_to_do(desk: Desk, code: int, verdict: str, wait: float) -> None:
    desk.simulator.refuse(code, "canary")
    with pytest.raises(RefusedError) as raised:
        await desk.contacts.add(PHONE)
    assert (raised.value.code, raised.value.verdict.value, raised.value.retry_after) == (code, verdict, wait)
    assert "canary" not in str(raised.value)


async def test_the_fourth_equal_request_within_a_minute_is_not_made(desk: Desk) -> None:
    for _ in range(3):
        await desk.contacts.blacklist()
    with pytest.raises(RefusedError) as raised:
        await desk.contacts.blacklist()
    assert raised.value.code == 9
    assert 60 < raised.value.retry_after <= 61
    assert len(desk.asked("phones")) == 3
    # Another is another.
    await desk.contacts.groups()
    desk.clock.advance(seconds=raised.value.retry_after)
    await desk.contacts.blacklist()


async def test_accounts_with_one_login_keep_the_limit_together(desk: Desk) -> None:
    for way in ("sms", "viber", "telegram"):
        await desk.accounts[way].contacts(desk.client).groups()
    with pytest.raises(RefusedError):
        await desk.accounts["bot"].contacts(desk.client).groups()
    other = desk.open(account(login="other", ta="other"))
    assert await other.contacts(desk.client).groups() == []


@pytest.mark.parametrize("fault", [Fault(status=502), Fault(status=200, body=b""), Fault(status=200, body=b"<html>")])
async def test_an_answer_that_is_none_proves_nothing(desk: Desk, fault: Fault) -> None:
    desk.simulator.wire.faults.append(fault)
    with pytest.raises(UnknownOutcomeError):
        await desk.contacts.add(PHONE)


@pytest.mark.parametrize("longer", [0, 1])
async def test_a_list_may_be_long(desk: Desk, longer: int) -> None:
    row = '{"id": 1, "phone": "79990001122", "type": 0, "comment": "x"}'
    body = f"[{row}{' ' * (MAX_LIST - len(row) - 2 + longer)}]".encode()
    desk.simulator.wire.faults.append(Fault(status=200, body=body))
    if longer:
        with pytest.raises(UnknownOutcomeError, match="longer than 16777216 bytes"):
            await desk.contacts.blacklist()
    else:
        assert len(await desk.contacts.blacklist()) == 1


async def test_another_status_of_http_is_a_refusal() -> None:
    with pytest.raises(ServiceError) as raised:
        await account().contacts(answering(HttpAnswer(403, {}, b""))).groups()
    assert raised.value.code == "HTTP 403"
    with pytest.raises(RefusedError) as throttled:
        await account().contacts(answering(HttpAnswer(429, {}, b""))).groups()
    assert throttled.value.retry_after == 60


async def test_a_change_that_is_refused_is_not_one_that_found_nothing(desk: Desk) -> None:
    desk.simulator.refuse(5)
    with pytest.raises(RefusedError):
        await desk.contacts.delete(PHONE)
    desk.simulator.refuse(4)
    with pytest.raises(RefusedError):
        await desk.contacts.groups()
