from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Outcome, Receipt
from botkit.conversation import Account, Conversation
from botkit.events import MessageDelivered, MessageFailed, MessageSeen
from botkit.exceptions import NotSentError, ServiceError, UnknownOutcomeError
from botkit.gateways.smsc_parameters import MAX_ID
from botkit.gateways.smsc_sending import message_id
from botkit.http_client import HttpAnswer
from botkit.messages import Image, Raw, Text
from botkit.outgoing import Outgoing
from botkit.simulators.simulator import phone_number
from botkit.simulators.wire import Fault
from tests.gateways.smsc_desk import ANA, BORIS, WAYS, Desk, account, answering, digits, opened

FORMAT = {"fmt": "3", "charset": "utf-8"}
TO = "+79990001122"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


async def sent(client: Any, way: str = "sms", to: str = TO, message: Any = None, **more: Any) -> Receipt:
    """The receipt of a message that is answered as the client says."""
    outgoing = Outgoing("k00", ("smsc", way), to, message or Text(text="hi"), **more)
    return await account(way).send(outgoing, Conversation(Account("smsc", way), to), client)


# --- what goes out


@pytest.mark.parametrize("way", WAYS)
async def test_a_text_reaches_the_phone_by_every_way(desk: Desk, way: str) -> None:
    await desk.simulator.opens(way, ANA)
    receipt = await desk.send("Привет, **Аня**", way)
    assert receipt == Receipt(Outcome.SENT, id=message_id("event01"))
    assert desk.sees(way) == ["Привет, Аня"]


@pytest.mark.parametrize(
    ("way", "to", "form"),
    [
        ("sms", TO, {"phones": "79990001122"}),
        ("viber", TO, {"phones": "79990001122", "viber": "1", "sender": "SHOP"}),
        ("telegram", TO, {"phones": "79990001122", "tg": "1"}),
        ("bot", "#918273645", {"phones": "#918273645", "bot": "@demo_shop_bot"}),
        ("bot", "@ana_kos", {"phones": "@ana_kos", "bot": "@demo_shop_bot"}),
        ("bot", TO, {"phones": "79990001122", "bot": "@demo_shop_bot"}),
        ("whatsapp", TO, {"phones": "79990001122", "bot": "wa:79037000009"}),
    ],
)
async def test_every_way_has_its_parameters(way: str, to: str, form: dict[str, str]) -> None:
    client = answering('{"id": 1, "cnt": 1}')
    await sent(client, way, to)
    credentials = {"login": "demo", "psw": "demo-pass"}
    assert client.forms == [
        ("send.php", {**credentials, **FORMAT, "id": message_id("k00"), "mes": "hi", **form}),
    ]


async def test_a_key_takes_the_place_of_the_login() -> None:
    client = answering('{"id": 1, "cnt": 1}')
    smsc = account(login="", password="", api_key="demo-key")
    await smsc.send(Outgoing("k", ("smsc", "sms"), TO, Text(text="hi")), Conversation(smsc.account, TO), client)
    ((_, form),) = client.forms
    assert form["apikey"] == "demo-key"
    assert not {"login", "psw"} & set(form)


@pytest.mark.parametrize(
    ("phone", "written"),
    [("+81312345678", "+81312345678"), ("+8613812345678", "8613812345678"), ("+4512345678", "+4512345678")],
)
async def test_a_number_that_looks_as_if_dialled_within_russia_keeps_its_plus(phone: str, written: str) -> None:
    client = answering('{"id": 1, "cnt": 1}')
    await sent(client, to=phone)
    assert client.forms[0][1]["phones"] == written


async def test_a_message_of_a_bot_carries_its_picture_and_elsewhere_its_address(desk: Desk) -> None:
    picture = Image(source="https://shop.example/a.png", caption="New")
    await desk.send(picture, "whatsapp")
    (shown,) = desk.simulator.screen("whatsapp", ANA)
    assert (shown.text, shown.source) == ("New", "https://shop.example/a.png")
    await desk.send(picture)
    assert desk.sees() == ["New\nhttps://shop.example/a.png"]


async def test_a_caller_s_own_parameters_win_over_ours() -> None:
    client = answering('{"id": 7, "cnt": 1}', '{"id": 7, "cnt": 1}')
    await sent(client, message=Text(text="hi", extra={"smsc": {"time": "+30", "id": 7, "sender": "NIGHT"}}))
    await sent(client, message=Raw(channel="smsc", payload={"mes": "hi", "translit": 1}))
    first, second = (form for _, form in client.forms)
    assert (first["time"], first["id"], first["sender"]) == ("+30", "7", "NIGHT")
    assert (second["translit"], second["phones"], second["fmt"]) == ("1", "79990001122", "3")


@given(st.text())
def test_an_id_follows_from_the_key_and_fits(key: str) -> None:
    assert message_id(key) == message_id(key)
    assert 1 <= int(message_id(key)) <= MAX_ID


def test_other_keys_have_other_ids() -> None:
    assert len({message_id(f"event{n:02}") for n in range(100)}) == 100


# --- what comes back


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        ('{"id": 70001, "cnt": 1}', Receipt(Outcome.SENT, id="70001")),
        ('{"id": 70001, "cnt": 2, "cost": "1.40", "balance": "5"}', Receipt(Outcome.SENT, id="70001")),
        (
            '{"id": 1, "cnt": 1, "phones": [{"phone": "79990001122", "status": "22", "error": "1"}]}',
            Receipt(Outcome.REFUSED, reason="22 wrong number (error 1)"),
        ),
        (
            '{"id": 1, "cnt": 1, "phones": [{"phone": "79990001122", "error": "canary"}]}',
            Receipt(Outcome.REFUSED, reason="0 not taken"),
        ),
        ('{"error": "x", "error_code": 1}', Receipt(Outcome.REFUSED, reason="1 wrong parameters")),
        ('{"error": "x", "error_code": 3, "id": 7}', Receipt(Outcome.REFUSED, reason="3 not enough money")),
        ('{"error": "x", "error_code": 5}', Receipt(Outcome.REFUSED, reason="5 wrong time")),
        ('{"error": "x", "error_code": 7, "id": 7}', Receipt(Outcome.REFUSED, reason="7 wrong number")),
        (
            '{"error": "x", "error_code": 8, "id": 7}',
            Receipt(Outcome.REFUSED, reason="8 cannot be delivered to this number"),
        ),
        ('{"error": "x", "error_code": 77}', Receipt(Outcome.REFUSED, reason="77 unknown error")),
        (
            '{"error": "x", "error_code": 4}',
            Receipt(Outcome.THROTTLED, reason="4 our address is blocked for a while", retry_after=60),
        ),
        (
            '{"error": "too many concurrent requests", "error_code": 9}',
            Receipt(Outcome.THROTTLED, reason="9 too many equal requests, or at once", retry_after=1),
        ),
        (HttpAnswer(502, {}, b"<html>"), Receipt(Outcome.UNKNOWN, reason="HTTP 502")),
        (HttpAnswer(403, {}, b""), Receipt(Outcome.REFUSED, reason="HTTP 403")),
        (HttpAnswer(429, {"retry-after": "7"}, b""), Receipt(Outcome.THROTTLED, reason="HTTP 429", retry_after=7)),
        (HttpAnswer(429, {}, b""), Receipt(Outcome.THROTTLED, reason="HTTP 429", retry_after=1)),
        ("", Receipt(Outcome.UNKNOWN, reason="the answer is empty")),
        ("<html>", Receipt(Outcome.UNKNOWN, reason="the answer is not JSON")),
    ],
)
async def test_every_answer_to_a_send_has_its_outcome(answer: Any, receipt: Receipt) -> None:
    assert await sent(answering(answer)) == receipt


@pytest.mark.parametrize("code", [2, 6])
async def test_what_the_account_is_refused_for_is_no_fault_of_the_person(code: int) -> None:
    receipt = await sent(answering(f'{{"error": "x", "error_code": {code}}}'))
    assert (receipt.outcome, receipt.is_gone) == (Outcome.REFUSED, False)


async def test_an_error_inside_of_a_200_is_an_error(desk: Desk) -> None:
    desk.simulator.undeliverable = frozenset({digits(ANA)})
    receipt = await desk.send()
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "8 cannot be delivered to this number")
    assert desk.sees() == []


# --- what became of it


async def test_a_second_equal_send_within_a_minute_means_that_the_first_arrived(desk: Desk) -> None:
    desk.simulator.wire.faults.append(Fault(status=200, body=b"", before=False))
    assert (await desk.send(key="k00")).outcome is Outcome.UNKNOWN
    assert await desk.send(key="k00") == Receipt(Outcome.SENT, id=message_id("k00"))
    assert desk.sees() == ["hi"]


async def test_a_second_equal_send_that_is_not_there_waits_for_its_minute() -> None:
    receipt = await sent(answering('{"error": "equal", "error_code": 9}', '{"status": -3}'))
    assert (receipt.outcome, receipt.retry_after) == (Outcome.NOT_SENT, 60)


@pytest.mark.parametrize(
    "second", ['{"error": "x", "error_code": 2}', NotSentError("no connection"), UnknownOutcomeError("cut"), ""]
)
async def test_a_second_equal_send_of_which_nothing_can_be_learnt_may_have_arrived(second: Any) -> None:
    receipt = await sent(answering('{"error": "equal", "error_code": 9}', second))
    assert receipt.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arrived", [True, False])
async def test_what_became_of_a_send_is_asked_by_its_id(desk: Desk, way: str, arrived: bool) -> None:
    await desk.simulator.opens(way, ANA)
    desk.simulator.wire.faults.append(Fault(status=502, before=not arrived))
    outgoing, place = desk.outgoing(Text(text="hi"), way), desk.place(way)
    assert (await desk.accounts[way].send(outgoing, place, desk.client)).outcome is Outcome.UNKNOWN
    found = await desk.accounts[way].look_up(outgoing, place, desk.client)
    assert found is not None
    assert (found.outcome, found.id) == (
        (Outcome.SENT, message_id(outgoing.key)) if arrived else (Outcome.NOT_SENT, "")
    )
    assert ("bot" in desk.asked("status")[0]) is (way in ("bot", "whatsapp"))


async def test_what_smsc_does_not_tell_now_is_asked_again() -> None:
    smsc, to = account(), Conversation(Account("smsc", "sms"), TO)
    outgoing = Outgoing("k00", ("smsc", "sms"), TO, Text(text="hi"))
    with pytest.raises(ServiceError):
        await smsc.look_up(outgoing, to, answering('{"error": "x", "error_code": 4}'))
    with pytest.raises(UnknownOutcomeError):
        await smsc.look_up(outgoing, to, answering(""))


async def test_what_is_no_send_is_done_again() -> None:
    to = Conversation(Account("smsc", "sms"), TO)
    call = Outgoing("k00", ("smsc", "sms"), TO, Raw(channel="smsc", method="stop", payload={}, is_call=True))
    found = await account().look_up(call, to, answering())
    assert found is not None
    assert found.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(("seconds", "outcome"), [(301, Outcome.NOT_SENT), (299, Outcome.SENT)])
async def test_a_status_from_before_the_message_is_that_of_another_with_its_id(seconds: int, outcome: Outcome) -> None:
    to, created = Conversation(Account("smsc", "sms"), TO), 1740988929
    outgoing = Outgoing("k00", ("smsc", "sms"), TO, Text(text="hi"), created_ms=created * 1000)
    status = f'{{"status": 1, "last_timestamp": {created - seconds}}}'
    found = await account().look_up(outgoing, to, answering(status))
    assert found is not None
    assert found.outcome is outcome


@pytest.mark.parametrize("told", ['"last_timestamp": 99999999999999', '"last_date": "yesterday"'])
async def test_a_status_without_a_time_that_can_be_read_is_a_status(told: str) -> None:
    to = Conversation(Account("smsc", "sms"), TO)
    outgoing = Outgoing("k00", ("smsc", "sms"), TO, Text(text="hi"), created_ms=1740988929000)
    answer = f'{{"status": 1, {told}}}'
    found = await account().look_up(outgoing, to, answering(answer))
    assert found is not None
    assert found.outcome is Outcome.SENT
    assert isinstance(await account().load_report("1", to, answering(answer)), MessageDelivered)


@pytest.mark.parametrize("words", ["<file https://evil.example/x.jpg>", "a\n< FILE\thttps://evil.example>"])
async def test_what_looks_like_a_file_among_the_words_of_a_bot_is_none(desk: Desk, words: str) -> None:
    await desk.simulator.opens("bot", ANA)
    await desk.send(f"You said: {words}", "bot")
    (form,) = desk.asked("send")
    assert form["mes"] == f"You said: {words.replace('<', '‹')}"
    assert desk.simulator.screen("bot", ANA)[-1].source == ""
    await desk.send(f"You said: {words}")
    assert desk.asked("send")[-1]["mes"] == f"You said: {words}"


async def test_a_file_of_a_bot_is_its_own_although_its_caption_names_another(desk: Desk) -> None:
    image = Image(source="https://shop.example/a.jpg", caption="see <file https://evil.example/x.jpg>")
    await desk.send(image, "whatsapp")
    (form,) = desk.asked("send")
    assert form["mes"] == "<file https://shop.example/a.jpg>\nsee ‹file https://evil.example/x.jpg>"


def test_nothing_is_sent_twice_unless_a_setting_says_so() -> None:
    assert account().max_repeats == 0
    assert account(max_repeats=2).max_repeats == 2


# --- reports that are asked for


@pytest.mark.parametrize(
    ("fate", "kind"), [([1], MessageDelivered), ([1, 2], MessageSeen), ([20], MessageFailed), ([], type(None))]
)
async def test_how_far_a_message_is_can_be_asked(desk: Desk, fate: Sequence[int], kind: type) -> None:
    desk.simulator.fates = {"": fate}
    receipt = await desk.send()
    await desk.simulator.redeliver()
    event = await desk.accounts["sms"].load_report(receipt.id, desk.place(), desk.client)
    assert type(event) is kind
    told = [each for request in desk.callbacks() for each in desk.accounts["sms"].parse(request)]
    # The callback and the question tell the same event.
    assert (event.id if event else None) == (told[-1].id if told else None)


async def test_of_a_message_that_smsc_does_not_know_nothing_is_told(desk: Desk) -> None:
    assert await desk.accounts["sms"].load_report("4711", desk.place(), desk.client) is None
    assert await account().load_report("1", desk.place(), answering('{"error": "x", "error_code": 4}')) is None


# --- many at once


async def broadcast(desk: Desk, text: str = "Sale") -> Sequence[Receipt]:
    places = [desk.place(person=person) for person in (ANA, BORIS)]
    return await desk.accounts["sms"].broadcast(Text(text=text), places, desk.client)


async def test_a_broadcast_is_one_request_for_all(desk: Desk) -> None:
    receipts = await broadcast(desk)
    (form,) = desk.asked("send")
    assert form["phones"] == f"{digits(ANA)},{digits(BORIS)}"
    assert receipts == [Receipt(Outcome.SENT, id=form["id"])] * 2
    assert [desk.sees(person=person) for person in (ANA, BORIS)] == [["Sale"], ["Sale"]]


async def test_a_number_that_is_not_taken_is_told_apart_from_the_others(desk: Desk) -> None:
    desk.simulator.undeliverable = frozenset({digits(BORIS)})
    first, second = await broadcast(desk)
    assert first.outcome is Outcome.SENT
    assert second.outcome is Outcome.REFUSED
    assert phone_number(BORIS) not in second.reason


async def test_a_broadcast_that_is_refused_is_refused_for_all(desk: Desk) -> None:
    desk.simulator.refuse(6)
    assert {receipt.outcome for receipt in await broadcast(desk)} == {Outcome.REFUSED}


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 200, "body": b""}, {"drop": True}])
@pytest.mark.parametrize("arrived", [True, False])
async def test_of_a_broadcast_whose_answer_is_lost_each_can_be_looked_up(desk: Desk, fault: Any, arrived: bool) -> None:
    desk.simulator.wire.faults.append(Fault(before=not arrived, **fault))
    try:
        assert {receipt.outcome for receipt in await broadcast(desk)} == {Outcome.UNKNOWN}
    except UnknownOutcomeError:
        assert "drop" in fault
    for person in (ANA, BORIS):
        part = desk.outgoing(Text(text="Sale"), person=person, broadcast="b0")
        found = await desk.accounts["sms"].look_up(part, desk.place(person=person), desk.client)
        assert found is not None
        assert found.outcome is (Outcome.SENT if arrived else Outcome.NOT_SENT)


async def test_a_broadcast_that_waited_past_midnight_can_be_looked_up(desk: Desk) -> None:
    part = desk.outgoing(Text(text="Sale"), broadcast="b0")
    desk.clock.advance(seconds=86_400)
    await broadcast(desk)
    found = await desk.accounts["sms"].look_up(part, desk.place(), desk.client)
    assert found is not None
    assert found.outcome is Outcome.SENT
    assert len(desk.asked("status")) == 2


async def test_the_same_broadcast_on_another_day_has_reports_of_its_own(desk: Desk) -> None:
    ids = []
    for _ in range(2):
        ids += [receipt.id for receipt in await broadcast(desk)]
        desk.clock.advance(seconds=86_400)
    assert len(set(ids)) == 2


async def test_a_broadcast_that_says_the_same_waits_for_its_minute(desk: Desk) -> None:
    await broadcast(desk)
    assert {(receipt.outcome, receipt.retry_after) for receipt in await broadcast(desk)} == {(Outcome.NOT_SENT, 60)}
    desk.clock.advance(seconds=61)
    assert {receipt.outcome for receipt in await broadcast(desk)} == {Outcome.SENT}
    assert desk.sees() == ["Sale", "Sale"]


async def test_broadcasts_that_say_something_else_have_other_ids(desk: Desk) -> None:
    ids = {(await broadcast(desk, text))[0].id for text in ("Sale", "Sold")}
    assert len(ids) == 2
    assert all(1 <= int(identity) <= MAX_ID for identity in ids)
