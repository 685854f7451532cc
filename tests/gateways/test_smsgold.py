"""The SMSGold adapter: its settings, what it keeps to itself, and whole ways through its simulated service."""

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from botkit.adapter import Outcome
from botkit.addresses import AddressKind
from botkit.bot import Bot
from botkit.context import Context
from botkit.conversation import Conversation
from botkit.events import Subscribed, Unsubscribed
from botkit.exceptions import AddressError, NotSentError, PayloadError, ServiceError, SettingsError, UnknownOutcomeError
from botkit.flow import Flow
from botkit.gateways.smsgold import SIMULATED_POLL_SECONDS, SmsGold
from botkit.http import Http, InProcess
from botkit.messages import Raw, Text
from botkit.outgoing import Outgoing
from botkit.redaction import MASK
from botkit.router import Router
from botkit.simulators.simulator import Person, load_simulator, phone_number
from botkit.simulators.smsgold import SmsGoldSimulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester
from botkit.webhook import WebhookRequest
from tests.gateways.smsgold_desk import BOT, NUMBER, PASSWORD, SUBSCRIBER, Desk, account

ENVIRON = {"DEMO_USER": "12345.1", "DEMO_PASS": "pass word/ü", "DEMO_BOT_ID": BOT, "DEMO_TA": "demo"}
HI = Text(text="hi")
ANA, BORIS = Person("Ana"), Person("Boris")


# --- settings


def test_an_account_is_read_from_its_settings() -> None:
    adapter = SmsGold.from_env("DEMO", ENVIRON)
    assert (adapter.user, adapter.password.reveal(), adapter.bot_id) == ("12345.1", "pass word/ü", BOT)
    assert (adapter.ta, adapter.prefix, adapter.api_url) == ("demo", "DEMO", "https://webapi.smsgold.ru")
    assert (adapter.has_credentials, adapter.network, adapter.address) == (True, "telegram", AddressKind.USER)
    assert (adapter.poll_seconds, adapter.max_repeats, adapter.strict_answers) == (900, 0, False)
    assert (adapter.channel, adapter.has_receipts, adapter.has_webhook_call) == ("smsgold", False, False)


def test_what_may_be_set_beside_that() -> None:
    more = {"DEMO_POLL": "60", "DEMO_REPEATS": "2", "DEMO_STRICT_ANSWERS": "yes", "DEMO_API_URL": "http://127.0.0.1:9/"}
    adapter = SmsGold.from_env("DEMO", ENVIRON | more | {"DEMO_RATE": "5"})
    assert (adapter.poll_seconds, adapter.max_repeats, adapter.strict_answers) == (60, 2, True)
    assert adapter.api_url == "http://127.0.0.1:9"
    assert adapter.paces.account is not None


def test_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("from a file\n")
    adapter = SmsGold.from_env("DEMO", {"DEMO_USER": "1", "DEMO_PASS_FILE": str(tmp_path / "pass")})
    assert adapter.password.reveal() == "from a file"


@pytest.mark.parametrize("seconds", ["0", "86400"])
def test_the_list_is_asked_for_as_often_as_is_set(seconds: str) -> None:
    assert SmsGold.from_env("DEMO", ENVIRON | {"DEMO_POLL": seconds}).poll_seconds == int(seconds)


def test_without_a_bot_there_is_no_list_to_ask_for() -> None:
    assert account(bot_id="").poll_seconds == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLL", "-1"),
        ("POLL", "soon"),
        ("POLL", "86401"),
        ("REPEATS", "101"),
        ("STRICT_ANSWERS", "maybe"),
        ("API_URL", "webapi.smsgold.ru"),
        ("API_URL", "https://x.example/?pass=canary"),
        ("RATE", "canary"),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        SmsGold.from_env("DEMO", ENVIRON | {f"DEMO_{name}": value})
    assert f"DEMO_{name}" in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(("left", "named"), [("USER", "DEMO_PASS"), ("PASS", "DEMO_USER")])
def test_a_user_comes_with_a_password(left: str, named: str) -> None:
    with pytest.raises(SettingsError, match=f"{named} is not set"):
        SmsGold.from_env("DEMO", {f"DEMO_{left}": "x"})


def test_without_settings_an_account_is_simulated() -> None:
    declared = SmsGold.from_env("DEMO", {"DEMO_TA": "demo"})
    one, other = (declared.simulated("http://service.test/") for _ in range(2))
    assert (declared.has_credentials, one.has_credentials, one.ta, one.prefix) == (False, True, "demo", "DEMO")
    assert one.api_url == "http://service.test"
    assert one.password != other.password
    assert one.bot_id == other.bot_id
    assert SmsGold.from_env("DEMO", ENVIRON).simulated("http://service.test").bot_id == BOT
    assert one.poll_seconds == SIMULATED_POLL_SECONDS, "who opens the chat is heard of at once"


# --- secrets


def test_the_password_is_a_secret_as_it_is_and_as_it_stands_in_addresses() -> None:
    adapter = SmsGold.from_env("DEMO", ENVIRON)
    assert [secret.reveal() for secret in adapter.secrets()] == ["pass word/ü", "pass+word%2F%C3%BC"]
    assert [secret.reveal() for secret in account().secrets()] == [PASSWORD]
    assert list(SmsGold().secrets()) == []
    assert MASK in f"{vars(adapter)}"
    assert "pass word" not in f"{adapter!r} {vars(adapter)}"


class Office:
    """Accounts before their simulated service, with Ana and Boris, of whom only Ana has started the bot."""

    def __init__(self, **options: Any) -> None:
        self.adapter = account(**{"password": "pass word/ü-canary", "api_url": "http://smsgold.test", **options})
        self.simulator = SmsGoldSimulator(self.adapter.clock)
        self.simulator.add_account(self.adapter)
        self.network = InProcess()
        self.network.mount("smsgold.test", self.simulator.app)
        self.http = Http(transport=self.network)

    async def send(self, message: Text | Raw = HI, to: str = "") -> Outcome:
        place = Conversation(self.adapter.account, to or self.simulator.conversation_id("demo", ANA))
        outgoing = Outgoing("e" * 24, ("smsgold", "demo"), place.id, message)
        return (await self.adapter.send(outgoing, place, self.http)).outcome

    @property
    def texts(self) -> list[str]:
        return [accepted.text for accepted in self.simulator.accepted("demo")]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    await office.simulator.opens("demo", ANA)
    yield office
    await office.http.close()
    await office.simulator.close()


async def test_the_password_is_in_no_log_and_in_no_exception_whatever_goes_wrong(
    office: Office, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    for fault in (None, Fault(status=401), Fault(drop=True), Fault(status=200, body=b"<html>")):
        for ask in (office.adapter.load_bots, office.adapter.load_subscribers, office.adapter.load_webhook):
            office.simulator.wire.faults.extend([fault] if fault else [])
            try:
                await ask(office.http)
            except Exception as error:
                texts += [repr(error), str(error), *_locals(error)]
    office.adapter.api_url = "http://nowhere.test"
    with pytest.raises(NotSentError) as refused:
        await office.send()
    texts += [repr(refused.value), *_locals(refused.value)]
    shown = "\n".join([*texts, caplog.text, *capsys.readouterr()])
    assert len(texts) > 10
    for secret in ("pass word/ü-canary", quote_plus("pass word/ü-canary"), "canary"):
        assert secret not in shown


def _locals(error: BaseException | None) -> list[str]:
    """Returns what tools that look into tracebacks find, but for our test's own."""
    found = []
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            if "/tests/" not in trace.tb_frame.f_code.co_filename:
                found.append(repr({k: v for k, v in trace.tb_frame.f_locals.items() if k != "self"}))
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    return found


async def test_no_library_tells_of_a_request_whose_address_holds_the_password(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await office.adapter.load_bots(office.http)
    assert not [record for record in caplog.records if "canary" in record.getMessage()]


async def test_the_simulated_service_keeps_no_password_either(office: Office) -> None:
    await office.send()
    await office.adapter.load_subscribers(office.http)
    assert [call.name for call in office.simulator.wire.calls()] == ["sendMessage", "subscribers"]
    assert not any(b"canary" in call.request for call in office.simulator.wire.calls())


# --- nobody calls


def test_nobody_calls() -> None:
    request = WebhookRequest({}, {"ta": "demo"}, b"{}")
    assert not account().verify(request)
    with pytest.raises(PayloadError):
        account().parse(request)
    assert SmsGold.methods == frozenset()


async def test_there_is_no_webhook_to_set_and_the_bot_is_looked_for_instead(office: Office) -> None:
    for change in (
        office.adapter.set_webhook("https://bot.test", office.http),
        office.adapter.delete_webhook(office.http),
    ):
        with pytest.raises(ServiceError, match="SMSGold calls nobody back"):
            await change
    status = await office.adapter.load_webhook(office.http)
    assert (status.url, status.details["bots"]) == ("", "demo_bot")


async def test_a_bot_that_is_not_connected_is_told_with_those_that_are(office: Office) -> None:
    office.adapter.bot_id = "another"
    with pytest.raises(ServiceError, match="DEMO_BOT_ID names no bot") as raised:
        await office.adapter.load_webhook(office.http)
    assert f"{BOT} (demo_bot)" in raised.value.fix
    with pytest.raises(ServiceError, match="DEMO_BOT_ID names no bot"):
        await office.adapter.poll(b"", office.http)


# --- addresses


def test_a_number_begins_with_a_plus_and_everything_else_is_an_id() -> None:
    assert account().find_address("+7 999 000-11-22") == NUMBER
    assert account().find_address(f" {SUBSCRIBER} ") == SUBSCRIBER
    assert account().find_address("79990001122") == "79990001122"


@pytest.mark.parametrize(("destination", "bot_id"), [("+7123", BOT), (" ", BOT), (NUMBER, "")])
def test_what_is_no_address_is_refused(destination: str, bot_id: str) -> None:
    with pytest.raises(AddressError):
        account(bot_id=bot_id).find_address(destination)


async def test_a_number_without_a_bot_is_refused_before_the_network() -> None:
    desk = Desk(account(bot_id=""))
    assert (await desk.send(HI, NUMBER)).outcome is Outcome.REFUSED
    assert desk.requests == []


async def test_a_raw_for_somebody_else_than_its_conversation_is_refused() -> None:
    desk = Desk()
    raw = Raw(channel="smsgold", payload={"subscriberId": "other", "text": "hi"})
    assert (await desk.send(raw)).outcome is Outcome.REFUSED
    assert (await desk.send(raw, "other")).outcome is Outcome.SENT
    assert len(desk.requests) == 1


# --- sending, to the simulated service


async def test_a_subscriber_is_reached_by_id_and_by_number(office: Office) -> None:
    assert await office.send(Text(text="one")) is Outcome.SENT
    assert await office.send(Text(text="two"), phone_number(ANA)) is Outcome.SENT
    assert [bubble.text for bubble in office.simulator.screen("demo", ANA)] == ["one", "two"]


async def test_whoever_has_not_started_the_bot_is_refused(office: Office) -> None:
    assert await office.send(to=office.simulator.conversation_id("demo", BORIS)) is Outcome.REFUSED
    assert await office.send(to=phone_number(BORIS)) is Outcome.REFUSED
    await office.simulator.leaves("demo", ANA)
    assert await office.send() is Outcome.REFUSED
    assert office.texts == []


@pytest.mark.parametrize("style", ["status", "ok"])
async def test_a_refusal_is_one_in_either_style(office: Office, style: Any) -> None:
    office.simulator.error_style = style
    assert await office.send(to="nobody") is Outcome.REFUSED
    office.adapter.user = "another"
    assert await office.send() is Outcome.REFUSED
    with pytest.raises(ServiceError):
        await office.adapter.load_subscribers(office.http)


@pytest.mark.parametrize(
    ("style", "has_id"), [("id", True), ("inner id", True), ("no id", False), ("empty", False), ("text", False)]
)
async def test_an_acceptance_is_one_in_every_style(office: Office, style: Any, has_id: bool) -> None:
    office.simulator.sent_style = style
    place = Conversation(office.adapter.account, office.simulator.conversation_id("demo", ANA))
    receipt = await office.adapter.send(Outgoing("e" * 24, ("smsgold", "demo"), place.id, HI), place, office.http)
    assert (receipt.outcome, bool(receipt.id), office.texts) == (Outcome.SENT, has_id, ["hi"])


@pytest.mark.parametrize("style", ["empty", "text"])
async def test_an_answer_that_cannot_be_read_is_noted_once(
    office: Office, style: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    office.simulator.sent_style = style
    assert [await office.send() for _ in range(3)] == [Outcome.SENT] * 3
    assert capsys.readouterr().out.count("what is not JSON") == 1


@pytest.mark.parametrize("style", ["empty", "text"])
async def test_where_one_is_strict_the_outcome_is_not_known_then(style: Any) -> None:
    office = Office(strict_answers=True)
    await office.simulator.opens("demo", ANA)
    office.simulator.sent_style = style
    assert await office.send() is Outcome.UNKNOWN
    assert office.texts == ["hi"]
    await office.http.close()
    await office.simulator.close()


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(status=429, headers={"retry-after": "7"}), Outcome.THROTTLED),
        (Fault(status=503), Outcome.NOT_SENT),
        (Fault(status=500), Outcome.UNKNOWN),
        (Fault(status=502, body=b"<html>"), Outcome.UNKNOWN),
        (Fault(status=500, before=False), Outcome.UNKNOWN),
    ],
    ids=["429", "503", "500", "502", "500 after"],
)
async def test_a_service_in_trouble_is_believed_as_far_as_it_says(
    office: Office, fault: Fault, outcome: Outcome
) -> None:
    office.simulator.wire.faults.append(fault)
    assert await office.send() is outcome


@pytest.mark.parametrize("before", [True, False])
async def test_a_connection_that_breaks_proves_nothing(office: Office, before: bool) -> None:
    office.simulator.wire.faults.append(Fault(drop=True, before=before))
    with pytest.raises(UnknownOutcomeError):
        await office.send()
    assert office.texts == ([] if before else ["hi"])


# --- lists


@pytest.mark.parametrize("style", ["bare", "wrapped", "odd"])
async def test_lists_are_read_in_every_style(office: Office, style: Any) -> None:
    office.simulator.list_style = style
    (bot,) = await office.adapter.load_bots(office.http)
    assert (bot.id, bot.name, bot.username) == (BOT, "demo", "demo_bot")
    polled = await office.adapter.poll(b"", office.http)
    assert [type(event) for event in polled.events] == [Subscribed]


async def test_a_list_that_goes_on_is_not_taken_for_departures(office: Office) -> None:
    await office.simulator.opens("demo", BORIS)
    cursor = (await office.adapter.poll(b"", office.http)).cursor
    await office.simulator.leaves("demo", ANA)
    office.simulator.list_style, office.simulator.list_members = "wrapped", {"next": "/2"}
    for _ in range(3):
        polled = await office.adapter.poll(cursor, office.http)
        cursor = polled.cursor
        assert polled.events == []
    office.simulator.list_members = {}
    kinds: list[Sequence[object]] = []
    for _ in range(2):
        polled = await office.adapter.poll(cursor, office.http)
        cursor = polled.cursor
        kinds.append([type(event) for event in polled.events])
    assert kinds == [[], [Unsubscribed]]


@pytest.mark.parametrize(
    "fault", [Fault(status=500), Fault(status=200, body=b"<html>"), Fault(drop=True), Fault(status=302)], ids=str
)
async def test_a_list_that_cannot_be_had_changes_nothing(office: Office, fault: Fault) -> None:
    cursor = (await office.adapter.poll(b"", office.http)).cursor
    office.simulator.wire.faults.append(fault)
    with pytest.raises(ServiceError):
        await office.adapter.poll(cursor, office.http)


async def test_without_a_bot_nothing_is_asked() -> None:
    desk = Desk(account(bot_id=""))
    assert (await desk.adapter.poll(b"kept", desk.http)).cursor == b"kept"
    assert desk.requests == []


async def test_the_lists_are_asked_for_at_the_documented_addresses(office: Office) -> None:
    await office.adapter.poll(b"", office.http)
    bots, subscribers = office.simulator.wire.calls()
    assert (bots.name, bots.request) == ("bots", b"user=12345&pass=***")
    assert (subscribers.name, subscribers.request) == ("subscribers", f"user=12345&pass=***&botId={BOT}".encode())


# --- a whole bot


async def test_whoever_starts_the_bot_is_greeted_and_whoever_leaves_is_not_written_to(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    router = Router()

    @router.on(Subscribed)
    async def greet(event: Subscribed, ctx: Context[Flow]) -> None:
        ctx.reply(f"Hello {event.user.name if event.user else ''}")

    left: list[str] = []

    @router.on(Unsubscribed)
    async def goodbye(event: Unsubscribed, ctx: Context[Flow]) -> None:
        left.append(event.conversation.id)

    bot = Bot("shop", routers=[router], accounts=[SmsGold.from_env("SHOP_SMSGOLD", {})])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        ana = tester.user("Ana", channel="smsgold")
        await ana.opens()
        assert ana.received == []
        await poll(tester)
        assert ana.received == ["Hello Ana"]
        await poll(tester)
        assert (ana.received, left) == (["Hello Ana"], [])
        await ana.leaves()
        await poll(tester)
        await poll(tester)
        assert left == [ana.conversation.id]


async def poll(tester: BotTester) -> None:
    await tester.advance(minutes=15)
    await tester.service.engine.poll_once()
    await tester.settle()


def test_its_simulator_is_found() -> None:
    assert load_simulator("smsgold") is SmsGoldSimulator
