"""What every channel must do: each module of `botkit.channels` and `botkit.gateways` with an adapter is put to it.

A channel needs, beside its module, a folder `payloads/<name>/` of recorded requests and a simulator; the folder of a
gateway is in `tests/gateways/`. `account.json` has the settings they were recorded with; every other file has a
request's `headers`, `query`, `body` and perhaps `kind` and `method`, and the `events` that it gives, without `raw`, and
without `at` where the service sends no time. Nobody talks to an adapter without `methods`: it is not among these.
"""

import importlib
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Union
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from botkit import channels, events, gateways
from botkit.adapter import Adapter, Outcome, Receipt
from botkit.bot import Bot
from botkit.context import Context
from botkit.events import AnyEvent, Event, MessageReceived
from botkit.exceptions import NotSentError, PayloadError, UnknownOutcomeError
from botkit.flow import Flow
from botkit.http import Http
from botkit.messages import AnyMessage, Text
from botkit.outgoing import Outgoing
from botkit.redaction import MASK
from botkit.router import Router
from botkit.simulators.simulator import Simulator, load_simulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor
from botkit.webhook import WebhookRequest

PAYLOADS = Path(__file__).parent / "payloads"
GATEWAY_PAYLOADS = Path(__file__).parent.parent / "gateways" / "payloads"
# They say nothing about who sent the request.
ORDINARY = ("content-type", "content-length", "host", "user-agent", "accept", "accept-encoding")


def find_adapters() -> dict[str, type[Adapter]]:
    """Returns the adapters that the modules of both packages define and services call, by the name of the module."""
    found = {}
    names = [(home.__name__, info.name) for home in (channels, gateways) for info in iter_modules(home.__path__)]
    for home, name in names:
        module = importlib.import_module(f"{home}.{name}")
        for cls in vars(module).values():
            if inspect.isclass(cls) and issubclass(cls, Adapter) and cls.__module__ == module.__name__ and cls.methods:
                found[name] = cls
    return found


def folder_of(name: str) -> Path:
    """Returns where the recorded requests of a channel belong."""
    adapter = ADAPTERS.get(name)
    is_gateway = adapter is not None and adapter.__module__.startswith(gateways.__name__)
    return (GATEWAY_PAYLOADS if is_gateway else PAYLOADS) / name


def payload_files(name: str) -> list[Path]:
    """Returns the recorded requests of a channel; fails when there is none, and says where they belong."""
    files = sorted(path for path in folder_of(name).glob("*.json") if path.name != "account.json")
    if not files:
        pytest.fail(f"botkit.channels.{name} has no recorded requests: put them into {PAYLOADS.name}/{name}/")
    return files


def settings_of(name: str) -> dict[str, str]:
    """Returns the settings with which a channel's requests were recorded."""
    path = folder_of(name) / "account.json"
    if not path.is_file():
        pytest.fail(f"{PAYLOADS.name}/{name}/account.json is missing: the settings of the recorded account")
    environ: dict[str, str] = json.loads(path.read_text("utf-8"))["environ"]
    return environ


def decode(adapter: Adapter, stored: bytes) -> Any:
    """Reads a stored event as the engine does: it knows the channel's own kinds too."""
    return msgspec.json.decode(stored, type=Union[(AnyEvent, *adapter.events)])


def simulator_of(name: str) -> type[Simulator]:
    """Returns the simulator of a channel; fails when there is none, and says where it belongs."""
    try:
        return load_simulator(name)
    except (ModuleNotFoundError, StopIteration):
        pytest.fail(f"botkit.channels.{name} has no simulator: write it in botkit/simulators/{name}.py")


class Case(Struct, frozen=True):
    """A recorded request and the adapter of its account."""

    adapter: Adapter
    request: WebhookRequest
    events: list[dict[str, Any]]

    def proven(self, change: Callable[[str], str]) -> WebhookRequest:
        """The request with everything changed that proves where it comes from, in the headers and the query."""
        headers = {n: v if n in ORDINARY else change(v) for n, v in self.request.headers.items()}
        query = {n: v if n == "ta" else change(v) for n, v in self.request.query.items()}
        assert (headers, query) != (self.request.headers, self.request.query)
        return replace(self.request, headers=headers, query=query, raw_query=raw_query(query))


ADAPTERS = find_adapters()
every_channel = pytest.mark.parametrize("name", ADAPTERS)
every_case = pytest.mark.parametrize(
    "case",
    [pytest.param((name, path), id=f"{name}-{path.stem}") for name in ADAPTERS for path in payload_files(name)],
    indirect=True,
)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    name, path = request.param
    recorded = json.loads(path.read_text("utf-8"))
    return Case(ADAPTERS[name].from_env("DEMO", settings_of(name)), inbound_of(recorded), recorded["events"])


def inbound_of(recorded: dict[str, Any]) -> WebhookRequest:
    """Returns a recorded request; by POST and of no kind unless it says otherwise."""
    kind, method, query = recorded.get("kind", ""), recorded.get("method", "POST"), recorded["query"]
    return WebhookRequest(recorded["headers"], query, recorded["body"].encode(), kind, method, raw_query(query))


def raw_query(query: Mapping[str, str]) -> bytes:
    """Returns the query as it travels."""
    return urlencode(query, errors="surrogateescape").encode()


# --- a channel is complete


def test_the_channels_are_found() -> None:
    assert set(ADAPTERS) >= {"telegram", "viber", "gbm"}


@every_channel
def test_a_channel_is_called_like_its_module(name: str) -> None:
    assert ADAPTERS[name].channel == name


@every_channel
def test_a_channel_has_requests_settings_and_a_simulator(name: str) -> None:
    assert payload_files(name)
    assert settings_of(name)["DEMO_TA"] == "demo"
    assert simulator_of(name).channel == name


@pytest.mark.parametrize(
    ("find", "place"),
    [
        (payload_files, "payloads/pigeon/"),
        (settings_of, "payloads/pigeon/account.json"),
        (simulator_of, "botkit/simulators/pigeon.py"),
    ],
)
def test_what_a_new_channel_lacks_is_told_with_its_place(find: Any, place: str) -> None:
    with pytest.raises(pytest.fail.Exception) as raised:
        find("pigeon")
    assert place in str(raised.value)


@every_channel
def test_a_channel_remembers_repeats_for_a_time(name: str) -> None:
    assert timedelta(hours=1) <= ADAPTERS[name].dedupe_window <= timedelta(days=8)


@every_channel
def test_a_channels_own_events_carry_its_name(name: str) -> None:
    for kind in ADAPTERS[name].events:
        assert str(kind.__struct_config__.tag).startswith(f"{name}.")
        assert issubclass(kind, Event)


# --- requests


@every_case
def test_a_recorded_request_is_genuine(case: Case) -> None:
    assert case.adapter.verify(case.request)


@every_case
def test_a_request_without_its_proof_is_not(case: Case) -> None:
    assert not case.adapter.verify(WebhookRequest({}, {"ta": "demo"}, case.request.body))
    assert not case.adapter.verify(case.proven(lambda _: ""))


CHANGES: tuple[Callable[[str], str], ...] = (
    lambda proof: proof[:-1],
    lambda proof: proof + "0",
    lambda proof: ("1" if proof[0] == "0" else "0") + proof[1:],
    lambda proof: f"{proof}, {proof}",
    lambda proof: proof.swapcase(),
    lambda proof: "ключ",
    lambda proof: "\udcff",
)


@every_case
def test_a_request_with_a_changed_proof_is_not(case: Case) -> None:
    assert [change for change in CHANGES if case.adapter.verify(case.proven(change))] == []


@every_case
def test_a_body_with_a_changed_byte_is_not_genuine_where_bodies_are_signed(case: Case) -> None:
    # What signs the time of an event signs the body that it stands in.
    if not case.adapter.signs_time:
        return
    body = case.request.body
    for place in range(0, len(body), 1 + len(body) // 7):
        other = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert not case.adapter.verify(replace(case.request, body=other))
    assert not case.adapter.verify(replace(case.request, body=body + b" "))


@every_case
def test_a_request_of_another_account_is_not_genuine(case: Case) -> None:
    assert not case.adapter.simulated("http://other.test").verify(case.request)


@every_case
def test_a_recorded_request_gives_its_events(case: Case) -> None:
    parsed = [json.loads(events.encode(event)) for event in case.adapter.parse(case.request)]
    for event, expected in zip(parsed, case.events, strict=True):
        event.pop("raw")
        if "at" not in expected:
            age = datetime.now(UTC) - datetime.fromisoformat(event.pop("at"))
            assert timedelta() <= age < timedelta(minutes=1)
    assert parsed == case.events


def inside(tree: Any) -> Iterator[Any]:
    """Every part of a JSON tree, the whole first."""
    yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from inside(part)


@every_case
def test_an_event_is_the_same_after_it_was_stored_with_its_payload_in_reach(case: Case) -> None:
    for event in case.adapter.parse(case.request):
        again = events.decoder(case.adapter.events)(events.encode(event))
        assert isinstance(again.raw, dict)
        assert again.raw == event.raw
        # The space around a payload is not kept.
        assert again == replace(event, raw_json=again.raw_json)


@every_case
def test_both_deliveries_of_an_event_have_one_id(case: Case) -> None:
    first, second = (case.adapter.parse(case.request) for _ in range(2))
    assert [event.id for event in first] == [event.id for event in second]
    assert len({event.id for event in first}) == len(first)
    assert all(len(event.id) == 22 for event in first)


@every_case
def test_an_event_belongs_to_the_account_that_was_called(case: Case) -> None:
    assert {event.account for event in case.adapter.parse(case.request)} <= {case.adapter.account}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=10,
)


@every_channel
@given(st.binary() | JSON.map(lambda tree: json.dumps(tree).encode()))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"1" * 5000)
@example('{"event":"\ud800"}'.encode("utf-8", "surrogatepass"))
def test_any_bytes_give_events_or_an_error_of_ours(name: str, body: bytes) -> None:
    assert is_borne(ADAPTERS[name].from_env("DEMO", settings_of(name)), body)


@every_channel
@given(st.data())
def test_a_recorded_body_with_anything_in_a_place_of_it_gives_events_or_an_error_of_ours(
    name: str, data: st.DataObject
) -> None:
    recorded = json.loads(data.draw(st.sampled_from(payload_files(name))).read_text("utf-8"))
    if not recorded["body"]:
        # Where a request is its query, that is what is played with; not all of it need be signed.
        recorded["query"] |= {data.draw(st.sampled_from(sorted(recorded["query"]))): data.draw(st.text())}
        assert is_read_or_refused(ADAPTERS[name].from_env("DEMO", settings_of(name)), inbound_of(recorded))
        return
    tree = json.loads(recorded["body"])
    part = data.draw(st.sampled_from([part for part in inside(tree) if isinstance(part, dict) and part]))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(JSON)
    assert is_borne(ADAPTERS[name].from_env("DEMO", settings_of(name)), json.dumps(tree).encode())


def is_borne(adapter: Adapter, body: bytes) -> bool:
    """Whether a body that nobody signed is not taken for genuine, and read or refused all the same."""
    request = WebhookRequest({}, {"ta": "demo"}, body)
    is_greeted = isinstance(adapter.handshake(request), bytes | None)
    return not adapter.verify(request) and is_greeted and is_read_or_refused(adapter, request)


def is_read_or_refused(adapter: Adapter, request: WebhookRequest) -> bool:
    """Whether a request gives events that can be kept, or an error of ours."""
    try:
        parsed = adapter.parse(request)
    except PayloadError:
        return True
    decode = events.decoder(adapter.events)
    return all(decode(events.encode(event)).raw == event.raw for event in parsed)


# --- settings and secrets


@every_channel
def test_without_settings_an_account_is_simulated(name: str) -> None:
    declared = ADAPTERS[name].from_env("DEMO", {})
    assert not declared.has_credentials
    assert declared.prefix == "DEMO"
    simulated = declared.simulated("http://service.test/")
    assert simulated.has_credentials
    assert simulated.api_url == "http://service.test"
    assert type(simulated) is ADAPTERS[name]


@every_channel
def test_a_simulated_account_keeps_its_id_and_has_secrets_of_its_own(name: str) -> None:
    declared = ADAPTERS[name].from_env("DEMO", settings_of(name))
    one, other = (declared.simulated("http://service.test") for _ in range(2))
    assert one.account == other.account == declared.account
    known = [{secret.reveal() for secret in adapter.secrets()} for adapter in (declared, one, other)]
    assert all(known)
    assert len(set.union(*known)) == sum(map(len, known))


@every_channel
def test_the_address_of_the_service_can_be_set(name: str) -> None:
    environ = settings_of(name) | {"DEMO_API_URL": "http://127.0.0.1:9/"}
    assert ADAPTERS[name].from_env("DEMO", environ).api_url == "http://127.0.0.1:9"
    # Some services have no public address: then it is one of the settings.
    usual = settings_of(name).get("DEMO_API_URL", ADAPTERS[name].default_api_url)
    assert ADAPTERS[name].from_env("DEMO", settings_of(name)).api_url == usual


@every_channel
def test_no_secret_is_shown_with_the_adapter(name: str) -> None:
    environ = settings_of(name)
    adapters = [ADAPTERS[name].from_env("DEMO", environ), ADAPTERS[name](ta="demo").simulated("http://service.test")]
    for adapter in adapters:
        shown = f"{adapter} {adapter!r} {vars(adapter)}"
        assert "demo" in shown
        assert MASK in shown
        assert [secret for secret in adapter.secrets() if secret.reveal() in shown] == []


@every_channel
def test_every_setting_that_is_secret_is_told_to_the_log(name: str) -> None:
    environ = settings_of(name)
    told = {secret.reveal() for secret in ADAPTERS[name].from_env("DEMO", environ).secrets()}
    kept = [environ[key] for key in environ if key.endswith(("TOKEN", "SECRET", "KEY", "CREDENTIALS"))]
    assert {part.strip() for text in kept for part in text.split(",")} <= told


# --- sending, to the simulated service


class Talk:
    """Ana, who wrote, and the account she wrote to."""

    def __init__(self, tester: BotTester, ana: Visitor, client: Http) -> None:
        self.ana = ana
        self.client = client
        self.adapter = tester.service.owners[ana.account].adapter
        self.wire = tester.simulator(ana.account.channel).wire
        self._sent = 0

    async def send(self, message: AnyMessage) -> Receipt:
        """Makes one attempt, and classes what the engine would class."""
        self._sent += 1
        to = self.ana.conversation
        account = (to.account.channel, to.account.ta)
        (part,) = self.adapter.prepare(message, to).messages
        outgoing = Outgoing(f"{'e' * 22}{self._sent:02}", account, to.id, part)
        try:
            return await self.adapter.send(outgoing, to, self.client)
        except NotSentError:
            return Receipt(Outcome.NOT_SENT)
        except UnknownOutcomeError:
            return Receipt(Outcome.UNKNOWN)


@pytest.fixture
async def talk(name: str, botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Talk]:
    router = Router()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"You said: {event.text}")

    simulator_of(name)
    bot = Bot("contract", routers=[router], accounts=[ADAPTERS[name].from_env("DEMO", {})])
    async with (
        BotTester([bot], botkit_redis_url, folder=tmp_path) as tester,
        Http(transport=tester.service.network) as client,
    ):
        ana = tester.user("Ana", channel=name)
        await ana.says("hello")
        yield Talk(tester, ana, client)


@every_channel
async def test_a_text_is_answered_on_the_phone(talk: Talk) -> None:
    assert talk.ana.received == ["You said: hello"]


@every_channel
async def test_a_text_that_is_sent_is_seen_on_the_phone(talk: Talk) -> None:
    receipt = await talk.send(Text(text="**Good** morning"))
    assert receipt.outcome is Outcome.SENT
    assert talk.ana.received[-1] == "Good morning"
    assert bool(receipt.id) or not talk.adapter.has_receipts


@every_channel
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_service_in_trouble_leaves_the_message_to_be_tried_again(talk: Talk, status: int) -> None:
    talk.wire.faults.append(Fault(status=status, body=b"upstream"))
    receipt = await talk.send(Text(text="now?"))
    assert receipt.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
    assert not receipt.is_gone
    assert "now?" not in talk.ana.received
    assert (await talk.send(Text(text="and now?"))).outcome is Outcome.SENT


@every_channel
async def test_a_message_that_arrived_in_spite_of_an_error_is_not_taken_for_refused(talk: Talk) -> None:
    talk.wire.faults.append(Fault(status=503, before=False))
    receipt = await talk.send(Text(text="twice?"))
    assert receipt.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
    assert talk.ana.received[-1] == "twice?"


@every_channel
async def test_a_connection_that_breaks_proves_nothing_where_repeats_show_twice(talk: Talk) -> None:
    talk.wire.faults.append(Fault(drop=True, before=False))
    receipt = await talk.send(Text(text="once"))
    assert receipt.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
    assert talk.ana.received.count("once") == 1
    if receipt.outcome is Outcome.UNKNOWN:
        return
    # Only where the service drops repeats may a broken connection count as nothing sent.
    talk._sent -= 1
    assert (await talk.send(Text(text="once"))).outcome is Outcome.SENT
    assert talk.ana.received.count("once") == 1


@every_channel
async def test_a_service_that_refuses_is_believed(talk: Talk) -> None:
    talk.wire.faults.append(Fault(status=403, body=b"{}"))
    receipt = await talk.send(Text(text="please"))
    assert receipt.outcome is Outcome.REFUSED
    assert "please" not in talk.ana.received


@every_channel
async def test_a_service_that_is_flooded_is_left_alone_for_a_while(talk: Talk) -> None:
    talk.wire.faults.append(Fault(status=429, body=b"{}", headers={"retry-after": "7"}))
    receipt = await talk.send(Text(text="and more"))
    assert receipt.outcome in (Outcome.THROTTLED, Outcome.NOT_SENT)
    assert receipt.retry_after == 7


@every_channel
async def test_an_answer_that_is_no_answer_is_not_taken_for_success(talk: Talk) -> None:
    for body in (b"", b"<html>", b"[]", b"\xff", b"[" * 50_000):
        talk.wire.faults.append(Fault(status=200, body=body))
        assert (await talk.send(Text(text="hm"))).outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)


@every_channel
async def test_no_word_of_the_message_and_no_secret_is_in_a_reason(talk: Talk) -> None:
    secrets = [secret.reveal() for secret in talk.adapter.secrets()]
    for status in (400, 403, 404, 503):
        talk.wire.faults.append(Fault(status=status, body=b'{"description":"canary text","status_message":"canary"}'))
        receipt = await talk.send(Text(text="canary text"))
        assert "canary" not in receipt.reason
        assert not [secret for secret in secrets if secret in receipt.reason]


@every_channel
async def test_whoever_cannot_be_reached_got_nothing(talk: Talk) -> None:
    talk.adapter.api_url = "http://nowhere.test"
    assert (await talk.send(Text(text="hello?"))).outcome is Outcome.NOT_SENT
