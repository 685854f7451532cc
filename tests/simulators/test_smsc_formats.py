"""The four forms of the simulated SMSC's answers, byte for byte as its pages have them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.simulators.smsc_rig import Rig, opened

CONTACT = {
    "phone": "79990001122",
    "name": "Ann",
    "fnm": "Anna",
    "lnm": "Demo",
    "bd": "05.11.1990",
    "myid": "crm-7",
    "cmt": "vip",
    "tags": "a",
    "pho": "79990003344",
}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        rig.simulator.state.last_record = 4710
        yield rig


def forms(*bodies: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("fmt", "body"), list(enumerate(bodies)), ids=["text", "numbers", "xml", "json"])


@forms("ID = 4711", "4711", "<phone><id>4711</id></phone>", '{"id": 4711}')
async def test_a_new_contact(rig: Rig, fmt: int, body: str) -> None:
    assert await rig.asks("phones", add=1, fmt=fmt, **CONTACT) == body


@forms("ID = 4711", "4711", "<group><id>4711</id></group>", '{"id": 4711}')
async def test_a_new_group(rig: Rig, fmt: int, body: str) -> None:
    assert await rig.asks("phones", add_group=1, name="VIP", fmt=fmt) == body


@forms("ID = 4711", "4711", "<phone><id>4711</id></phone>", '{"id": 4711}')
async def test_a_new_record_of_the_blacklist(rig: Rig, fmt: int, body: str) -> None:
    assert await rig.asks("phones", add_bl=1, phone="79990001122", fmt=fmt) == body


DONE = ("OK", "OK", "<result>OK</result>", '{"result": "OK"}')


@forms(*DONE)
@pytest.mark.parametrize(
    "change",
    [
        {"chg": 1, "phone": "79990001122", "name": "Bob"},
        {"del": 1, "phone": "79990001122"},
        {"move_group": 1, "phone": "79990001122", "grp": 4712},
        {"move_group": 2, "phone": "79990001122", "grp": 4712},
        {"move_group": 3, "phone": "79990001122", "grp": 4712},
        {"chg_group": 1, "grp": 4712, "name": "VIPs"},
        {"del_group": 1, "grp": 4712},
        {"del_bl": 1, "id": 4713},
    ],
    ids=lambda change: "-".join(map(str, next(iter(change.items())))),
)
async def test_a_change(rig: Rig, change: dict[str, Any], fmt: int, body: str) -> None:
    await rig.asks("phones", add=1, **CONTACT)
    await rig.asks("phones", add_group=1, name="VIP")
    await rig.asks("phones", add_bl=1, phone="79990001122")
    assert await rig.asks("phones", fmt=fmt, **change) == body


@forms(
    "phone = 79990001122, name = Ann, group = 12, first_name = Anna, last_name = Demo, middle_name = , "
    "birthday = 05.11.1990, id = crm-7, comments = vip, tags = a, phone_other = 79990003344",
    "79990001122,Ann,12,Anna,Demo,,05.11.1990,crm-7,vip,a,79990003344",
    "<list>\n<contact>\n<phone>79990001122</phone><name>Ann</name><group>12</group><first_name>Anna</first_name>"
    "<last_name>Demo</last_name><middle_name></middle_name><birthday>05.11.1990</birthday><id>crm-7</id>"
    "<comments>vip</comments><tags>a</tags><phone_other>79990003344</phone_other>\n</contact>\n</list>",
    '[{"phone": "79990001122", "name": "Ann", "group": 12, "first_name": "Anna", "last_name": "Demo", '
    '"middle_name": "", "birthday": "05.11.1990", "id": "crm-7", "comments": "vip", "tags": "a", '
    '"phone_other": "79990003344"}]',
)
async def test_the_contacts(rig: Rig, fmt: int, body: str) -> None:
    rig.simulator.state.last_record = 11
    await rig.asks("phones", add_group=1, name="VIP")
    await rig.asks("phones", add=1, grp=12, **CONTACT)
    assert await rig.asks("phones", get=1, fmt=fmt) == body


@forms(
    "id = 12, name = VIP, number = 3, cnt = 2\nid = 13, name = New, number = 4, cnt = 0",
    "12,VIP,3,2\n13,New,4,0",
    "<list><group><id>12</id><name>VIP</name><number>3</number><cnt>2</cnt></group>"
    "<group><id>13</id><name>New</name><number>4</number><cnt>0</cnt></group></list>",
    '[{"id": 12, "name": "VIP", "number": 3, "cnt": "2"}, {"id": 13, "name": "New", "number": 4, "cnt": "0"}]',
)
async def test_the_groups(rig: Rig, fmt: int, body: str) -> None:
    rig.simulator.state.last_record = 11
    await rig.asks("phones", add_group=1, name="VIP", num=3)
    await rig.asks("phones", add_group=1, name="New")
    for phone in ("79990001122", "79990001133"):
        await rig.asks("phones", add=1, phone=phone, grp=12)
    assert await rig.asks("phones", get_group=1, fmt=fmt) == body


@forms(
    "id = 900, phone = 79990001122, type = 0, comment = asked to stop",
    "900,79990001122,0,asked to stop",
    "<list><record><id>900</id><phone>79990001122</phone><type>0</type>"
    "<comment>asked to stop</comment></record></list>",
    '[{"id": 900, "phone": "79990001122", "type": 0, "comment": "asked to stop"}]',
)
async def test_the_blacklist(rig: Rig, fmt: int, body: str) -> None:
    rig.simulator.state.last_record = 899
    await rig.asks("phones", add_bl=1, phone="79990001122", comment="asked to stop")
    assert await rig.asks("phones", get_bl=1, fmt=fmt) == body


@forms(
    "ERROR = 3 (records not found)",
    "0,-3",
    "<result><error>records not found</error><error_code>3</error_code></result>",
    '{"error": "records not found", "error_code": 3}',
)
@pytest.mark.parametrize("command", ["get", "get_group", "get_bl"])
async def test_an_empty_list_is_an_error(rig: Rig, command: str, fmt: int, body: str) -> None:
    assert await rig.asks("phones", fmt=fmt, **{command: 1}) == body


async def test_text_is_what_comes_unless_something_else_is_asked_for(rig: Rig) -> None:
    assert await rig.asks("phones", add=1, **CONTACT) == "ID = 4711"
    assert await rig.asks("phones", get=1, psw="wrong") == "ERROR = 2 (authorise error)"


async def test_only_xml_and_json_escape(rig: Rig) -> None:
    await rig.asks("phones", add_group=1, name='A, B & "C" <D>')
    assert await rig.asks("phones", get_group=1, fmt=1) == '4711,A, B & "C" <D>,1,0'
    assert '<name>A, B &amp; "C" &lt;D&gt;</name>' in await rig.asks("phones", get_group=1, fmt=2)
    assert json.loads(await rig.asks("phones", get_group=1, fmt=3))[0]["name"] == 'A, B & "C" <D>'


@forms(
    "OK - 1 SMS, ID - 70001",
    "70001,1",
    "<result><id>70001</id><cnt>1</cnt></result>",
    '{"id": 70001, "cnt": 1}',
)
async def test_an_accepted_message(rig: Rig, fmt: int, body: str) -> None:
    assert await rig.sends(id=70_001, fmt=fmt) == body
    assert await rig.sends(id=70_001, fmt=fmt, cost=0) == body


@forms(
    "1.40 (1 SMS)",
    "1.40,1",
    "<result><cost>1.40</cost><cnt>1</cnt></result>",
    '{"cost": "1.40", "cnt": 1}',
)
async def test_a_price(rig: Rig, fmt: int, body: str) -> None:
    assert await rig.sends(id=70_001, fmt=fmt, cost=1) == body
    assert rig.sees("sms") == []
    assert await rig.asks("balance") == "1000.00"


@forms(
    "OK - 1 SMS, ID - 70001, COST - 1.40",
    "70001,1,1.40",
    "<result><id>70001</id><cnt>1</cnt><cost>1.40</cost></result>",
    '{"id": 70001, "cnt": 1, "cost": "1.40"}',
)
async def test_an_accepted_message_with_its_price(rig: Rig, fmt: int, body: str) -> None:
    assert await rig.sends(id=70_001, fmt=fmt, cost=2) == body


@forms(
    "OK - 1 SMS, ID - 70001, COST - 1.40, BALANCE - 512.30",
    "70001,1,1.40,512.30",
    "<result><id>70001</id><cnt>1</cnt><cost>1.40</cost><balance>512.30</balance></result>",
    '{"id": 70001, "cnt": 1, "cost": "1.40", "balance": "512.30"}',
)
async def test_an_accepted_message_with_the_balance(rig: Rig, fmt: int, body: str) -> None:
    rig.simulator.client("sms").balance = 51_370
    assert await rig.sends(id=70_001, fmt=fmt, cost=3) == body


@pytest.mark.parametrize("code", [3, 6, 7, 8])
@forms(
    "ERROR = {} (because), ID - 70001",
    "70001,-{}",
    "<result><error>because</error><error_code>{}</error_code><id>70001</id></result>",
    '{{"error": "because", "error_code": {}, "id": 70001}}',
)
async def test_an_error_of_a_message_with_an_id(rig: Rig, code: int, fmt: int, body: str) -> None:
    rig.simulator.refuse(code, "because")
    assert await rig.sends(id=70_001, fmt=fmt) == body.format(code)


@pytest.mark.parametrize("code", [1, 2, 4, 5, 9])
@forms(
    "ERROR = {} (because)",
    "0,-{}",
    "<result><error>because</error><error_code>{}</error_code></result>",
    '{{"error": "because", "error_code": {}}}',
)
async def test_an_error_of_a_message_without_one(rig: Rig, code: int, fmt: int, body: str) -> None:
    rig.simulator.refuse(code, "because")
    assert await rig.sends(id=70_001, fmt=fmt) == body.format(code)


@forms(
    "250.80",
    "250.80",
    "<result><balance>250.80</balance><credit>100.00</credit><currency>RUR</currency></result>",
    '{"balance": "250.80", "credit": "100.00", "currency": "RUR"}',
)
async def test_the_balance(rig: Rig, fmt: int, body: str) -> None:
    client = rig.simulator.client("sms")
    client.balance, client.credit = 25_080, 10_000
    assert await rig.asks("balance", fmt=fmt, cur=1) == body


@forms(
    "250.80",
    "250.80",
    "<result><balance>250.80</balance></result>",
    '{"balance": "250.80"}',
)
async def test_the_balance_without_a_credit_and_a_currency(rig: Rig, fmt: int, body: str) -> None:
    rig.simulator.client("sms").balance = 25_080
    assert await rig.asks("balance", fmt=fmt) == body
