from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.events import (
    Event,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
)
from botkit.exceptions import PayloadError
from botkit.gateways.smsc import LinkClicked, Smsc
from botkit.webhook import WebhookRequest
from tests.gateways.smsc_desk import ANA, WORD, Desk, account, opened

SIGNED = {"status": ("id", "phone", "status"), "mes": ("phone", "mes", "to"), "waitcall": ("phone", "ts")}
# Each as the service's public documentation and its clients' code show it.
STATUS = "id=501&phone=79990001122&status=1&type=0&ts=1740988929&md5=47ec394831da660413c1655522d03193"
INCOMING = (
    "phone=79990001122&mes=%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82&to=79037000000&md5=c98c696f60346810461cad7cf6deebf1"
)
CALL = "phone=79990001122&waitcall=1&ts=1716900000&md5=c5866888bdfea003c1ec5c5a34cf4d93"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


def request(form: str | bytes, method: str = "POST", kind: str = "report") -> WebhookRequest:
    raw = form.encode() if isinstance(form, str) else form
    body, query = (raw, b"ta=sms") if method == "POST" else (b"", b"ta=sms&" + raw)
    return WebhookRequest({}, {"ta": "sms"}, body, kind, method, query)


def signed(fields: Mapping[str, str], charset: str = "utf-8", word: str = WORD) -> WebhookRequest:
    kind = next((name for name in ("mes", "waitcall") if name in fields), "status")
    values = [fields.get(name, "") for name in SIGNED[kind]]
    digest = md5(":".join([*values, word]).encode(charset), usedforsecurity=False).hexdigest()
    return request(urlencode({**fields, "md5": digest}, encoding=charset))


def parse(fields: Mapping[str, str], way: str = "sms", charset: str = "utf-8") -> Event:
    (event,) = account(way).parse(signed(fields, charset))
    return event


def report(status: int | str, **more: str) -> Event:
    return parse({"id": "501", "phone": "79990001122", "status": str(status), "ts": "1740988929", **more})


def wrote(text: str, way: str = "sms", **more: str) -> Event:
    return parse({"phone": "79990001122", "mes": text, "to": "79037000000", **more}, way)


# --- whether it is genuine


@pytest.mark.parametrize("form", [STATUS, INCOMING, CALL])
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("kind", ["report", "inbound"])
def test_every_kind_is_genuine_on_either_path_and_by_either_method(form: str, method: str, kind: str) -> None:
    assert account().verify(request(form, method, kind))
    assert len(account().parse(request(form, method, kind))) == 1


@pytest.mark.parametrize(
    "form",
    [
        STATUS.replace("status=1", "status=2"),
        STATUS.replace("id=501", "id=502"),
        STATUS.replace("79990001122", "79990001123"),
        STATUS[:-1],
        STATUS.upper(),
        STATUS.replace("&md5=", "&md6="),
        f"{STATUS}&md5=",
        f"{STATUS}&status=1",
        INCOMING.replace("79037", "79038"),
        f"{STATUS}&mes=",
        "",
        "&&&",
    ],
)
def test_what_was_changed_is_not_genuine(form: str) -> None:
    assert not account().verify(request(form))


def test_what_is_not_signed_may_change() -> None:
    assert account().verify(request(STATUS.replace("type=0", "type=12") + "&cost=1.40"))


def test_a_digest_over_windows_1251_is_checked_by_its_bytes() -> None:
    fields = {"phone": "79990001122", "mes": "Привет", "to": "79037000000"}
    genuine = signed(fields, "windows-1251")
    assert account().verify(genuine)
    (event,) = account().parse(genuine)
    assert isinstance(event, MessageReceived)
    assert event.text == "Привет"


def test_without_a_secret_nothing_is_genuine() -> None:
    assert not account(callback_secret="").verify(signed({"id": "1", "phone": "79", "status": "1"}, word=""))


def test_another_account_s_callbacks_are_not_ours() -> None:
    assert not account(callback_secret="other").verify(request(STATUS))


# --- statuses


@pytest.mark.parametrize(
    ("status", "kind"),
    [(1, MessageDelivered), (2, MessageSeen), (3, MessageExpired), (4, LinkClicked), (20, MessageFailed)],
)
def test_a_status_is_an_event_of_the_message(status: int, kind: type[Any]) -> None:
    event = report(status)
    assert isinstance(event, kind)
    assert (event.receipt_id, event.conversation.id) == ("501", "+79990001122")
    assert event.at == datetime(2025, 3, 3, 8, 2, 9, tzinfo=UTC)
    assert event.raw == {"id": "501", "phone": "79990001122", "status": str(status), "ts": "1740988929"}


@pytest.mark.parametrize(
    ("status", "err", "reason"),
    [
        (20, "0", "20 cannot be delivered"),
        (22, "", "22 wrong number"),
        (23, "255", "23 forbidden (err 255)"),
        (24, "their words", "24 not enough money"),
        (25, "6", "25 the number is not available (err 6)"),
    ],
)
def test_a_failure_says_why_in_words_of_ours(status: int, err: str, reason: str) -> None:
    event = report(status, err=err)
    assert isinstance(event, MessageFailed)
    assert event.reason == reason


@pytest.mark.parametrize("status", [-2, -1, 0])
def test_a_message_on_its_way_is_no_news(status: int) -> None:
    fields = {"id": "501", "phone": "79990001122", "status": str(status)}
    assert account().parse(signed(fields)) == []


@pytest.mark.parametrize("status", [-3, 5, 21, 26, 999])
def test_a_status_that_nobody_knows_changes_nothing(status: int) -> None:
    event = report(status)
    assert isinstance(event, UnknownEvent)
    assert event.kind == f"status {status}"


def test_a_report_that_comes_twice_is_one_event_and_another_status_another() -> None:
    assert report(1).id == report(1, ts="1740988999", cost="1.40").id
    assert len({report(1).id, report(2).id, report(1, id="502").id, report(1, phone="79990003344").id}) == 4


@pytest.mark.parametrize("phone", ["@ana_kos", "#918273645"])
def test_a_name_or_an_id_of_telegram_stays_what_it_is(phone: str) -> None:
    event = parse({"id": "501", "phone": phone, "status": "1"}, "bot")
    assert event.conversation.id == phone


def test_a_verified_call_is_an_event_that_botkit_has_no_word_for() -> None:
    (event,) = account().parse(request(CALL))
    assert isinstance(event, UnknownEvent)
    assert (event.kind, event.raw["waitcall"]) == ("waitcall", "1")


# --- what people write


def test_a_message_is_received_from_its_number() -> None:
    (event,) = account().parse(request(INCOMING))
    assert isinstance(event, MessageReceived)
    assert (event.text, event.conversation.id) == ("привет", "+79990001122")
    assert event.user is not None
    assert event.user.id == "+79990001122"
    assert datetime.now(UTC) - event.at < timedelta(minutes=1)
    assert "md5" not in event.raw


@pytest.mark.parametrize("way", ["sms", "viber", "telegram"])
@pytest.mark.parametrize(("text", "kind"), [("STOP", Unsubscribed), (" стоп\n", Unsubscribed), ("Start", Subscribed)])
def test_stop_and_start_mean_what_they_mean_in_text_messages(way: str, text: str, kind: type) -> None:
    assert type(wrote(text, way)) is kind


@pytest.mark.parametrize("way", ["bot", "whatsapp"])
def test_for_a_bot_they_are_words_like_any_other(way: str) -> None:
    assert isinstance(wrote("STOP", way), MessageReceived)


def test_a_message_with_stop_in_it_is_a_message() -> None:
    assert isinstance(wrote("Stop it"), MessageReceived)


def test_a_repeat_is_known_by_the_service_s_id_or_else_by_all_that_is_told() -> None:
    assert wrote("1", id="77").id == wrote("1", id="77", ts="5").id
    assert wrote("1", id="77").id != wrote("1", id="78").id
    assert wrote("1", ts="1740988929").id == wrote("1", ts="1740988929").id
    others = [{"ts": "1740988930"}, {"ts": "1740988929", "to": "79037000001"}, {"ts": "1740988929", "phone": "7999"}]
    assert len({wrote("1", ts="1740988929").id, *(wrote("1", **other).id for other in others)}) == 4


@pytest.mark.parametrize("name", ["ts", "time", "sent", "received"])
def test_whatever_tells_the_time_of_a_message_tells_it_from_another_one(name: str) -> None:
    first, repeat, second = (wrote("1", **{name: told}) for told in ("03.03.2025 11:02", "03.03.2025 11:02", "11:03"))
    assert first.id == repeat.id != second.id


# --- what cannot be read


@pytest.mark.parametrize(
    "form",
    [
        "",
        "id=501",
        "id=501&phone=79990001122&status=one",
        "id=x&phone=79990001122&status=1",
        "id=&phone=79990001122&status=1",
        "mes=hi",
        "waitcall=1&phone=79990001122",
        b"mes=%98&phone=%ff%98&to=1",
    ],
)
def test_a_form_that_lacks_what_it_needs_is_kept_as_unreadable(form: str | bytes) -> None:
    with pytest.raises(PayloadError):
        account().parse(request(form))


@given(st.binary() | st.text().map(str.encode), st.sampled_from(["POST", "GET"]))
@example(b"id=1&phone=1&status=1&ts=99999999999999999999", "POST")
@example(b"mes=" + b"%" * 1000 + b"&phone=x&to=y", "GET")
@example(b"&".join(b"%d=1" % n for n in range(10_000)), "POST")
def test_any_bytes_are_refused_and_give_events_or_an_error_of_ours(form: bytes, method: str) -> None:
    assert not account().verify(request(form, method))
    check(account(), request(form, method))


FIELDS = ("id", "phone", "status", "ts", "mes", "to", "waitcall", "err", "type")


@given(st.dictionaries(st.sampled_from(FIELDS), st.text() | st.integers().map(str)))
def test_any_fields_are_genuine_with_their_digest_and_give_events_or_an_error_of_ours(fields: dict[str, str]) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    assert account().verify(signed(clean))
    check(account(), signed(clean))


def check(adapter: Smsc, inbound: WebhookRequest) -> None:
    try:
        parsed = adapter.parse(inbound)
    except PayloadError:
        return
    assert {event.account for event in parsed} <= {adapter.account}


# --- from the simulated service


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("charset", ["utf-8", "windows-1251"])
async def test_what_the_service_calls_with_is_genuine_and_understood(desk: Desk, method: Any, charset: Any) -> None:
    desk.simulator.callback_method, desk.simulator.callback_charset = method, charset
    desk.simulator.extras = {"time": "03.03.2025 11:02:09", "sha1": "0" * 40}
    receipt = await desk.send("Добрый день")
    await desk.simulator.says("sms", ANA, "Здравствуйте")
    inbound = desk.callbacks()
    assert all(desk.accounts["sms"].verify(each) for each in inbound)
    events = [event for each in inbound for event in desk.accounts["sms"].parse(each)]
    assert {type(event) for event in events} == {MessageDelivered, MessageReceived}
    assert {event.conversation for event in events} == {desk.place()}
    assert [event.receipt_id for event in events if isinstance(event, MessageDelivered)] == [receipt.id]


@pytest.mark.parametrize("digest", ["wrong", "none"])
async def test_a_callback_with_another_digest_is_refused(desk: Desk, digest: Any) -> None:
    desk.simulator.digest = digest
    await desk.simulator.says("sms", ANA, "hello")
    assert [desk.accounts["sms"].verify(each) for each in desk.callbacks()] == [False]


@pytest.mark.parametrize("names", ["uid", "nickname", "phone"])
async def test_people_of_a_telegram_bot_keep_the_name_they_have_there(desk: Desk, names: Any) -> None:
    desk.simulator.names = names
    await desk.simulator.says("bot", ANA, "hello")
    (inbound,) = desk.callbacks()
    (event,) = desk.accounts["bot"].parse(inbound)
    assert event.conversation == desk.place("bot")
    assert (await desk.send("hi", "bot")).id
    assert desk.sees("bot") == ["hi"]


async def test_a_callback_that_comes_twice_is_one_event(desk: Desk) -> None:
    desk.simulator.copies = 2
    await desk.send()
    await desk.simulator.redeliver()
    ids = [event.id for each in desk.callbacks() for event in desk.accounts["sms"].parse(each)]
    assert len(ids) == 2
    assert len(set(ids)) == 1
