"""The address book of the simulated SMSC."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.simulators.smsc_rig import TO_ANA, TO_BORIS, Rig, opened

Json = dict[str, Any]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


async def ask(rig: Rig, **fields: Any) -> Any:
    rig.clock.advance(seconds=60)
    return json.loads(await rig.asks("phones", fmt=3, **fields))


async def add(rig: Rig, phone: str = TO_ANA, **fields: Any) -> int:
    return int((await ask(rig, add=1, phone=phone, **fields))["id"])


async def add_group(rig: Rig, name: str = "VIP", **fields: Any) -> int:
    return int((await ask(rig, add_group=1, name=name, **fields))["id"])


async def groups_of(rig: Rig, phone: str = TO_ANA) -> list[int]:
    return [row["group"] for row in await ask(rig, get=1) if row["phone"] == phone]


def code(answer: Json) -> int:
    return int(answer.get("error_code", 0))


async def test_a_contact_comes_back_with_the_client_s_id_and_not_with_the_service_s(rig: Rig) -> None:
    server_id = await add(rig, myid="crm-7")
    (row,) = await ask(rig, get=1)
    assert row["id"] == "crm-7" != str(server_id)
    assert {name: type(value) for name, value in row.items() if not isinstance(value, str)} == {"group": int}


async def test_the_types_of_json_are_the_service_s(rig: Rig) -> None:
    await add(rig, grp=await add_group(rig))
    await ask(rig, add_bl=1, phone=TO_ANA)
    (group,), (record,) = await ask(rig, get_group=1), await ask(rig, get_bl=1)
    assert [type(group[name]) for name in ("id", "name", "number", "cnt")] == [int, str, int, str]
    assert [type(record[name]) for name in ("id", "phone", "type", "comment")] == [int, str, int, str]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("79990001122", "79990001122"),
        ("+7 (999) 000-11-22", "79990001122"),
        ("89990001122", "79990001122"),
        ("9990001122", "79990001122"),
        ("+89990001122", "89990001122"),
        ("385910000001", "385910000001"),
    ],
)
async def test_a_number_is_corrected_unless_it_has_a_plus(rig: Rig, written: str, kept: str) -> None:
    await add(rig, written)
    assert (await ask(rig, get=1))[0]["phone"] == kept


async def test_a_contact_may_have_several_numbers(rig: Rig) -> None:
    await add(rig, f"{TO_ANA},{TO_BORIS}")
    assert (await ask(rig, get=1))[0]["phone"] == f"{TO_ANA};{TO_BORIS}"
    rig.simulator.phone_separator = " "
    assert (await ask(rig, get=1))[0]["phone"] == f"{TO_ANA} {TO_BORIS}"
    assert code(await ask(rig, **{"del": 1, "phone": TO_BORIS})) == 0
    assert code(await ask(rig, get=1)) == 3


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_number_that_is_there_already_is_changed_or_refused(rig: Rig, refuses: bool) -> None:
    rig.simulator.refuses_doubles = refuses
    first = await ask(rig, add=1, phone=TO_ANA, name="Ann", cmt="vip")
    second = await ask(rig, add=1, phone=TO_ANA, name="Anna")
    assert second == (first if not refuses else second)
    assert code(second) == (5 if refuses else 0)
    (row,) = await ask(rig, get=1)
    assert (row["name"], row["comments"]) == ("Ann" if refuses else "Anna", "vip")


async def test_a_change_leaves_what_it_does_not_name(rig: Rig) -> None:
    await add(rig, name="Ann", cmt="vip", myid="7")
    await ask(rig, chg=1, phone=TO_ANA, name="", new_phone=TO_BORIS)
    (row,) = await ask(rig, get=1)
    assert (row["phone"], row["name"], row["comments"], row["id"]) == (TO_BORIS, "", "vip", "7")
    assert code(await ask(rig, chg=1, phone=TO_ANA)) == 3


async def test_groups_are_set_added_and_taken_away(rig: Rig) -> None:
    one, two, three = [await add_group(rig, name) for name in ("one", "two", "three")]
    await add(rig, grp=f"{one},{two}")
    assert await groups_of(rig) == [one, two]
    await ask(rig, move_group=2, grp=three, phone=TO_ANA)
    assert await groups_of(rig) == [one, two, three]
    await ask(rig, move_group=3, grp=two, phone=TO_ANA)
    assert await groups_of(rig) == [one, three]
    await ask(rig, move_group=1, grp=two, phone=TO_ANA)
    assert await groups_of(rig) == [two]
    await ask(rig, del_group=1, grp=two)
    assert await groups_of(rig) == [0]


async def test_all_numbers_of_a_move_are_known_or_nothing_moves(rig: Rig) -> None:
    group = await add_group(rig)
    await add(rig)
    assert code(await ask(rig, move_group=1, grp=group, phone=f"{TO_ANA},{TO_BORIS}")) == 3
    assert await groups_of(rig) == [0]
    await add(rig, TO_BORIS)
    assert code(await ask(rig, move_group=1, grp=group, phone=f"{TO_ANA},{TO_BORIS}")) == 0
    assert (await ask(rig, get_group=1))[0]["cnt"] == "2"


async def test_a_group_has_a_number_of_its_own(rig: Rig) -> None:
    await add_group(rig, num=7)
    await add_group(rig, "next")
    assert [row["number"] for row in await ask(rig, get_group=1)] == [7, 8]
    assert code(await ask(rig, add_group=1, name="again", num=7)) == 5


async def test_a_group_is_renamed(rig: Rig) -> None:
    group = await add_group(rig)
    await ask(rig, chg_group=1, grp=group, name="VIPs")
    assert (await ask(rig, get_group=1))[0]["name"] == "VIPs"


async def test_a_record_of_the_blacklist_is_deleted_by_its_id(rig: Rig) -> None:
    record = (await ask(rig, add_bl=1, phone=TO_ANA, type=2, comment="asked"))["id"]
    assert code(await ask(rig, del_bl=1, id=record + 1)) == 3
    assert code(await ask(rig, del_bl=1, id=record)) == 0
    assert code(await ask(rig, get_bl=1)) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"get": 0},
        {"get": 2},
        {"get": 1, "get_group": 1},
        {"add": 1},
        {"add": 1, "phone": " "},
        {"add": 1, "phone": "Ann"},
        {"add": 1, "phone": f"{TO_ANA},x"},
        {"add": 1, "phone": "123456"},
        {"add": 1, "phone": "1" * 16},
        {"add_group": 1},
        {"add_group": 1, "name": "x", "num": 0},
        {"add_group": 1, "name": "x", "num": "seven"},
        {"chg": 1},
        {"chg": 1, "phone": TO_ANA, "new_phone": "x"},
        {"chg_group": 1, "name": "x"},
        {"chg_group": 1, "grp": 1},
        {"move_group": 1, "phone": TO_ANA},
        {"move_group": 1, "grp": 1},
        {"move_group": 4, "grp": 1, "phone": TO_ANA},
        {"del": 1},
        {"del_group": 1},
        {"add_bl": 1},
        {"add_bl": 1, "phone": TO_ANA, "type": 3},
        {"add_bl": 1, "phone": TO_ANA, "type": -1},
        {"del_bl": 1},
    ],
    ids=lambda fields: " ".join(f"{name}={value}" for name, value in fields.items()) or "nothing",
)
async def test_what_is_missing_or_wrong_is_an_error_of_the_parameters(rig: Rig, fields: Json) -> None:
    rig.simulator.state.last_record = 0
    await add_group(rig)
    await add(rig)
    await ask(rig, add_bl=1, phone=TO_ANA)
    assert code(await ask(rig, **fields)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"add": 1, "phone": TO_ANA, "grp": 99},
        {"chg": 1, "phone": TO_ANA},
        {"chg_group": 1, "grp": 99, "name": "x"},
        {"move_group": 1, "grp": 99, "phone": TO_ANA},
        {"del": 1, "phone": TO_ANA},
        {"del_group": 1, "grp": 99},
        {"del_bl": 1, "id": 99},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_what_is_not_there_is_not_found(rig: Rig, fields: Json) -> None:
    assert code(await ask(rig, **fields)) == 3


async def test_the_commands_that_no_page_tells_can_be_named_otherwise(rig: Rig) -> None:
    rig.simulator.commands = {**rig.simulator.commands, "list blacklist": "get_black"}
    await ask(rig, add_bl=1, phone=TO_ANA)
    assert code(await ask(rig, get_bl=1)) == 1
    assert len(await ask(rig, get_black=1)) == 1
