from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.exceptions import PayloadError
from botkit.gateways.smsc_answers import (
    Balance,
    BlacklistRecord,
    Contact,
    Group,
    Incoming,
    MessageState,
    Price,
    Sent,
    SentTo,
    read_balance,
    read_blacklist,
    read_contacts,
    read_created,
    read_done,
    read_groups,
    read_inbox,
    read_price,
    read_sent,
    read_state,
    read_states,
)
from botkit.gateways.smsc_formats import Format, Refusal

TEXT, COMMA, XML, JSON = Format
ANN = Contact(
    "79990001122", "Ann", "12", "Anna", "Demo", "", "05.11.1990", "crm-7", "vip", "a", phone_other="79990003344"
)
VIP = Group("12", "VIP", "3", 41)
STOPPED = BlacklistRecord("900", "79990001122", 0, "asked to stop")
HI = Incoming(47001, "03.03.2025 11:22:45", "79990001122", "hi", "79037000000", "03.03.2025 11:22:43")

# Each as the service's public documentation shows it.
CONTACTS = {
    TEXT: "phone = 79990001122, name = Ann, group = 12, first_name = Anna, last_name = Demo, middle_name = , "
    "birthday = 05.11.1990, id = crm-7, comments = vip, tags = a, phone_other = 79990003344",
    COMMA: "79990001122,Ann,12,Anna,Demo,,05.11.1990,crm-7,vip,a,79990003344",
    XML: "<list>\n<contact>\n<phone>79990001122</phone><name>Ann</name><group>12</group><first_name>Anna</first_name>"
    "<last_name>Demo</last_name><middle_name></middle_name><birthday>05.11.1990</birthday><id>crm-7</id>"
    "<comments>vip</comments><tags>a</tags><phone_other>79990003344</phone_other>\n</contact>\n</list>",
    JSON: '[{"phone": "79990001122", "name": "Ann", "group": 12, "first_name": "Anna", "last_name": "Demo", '
    '"middle_name": "", "birthday": "05.11.1990", "id": "crm-7", "comments": "vip", "tags": "a", '
    '"phone_other": "79990003344"}]',
}
GROUPS = {
    TEXT: "id = 12, name = VIP, number = 3, cnt = 41",
    COMMA: "12,VIP,3,41",
    XML: "<list><group><id>12</id><name>VIP</name><number>3</number><cnt>41</cnt></group></list>",
    JSON: '[{"id": 12, "name": "VIP", "number": 3, "cnt": "41"}]',
}
BLACKLIST = {
    TEXT: "id = 900, phone = 79990001122, type = 0, comment = asked to stop",
    COMMA: "900,79990001122,0,asked to stop",
    XML: "<list><record><id>900</id><phone>79990001122</phone><type>0</type><comment>asked to stop</comment></record>"
    "</list>",
    JSON: '[{"id": 900, "phone": "79990001122", "type": 0, "comment": "asked to stop"}]',
}
INBOX = {
    TEXT: "id = 47001, received = 03.03.2025 11:22:45, phone = 79990001122, message = hi, to_phone = 79037000000, "
    "sent = 03.03.2025 11:22:43",
    COMMA: "47001,03.03.2025 11:22:45,79990001122,hi,79037000000,03.03.2025 11:22:43",
    XML: "<list><answer><id>47001</id><received>03.03.2025 11:22:45</received><phone>79990001122</phone>"
    "<message>hi</message><to_phone>79037000000</to_phone><sent>03.03.2025 11:22:43</sent></answer></list>",
    JSON: '[{"id": 47001, "received": "03.03.2025 11:22:45", "phone": "79990001122", "message": "hi", '
    '"to_phone": "79037000000", "sent": "03.03.2025 11:22:43"}]',
}
ROWS: list[tuple[str, Callable[..., Any], dict[Format, str], Any]] = [
    ("contacts", read_contacts, CONTACTS, ANN),
    ("groups", read_groups, GROUPS, VIP),
    ("blacklist", read_blacklist, BLACKLIST, STOPPED),
    ("inbox", read_inbox, INBOX, HI),
]
READERS: dict[str, Callable[..., Any]] = {
    **{name: read for name, read, _, _ in ROWS},
    "created": read_created,
    "done": read_done,
    "sent": read_sent,
    "price": read_price,
    "state": read_state,
    "states": read_states,
    "balance": read_balance,
}
every_list = pytest.mark.parametrize(
    ("read", "form", "text", "row"),
    [
        pytest.param(read, form, text, row, id=f"{name}-{form.name.lower()}")
        for name, read, texts, row in ROWS
        for form, text in texts.items()
    ],
)
every_reader = pytest.mark.parametrize("reader", list(READERS))
every_form = pytest.mark.parametrize("form", list(Format), ids=lambda form: form.name.lower())


def read(reader: str, text: str, form: Format = JSON) -> Any:
    return READERS[reader](text.encode(), form)


# --- lists


@every_list
def test_a_list_is_read_in_every_form(read: Any, form: Format, text: str, row: Any) -> None:
    assert read(text.encode(), form) == [row]


@every_list
def test_two_records_are_two(read: Any, form: Format, text: str, row: Any) -> None:
    first, last = {XML: ("<list>", "</list>"), JSON: ("[", "]")}.get(form, ("", ""))
    inner = text.removeprefix(first).removesuffix(last)
    both = f"{first}{inner}{',' if form is JSON else chr(10)}{inner}{last}"
    assert read(both.encode(), form) == [row, row]


@every_list
def test_a_list_that_is_cut_off_is_refused(read: Any, form: Format, text: str, row: Any) -> None:
    with pytest.raises(PayloadError):
        read(text[: len(text) // 2].encode(), form)


@pytest.mark.parametrize(
    ("reader", "form", "text"),
    [
        ("contacts", COMMA, CONTACTS[COMMA].replace("vip", "vip, old")),
        ("groups", COMMA, "12,VIP, old,3,41"),
        ("blacklist", COMMA, "900,79990001122,0,no, thanks"),
        ("contacts", COMMA, CONTACTS[COMMA].replace(",vip", "")),
        ("contacts", TEXT, CONTACTS[TEXT].replace("vip", "vip, tags = b")),
        ("contacts", TEXT, CONTACTS[TEXT].replace(", tags = a", "")),
        ("contacts", TEXT, f"x{CONTACTS[TEXT]}"),
        ("groups", TEXT, "id = 12, number = 3, name = VIP, cnt = 41"),
    ],
)
def test_a_line_that_can_be_read_in_two_ways_or_has_other_fields_is_refused(
    reader: str, form: Format, text: str
) -> None:
    with pytest.raises(PayloadError):
        read(reader, text, form)


@pytest.mark.parametrize(("form", "text"), [(TEXT, CONTACTS[TEXT]), (JSON, CONTACTS[JSON]), (XML, CONTACTS[XML])])
def test_a_comma_in_a_name_is_no_trouble_where_fields_have_names(form: Format, text: str) -> None:
    (contact,) = read("contacts", text.replace("Ann", "Ann, of the shop", 1), form)
    assert contact.name == "Ann, of the shop"


@every_form
def test_a_list_of_addresses_names_its_fields_otherwise(form: Format) -> None:
    text = CONTACTS[form].replace("phone_other", "mail_other").replace("phone", "mail")
    assert read("contacts", text, form) == [ANN]
    text = BLACKLIST[form].replace("phone", "email")
    assert read("blacklist", text, form) == [STOPPED]


@pytest.mark.parametrize("separator", [",", ", ", ";", " ", "\n", "|"])
def test_the_numbers_of_a_contact_are_parted_by_anything(separator: str) -> None:
    assert Contact(f"79990001122{separator}+79990003344").phones == ("79990001122", "+79990003344")


def test_empty_lists_are_empty() -> None:
    assert read("contacts", "[]") == []
    assert read("contacts", "<list></list>", XML) == []


# --- created, changed, deleted


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (TEXT, "ID = 4711"),
        (COMMA, "4711"),
        (XML, "<phone><id>4711</id></phone>"),
        (XML, "<group>\n  <id>4711</id>\n</group>"),
        (JSON, '{"id": 4711}'),
        (JSON, '{"id": "4711"}'),
    ],
)
def test_what_was_created_has_an_id_in_every_form(form: Format, text: str) -> None:
    assert read("created", text, form) == "4711"


@pytest.mark.parametrize(
    ("form", "text"), [(TEXT, "OK"), (COMMA, "OK\n"), (XML, "<result>OK</result>"), (JSON, '{"result": "OK"}')]
)
def test_what_was_done_is_told_in_every_form(form: Format, text: str) -> None:
    assert read("done", text, form) is None


@pytest.mark.parametrize(
    ("reader", "form", "text"),
    [
        ("done", TEXT, "KO"),
        ("done", JSON, '{"result": "maybe"}'),
        ("created", COMMA, "OK"),
        ("created", JSON, '{"id": "x"}'),
        ("created", JSON, '{"id": true}'),
        ("created", JSON, "[]"),
        ("contacts", JSON, '{"id": 1}'),
        ("sent", JSON, '{"id": 1}'),
        ("sent", JSON, '{"id": 1, "cnt": "two"}'),
        ("sent", COMMA, "0,0,0,0,0"),
        ("sent", JSON, '{"id": 1, "cnt": 1, "phones": [7]}'),
        ("balance", TEXT, "a lot"),
        ("state", TEXT, "Status = fine"),
    ],
)
def test_another_answer_than_asked_for_is_refused(reader: str, form: Format, text: str) -> None:
    with pytest.raises(PayloadError):
        read(reader, text, form)


# --- sends

FULL = Sent("70001", 1, Decimal("1.40"), Decimal("512.30"))


@pytest.mark.parametrize(
    ("form", "text", "sent"),
    [
        (TEXT, "OK - 1 SMS, ID - 70001", Sent("70001", 1)),
        (TEXT, "OK - 1 SMS, ID - 70001, COST - 1.40", Sent("70001", 1, Decimal("1.40"))),
        (TEXT, "OK - 1 SMS, ID - 70001, COST - 1.40, BALANCE - 512.30", FULL),
        (COMMA, "70001,1", Sent("70001", 1)),
        (COMMA, "70001,1,1.40", Sent("70001", 1, Decimal("1.40"))),
        (COMMA, "70001,1,1.40,512.30", FULL),
        (XML, "<result><id>70001</id><cnt>1</cnt></result>", Sent("70001", 1)),
        (XML, "<answer><id>70001</id><cnt>1</cnt><cost>1.40</cost><balance>512.30</balance></answer>", FULL),
        (JSON, '{"id": 70001, "cnt": 1}', Sent("70001", 1)),
        (JSON, '{"id": 70001, "cnt": 1, "cost": "1.40"}', Sent("70001", 1, Decimal("1.40"))),
        (JSON, '{"id": 70001, "cnt": 1, "cost": "1.40", "balance": "512.30"}', FULL),
    ],
)
def test_a_send_is_read_in_every_form_and_with_every_cost(form: Format, text: str, sent: Sent) -> None:
    assert read("sent", text, form) == sent


@pytest.mark.parametrize(
    ("form", "text", "parts"),
    [
        (TEXT, "1.40", 0),
        (TEXT, "1.40 (2 SMS)", 2),
        (COMMA, "1.40,2", 2),
        (XML, "<result><cost>1.40</cost><cnt>2</cnt></result>", 2),
        (JSON, '{"cost": "1.40", "cnt": 2}', 2),
    ],
)
def test_a_price_is_read_in_every_form(form: Format, text: str, parts: int) -> None:
    assert read("price", text, form) == Price(Decimal("1.40"), parts)


def test_the_numbers_of_a_send_tell_which_were_not_taken() -> None:
    sent = read(
        "sent",
        '{"id": 70001, "cnt": 2, "cost": "2.80", "balance": "509.50", "phones": ['
        '{"phone": "79990001122", "mccmnc": "25001", "cost": "1.40", "error": null}, '
        '{"phone": "79990003344", "mccmnc": "25001", "cost": "0", "status": "22", "error": "1"}]}',
    )
    assert sent.phones == (
        SentTo("79990001122", "25001", "1.40"),
        SentTo("79990003344", "25001", "0", "22", "1"),
    )
    assert [entry.is_refused for entry in sent.phones] == [False, True]


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        (SentTo("1", status="22"), True),
        (SentTo("1", status="20"), True),
        (SentTo("1", status="-1"), False),
        (SentTo("1", status="0"), False),
        (SentTo("1", status="1", error="0"), False),
        (SentTo("1", error="1"), True),
    ],
)
def test_a_number_is_refused_by_its_status_or_its_error(entry: SentTo, refused: bool) -> None:
    assert entry.is_refused is refused


# --- status and balance


@pytest.mark.parametrize(
    ("form", "text", "state"),
    [
        (TEXT, "Status = 1, check_time = 03.03.2025 11:02:09", MessageState(1, "03.03.2025 11:02:09")),
        (COMMA, "1,1740988929,0", MessageState(1, last_timestamp=1740988929)),
        (COMMA, "-3,0", MessageState(-3)),
        (XML, "<status><status>1</status><last_timestamp>1740988929</last_timestamp></status>", None),
        (
            JSON,
            '{"status": 1, "last_date": "03.03.2025 11:02:09", "last_timestamp": 1740988929}',
            MessageState(1, "03.03.2025 11:02:09", 1740988929),
        ),
        (JSON, '{"status": 20, "err": 255}', MessageState(20, error=255)),
    ],
)
def test_a_status_is_read_in_every_form(form: Format, text: str, state: MessageState | None) -> None:
    assert read("state", text, form) == (state or MessageState(1, last_timestamp=1740988929))


def test_a_whole_status_has_the_message_with_its_commas() -> None:
    state = read("state", "1,1740988929,0,1740988900,79990001122,1.40,SHOP,Delivered,Hi, Ann, hi", COMMA)
    assert (state.sender_id, state.status_name, state.text) == ("SHOP", "Delivered", "Hi, Ann, hi")


def test_several_statuses_come_in_the_order_asked_for() -> None:
    assert [state.status for state in read("states", '[{"status": 1}, {"status": -3}]')] == [1, -3]
    assert [state.status for state in read("states", "1,1740988929,0\n-3,0,0", COMMA)] == [1, -3]


def test_a_status_tells_when_by_its_stamp_or_in_moscow_s_time() -> None:
    at = datetime(2025, 3, 3, 8, 2, 9, tzinfo=UTC)
    assert MessageState(1, last_timestamp=1740988929).changed_at == at
    assert MessageState(1, "03.03.2025 11:02:09").changed_at == at
    assert MessageState(-3).changed_at is None


@pytest.mark.parametrize(
    ("form", "text", "balance"),
    [
        (TEXT, "250.80", Balance(Decimal("250.80"))),
        (COMMA, "-1.5", Balance(Decimal("-1.5"))),
        (XML, "<balance>250.80</balance>", Balance(Decimal("250.80"))),
        (JSON, '{"balance": 250.5}', Balance(Decimal("250.5"))),
        (
            JSON,
            '{"balance": "250.80", "credit": "100.00", "currency": "RUR"}',
            Balance(Decimal("250.80"), Decimal("100.00"), "RUR"),
        ),
    ],
)
def test_a_balance_is_read_in_every_form(form: Format, text: str, balance: Balance) -> None:
    assert read("balance", text, form) == balance


# --- errors

ERRORS = {
    TEXT: "ERROR = 9 (too many concurrent requests)",
    COMMA: "0,-9",
    XML: "<result><error>too many concurrent requests</error><error_code>9</error_code></result>",
    JSON: '{"error": "too many concurrent requests", "error_code": 9}',
}


@every_reader
@every_form
def test_an_error_is_an_error_whatever_was_asked_for(reader: str, form: Format) -> None:
    assert read(reader, ERRORS[form], form) == Refusal(9, is_crowded=form is not COMMA)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (TEXT, "ERROR = 7 (invalid number (8)), ID - 70001"),
        (COMMA, "70001,-7"),
        (XML, "<result><error>bad</error><error_code>7</error_code><id>70001</id></result>"),
        (JSON, '{"error": "invalid number", "error_code": 7, "id": 70001}'),
        (JSON, '{"error": "invalid number", "error_code": "7", "id": "70001", "cnt": 1}'),
    ],
)
def test_an_error_of_a_send_has_the_messages_id(form: Format, text: str) -> None:
    assert read("sent", text, form) == Refusal(7, "70001")


def test_an_error_in_words_is_found_where_json_was_asked_for() -> None:
    assert read("sent", "ERROR = 4 (blocked)") == Refusal(4)


def test_a_code_that_is_no_number_is_no_answer() -> None:
    with pytest.raises(PayloadError):
        read("sent", '{"error_code": "nine"}')


# --- anything else


def is_read_or_refused(reader: str, form: Format, text: str) -> bool:
    """Whether a text gives an answer that can be written down, or an error of ours."""
    try:
        answer = READERS[reader](text.encode("utf-8", "surrogatepass"), form)
    except PayloadError:
        return True
    return bool(msgspec.json.encode(answer))


@given(
    st.sampled_from(list(READERS)),
    st.sampled_from(list(Format)),
    st.text() | st.sampled_from([*CONTACTS.values(), *ERRORS.values()]).map(lambda text: text[3:-3]),
)
@settings(max_examples=300)
def test_any_text_gives_an_answer_or_an_error_of_ours(reader: str, form: Format, text: str) -> None:
    assert is_read_or_refused(reader, form, text)


@every_reader
@every_form
def test_so_does_a_text_that_is_made_to_hurt(reader: str, form: Format) -> None:
    hurting = ["", "<list/>", "[" * 100_000, "<a>" * 100_000, '{"id":' * 100_000]
    for text in (*hurting, "phone = " * 1000 + ", name = " * 1000, "1," * 100_000, "<list>" + "\n" * 100_000):
        assert is_read_or_refused(reader, form, text)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE list [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><list>&b;</list>',
        '<!DOCTYPE list SYSTEM "file:///etc/passwd"><list></list>',
        "<list>&undeclared;</list>",
    ],
)
def test_xml_has_no_entities_of_its_own(text: str) -> None:
    with pytest.raises(PayloadError):
        read("contacts", text, XML)


def test_xml_is_unescaped_and_its_declared_encoding_does_not_count() -> None:
    text = '<?xml version="1.0" encoding="windows-1251"?>' + BLACKLIST[XML].replace("asked", "Аня &lt;3 &amp;")
    (record,) = read("blacklist", text, XML)
    assert record.comment == "Аня <3 & to stop"


@every_form
def test_cyrillic_is_read_in_the_character_set_asked_for(form: Format) -> None:
    text = GROUPS[form].replace("VIP", "Друзья")
    for charset in ("utf-8", "windows-1251", "koi8-r"):
        (group,) = READERS["groups"](text.encode(charset), form, charset)
        assert group.name == "Друзья"
    with pytest.raises(PayloadError):
        read_groups(text.encode("windows-1251"), form)


def test_no_error_quotes_the_answer() -> None:
    for text in ('{"id": "canary", "cnt": "canary"}', '[{"status": "canary"}]', "canary", '{"error_code": "canary"}'):
        for reader in READERS.values():
            try:
                reader(text.encode())
            except PayloadError as error:
                assert "canary" not in error.what  # noqa: PT017
