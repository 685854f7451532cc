"""Webhooks: what is stored, what is refused, and what nobody can find out by asking."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from botkit.body import Share
from botkit.bot import Bot
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.conversation import Account
from botkit.events import ConversationStarted, Event, MessageReceived
from botkit.exceptions import PayloadError
from botkit.flow import Flow
from botkit.receiver import ReceiverPolicy
from botkit.redis.bounds import Bounds
from botkit.router import Router
from botkit.service import Policies
from botkit.testing import BotTester
from botkit.webhook import WebhookRequest

VIBER = "/webhooks/viber?ta=shop-viber"
SIGNATURE = "x-viber-content-signature"
LIMIT = 2000


class Broken(Viber):
    """An adapter with a mistake in it."""

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        raise KeyError("a mistake of the adapter's")


def shop(viber: type[Viber] = Viber, gate: asyncio.Event | None = None) -> Bot:
    router = Router()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        if gate is not None:
            await gate.wait()
        ctx.reply(event.text)

    @router.started()
    async def welcome(event: ConversationStarted, ctx: Context[Flow]) -> None:
        ctx.reply("Welcome!")

    return Bot("shop", routers=[router], accounts=[viber(), Telegram(), BusinessMessages()])


class Site:
    """The whole application, reached as a service would reach it."""

    def __init__(self, tester: BotTester) -> None:
        self.tester = tester
        self.viber = tester.service.owners[Account("viber", "shop-viber")].adapter
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(tester.app), base_url="http://bots.test")

    def sign(self, body: bytes) -> dict[str, str]:
        (token,) = self.viber.secrets()
        return {SIGNATURE: hmac.new(token.reveal().encode(), body, "sha256").hexdigest()}

    async def post(self, body: bytes, url: str = VIBER, headers: Any = None) -> httpx.Response:
        return await self.http.post(url, content=body, headers=self.sign(body) if headers is None else headers)

    async def stored(self) -> int:
        """How many different events of the person who writes here were ever stored."""
        store, cid = self.tester.store, "viber:shop-viber:ana"
        return int(await store.call("ZCARD", f"{{{store.keys.prefix}:{store.keys.partition(cid)}}}:x:{cid}"))

    async def unreadable(self) -> list[dict[str, bytes]]:
        entries = await self.tester.store.call("XRANGE", f"{self.tester.store.keys.prefix}:unreadable", "-", "+")
        return [dict(zip((name.decode() for name in e[::2]), e[1::2], strict=True)) for _, e in entries]


@asynccontextmanager
async def opened(
    url: str,
    folder: Path,
    *,
    bot: Bot | None = None,
    bounds: Bounds | None = None,
    body_seconds: float = 5,
    policy: ReceiverPolicy | None = None,
) -> AsyncIterator[Site]:
    policy = policy or ReceiverPolicy(max_body=LIMIT, body_seconds=body_seconds, retry_after=2)
    policies = Policies(receiver=policy)
    tester = BotTester([bot or shop()], url, folder=folder, policies=policies, bounds=bounds)
    site = Site(tester)
    yield site
    await site.http.aclose()
    await tester.service.stop()


@pytest.fixture
async def site(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(botkit_redis_url, tmp_path) as site:
        yield site


class SilentRedis:
    """Accepts connections and never says a word."""

    def __init__(self) -> None:
        self.connections = 0
        self.url = ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.read()
        writer.close()


@pytest.fixture
async def silent() -> AsyncIterator[SilentRedis]:
    silent = SilentRedis()
    server = await asyncio.start_server(silent.accept, "127.0.0.1", 0)
    silent.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield silent
    server.close()


def message(text: str = "hello", token: int = 1, at: datetime | None = None, **more: Any) -> bytes:
    timestamp = round((at or datetime.now(UTC)).timestamp() * 1000)
    sender = {"id": "ana", "name": "Ana"}
    content = {"event": "message", "timestamp": timestamp, "message_token": token, "sender": sender}
    return json.dumps(content | {"message": {"type": "text", "text": text}} | more).encode()


def told(response: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    return response.status_code, dict(response.headers), response.content


async def asgi(
    app: Any, messages: Sequence[Mapping[str, Any]], headers: Mapping[str, str] = {}, url: str = VIBER
) -> list[Any]:
    """Calls the application by hand, with a body that comes as written; when it ends, nothing more ever comes."""
    left, sent = list(messages), []

    async def receive() -> Mapping[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = url.partition("?")
    raw = [(name.encode(), value.encode()) for name, value in {"host": "bots.test", **headers}.items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(), "headers": raw,
        "client": ("127.0.0.1", 1), "server": ("bots.test", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


# --- stored


async def test_what_is_genuine_is_stored_before_it_is_answered(site: Site) -> None:
    response = await site.post(message())
    assert told(response) == (200, {"content-length": "0"}, b"")
    assert await site.stored() == 1


async def test_a_repeat_is_answered_alike_and_stored_once(site: Site) -> None:
    first, second = await site.post(body := message()), await site.post(body)
    assert told(first) == told(second)
    assert await site.stored() == 1


async def test_fifty_repeats_at_once_are_stored_once(site: Site) -> None:
    body = message()
    responses = await asyncio.gather(*(site.post(body) for _ in range(50)))
    assert {response.status_code for response in responses} == {200}
    assert await site.stored() == 1


async def test_the_first_body_of_an_event_wins(site: Site) -> None:
    await site.post(message("one"))
    assert (await site.post(message("other"))).status_code == 200
    assert await site.stored() == 1


async def test_a_welcome_travels_in_the_answer_and_a_repeat_gets_the_same_bytes(site: Site) -> None:
    body = json.dumps({
        "event": "conversation_started", "timestamp": round(datetime.now(UTC).timestamp() * 1000), "message_token": 5,
        "user": {"id": "ana", "name": "Ana"}, "subscribed": False,
    }).encode()  # fmt: skip
    first, second = await site.post(body), await site.post(body)
    assert first.json()["text"] == "Welcome!"
    assert first.headers["content-type"] == "application/json"
    assert told(first) == told(second)


@pytest.mark.parametrize(("age", "stored"), [(timedelta(hours=23, minutes=59), 1), (timedelta(hours=24, minutes=1), 0)])
async def test_what_is_older_than_repeats_are_remembered_is_dropped(site: Site, age: timedelta, stored: int) -> None:
    response = await site.post(message(at=datetime.now(UTC) - age))
    assert response.status_code == 200
    assert await site.stored() == stored


# --- not genuine


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (VIBER, {SIGNATURE: "0" * 64}),
        (VIBER, {SIGNATURE: ""}),
        (VIBER, {SIGNATURE: "\udcff\udcfe"}),
        (VIBER, {}),
        ("/webhooks/viber?ta=other", None),
        ("/webhooks/viber?ta=", None),
        ("/webhooks/viber", None),
        ("/webhooks/viber?ta=shop-telegram", None),
        ("/webhooks/pigeon?ta=shop-viber", None),
        ("/webhooks/telegram?ta=shop-telegram", None),
        ("/webhooks/telegram?ta=other", {"x-telegram-bot-api-secret-token": "x"}),
        ("/webhooks/gbm?ta=shop-gbm", {"x-goog-signature": "x"}),
        ("/webhooks/gbm?ta=other", {}),
        (VIBER, {"content-encoding": "gzip"}),
    ],
)
async def test_nobody_can_tell_why_a_request_was_refused_and_redis_is_not_asked(
    silent: SilentRedis, tmp_path: Path, url: str, headers: dict[str, str] | None
) -> None:
    async with opened(silent.url, tmp_path) as site:
        body = message()
        raw = [(name.encode(), value.encode(errors="surrogateescape")) for name, value in (headers or {}).items()]
        response = await site.post(body, url, raw if headers is not None else site.sign(body))
    assert told(response) == (403, {"content-length": "0"}, b"")
    assert silent.connections == 0


async def test_a_changed_body_is_refused(site: Site) -> None:
    body = message()
    response = await site.post(body.replace(b"hello", b"hellO"), headers=site.sign(body))
    assert response.status_code == 403
    assert await site.stored() == 0


async def test_a_signature_sent_twice_is_refused(site: Site) -> None:
    (header,) = site.sign(body := message()).items()
    assert (await site.post(body, headers=[header, header])).status_code == 403
    assert (await site.post(body, headers=[header])).status_code == 200


@pytest.mark.parametrize(("encoding", "status"), [("identity", 200), ("gzip", 403), ("deflate", 403), ("x", 403)])
async def test_only_a_body_as_it_is_gets_in(site: Site, encoding: str, status: int) -> None:
    body = message()
    response = await site.post(body, headers=site.sign(body) | {"content-encoding": encoding})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("ta=shop%2Dviber", 200),
        ("x=1&ta=shop-viber&y=2", 200),
        ("ta=shop-viber&ta=other", 403),
        ("ta=other&ta=shop-viber", 403),
        ("ta=shop-viber&ta=shop-viber", 403),
    ],
)
async def test_a_call_names_one_account_and_once(site: Site, query: str, status: int) -> None:
    assert (await site.post(message(), f"/webhooks/viber?{query}")).status_code == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_webhooks_are_posted_and_nothing_else(site: Site, method: str) -> None:
    assert (await site.http.request(method, VIBER)).status_code == 405


# --- too large, too slow, gone


def padded(size: int) -> bytes:
    return message(pad="x" * (size - len(message(pad=""))))


async def test_a_body_of_the_greatest_size_is_stored(site: Site) -> None:
    body = padded(LIMIT)
    assert len(body) == LIMIT
    assert (await site.post(body)).status_code == 200
    assert await site.stored() == 1


async def test_a_body_announced_as_larger_is_refused_unread(site: Site) -> None:
    announced = {"content-length": str(LIMIT + 1)}
    start, end = await asgi(site.tester.app, [], announced)
    assert start["status"] == 413
    assert (b"connection", b"close") in start["headers"]
    assert end["body"] == b""


async def test_an_account_that_nobody_has_is_refused_as_late_as_one_that_somebody_has(site: Site) -> None:
    announced = {"content-length": str(LIMIT + 1)}
    known, unknown = [await asgi(site.tester.app, [], announced, url) for url in (VIBER, "/webhooks/viber?ta=nobody")]
    assert known == unknown


async def test_a_body_without_a_length_is_refused_once_it_is_larger(site: Site) -> None:
    body = padded(LIMIT)
    parts = [part(body[:1000], more=True), part(body[1000:], more=True)]
    accepted = await asgi(site.tester.app, [*parts, part(b"")], site.sign(body))
    refused = await asgi(site.tester.app, [*parts, part(b"x", more=True)], site.sign(body))
    assert [accepted[0]["status"], refused[0]["status"]] == [200, 413]


@pytest.mark.parametrize("announced", ["", "x", "-1", "1.5", "9" * 5000, "0" * 5000, "٣", "1, 1", " 7 "])
async def test_a_length_that_is_no_number_is_never_our_fault(site: Site, announced: str) -> None:
    body = message()
    sent = await asgi(site.tester.app, [part(body)], site.sign(body) | {"content-length": announced})
    assert sent[0]["status"] in (200, 413)


async def test_a_body_that_stalls_is_given_up(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(botkit_redis_url, tmp_path, body_seconds=0.05) as site:
        start, _ = await asgi(site.tester.app, [part(message()[:10], more=True)])
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]


async def test_a_sender_who_leaves_early_is_no_error(site: Site) -> None:
    with structlog.testing.capture_logs() as logs:
        sent = await asgi(site.tester.app, [part(message()[:10], more=True), {"type": "http.disconnect"}])
    assert sent == []
    assert [(line["log_level"], line["event"]) for line in logs] == [("debug", "the sender left early")]


async def test_a_body_beyond_what_all_may_have_together_must_come_again(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(botkit_redis_url, tmp_path, policy=ReceiverPolicy(max_bytes=LIMIT)) as site:
        held = site.tester.service.receiver.held
        with Share(held) as other:
            other.add(LIMIT - len(message()) + 1)
            refused = await site.post(message())
        accepted = await site.post(message())
    assert (refused.status_code, refused.headers["retry-after"], refused.headers["connection"]) == (503, "2", "close")
    assert accepted.status_code == 200
    assert held.size == 0


async def test_more_than_may_wait_for_the_store_must_come_again(silent: SilentRedis, tmp_path: Path) -> None:
    async with opened(silent.url, tmp_path, policy=ReceiverPolicy(max_waiting=2)) as site:
        first = [asyncio.create_task(site.post(message(token=token))) for token in (1, 2)]
        while not silent.connections:
            await asyncio.wait(first, timeout=0.01)
        before = monotonic()
        third = await site.post(message(token=3))
        assert not any(task.done() for task in first), "it does not wait behind them"
        assert monotonic() - before < 0.8
        await asyncio.gather(*first)
    assert (third.status_code, third.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(("fields", "status"), [(100, 200), (101, 403)])
async def test_a_query_has_a_greatest_number_of_fields(site: Site, fields: int, status: int) -> None:
    query = "&".join(["ta=shop-viber", *["x"] * (fields - 1)])
    assert (await site.post(message(), f"/webhooks/viber?{query}")).status_code == status


async def test_a_header_that_some_servers_find_behind_the_body_proves_nothing(site: Site) -> None:
    body = message()
    headers = [(b"host", b"bots.test")]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        headers.extend((name.encode(), value.encode()) for name, value in site.sign(body).items())
        return part(body)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/webhooks/viber", "raw_path": b"/webhooks/viber", "root_path": "", "query_string": b"ta=shop-viber",
        "headers": headers, "client": None, "server": None,
    }  # fmt: skip
    await site.tester.app(scope, receive, send)
    assert sent[0]["status"] == 403


@pytest.mark.parametrize("name", ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"])
async def test_who_a_request_says_it_is_from_changes_nothing(site: Site, name: str) -> None:
    # An address of Telegram's.
    headers = {name: "149.154.167.220", "x-telegram-bot-api-secret-token": "x"}
    assert (await site.post(b"{}", "/webhooks/telegram?ta=shop-telegram", headers)).status_code == 403
    body = message()
    assert (await site.post(body, headers=site.sign(body) | {name: "10.0.0.1"})).status_code == 200


# --- not stored


@pytest.fixture
def closed_url(unused_tcp_port: int) -> str:
    return f"redis://127.0.0.1:{unused_tcp_port}"


async def test_without_redis_it_must_come_again(closed_url: str, tmp_path: Path) -> None:
    async with opened(closed_url, tmp_path) as site:
        before = monotonic()
        response = await site.post(message())
    assert told(response) == (503, {"retry-after": "2", "content-length": "0"}, b"")
    assert monotonic() - before < 1


async def test_a_redis_that_hangs_is_waited_for_less_than_a_second(silent: SilentRedis, tmp_path: Path) -> None:
    async with opened(silent.url, tmp_path) as site:
        before = monotonic()
        good, bad = await asyncio.gather(site.post(message()), site.post(b"{"))
        passed = monotonic() - before
    assert [good.status_code, bad.status_code] == [503, 503]
    assert good.headers["retry-after"] == bad.headers["retry-after"] == "2"
    assert passed < 1
    assert silent.connections > 0


async def test_a_full_mailbox_must_be_emptied_first(botkit_redis_url: str, tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with opened(botkit_redis_url, tmp_path, bot=shop(gate=gate), bounds=Bounds(mailbox=2)) as site:
        # The first is being handled and still counts.
        responses = [await site.post(message(token=token)) for token in range(1, 4)]
        assert [response.status_code for response in responses] == [200, 200, 503]
        assert responses[2].headers["retry-after"] == "2"
        assert await site.stored() == 2
        gate.set()
        await site.tester.service.engine.settle()
        assert (await site.post(message(token=3))).status_code == 200


async def test_before_the_start_and_after_the_end_it_must_come_again(site: Site) -> None:
    service, site.tester.app.service = site.tester.app.service, None
    response = await site.post(message())
    site.tester.app.service = service
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


# --- genuine, but not to be read


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"event":1}', b"[" * 1000, b'{"event":"message"}'])
async def test_what_cannot_be_read_is_kept_and_never_sent_again(site: Site, body: bytes) -> None:
    response = await site.post(body)
    assert told(response) == (200, {"content-length": "0"}, b"")
    (kept,) = await site.unreadable()
    assert (kept["account"], kept["body"]) == (b"shop-viber", body)
    assert kept["reason"]


async def test_a_mistake_of_the_adapter_s_loses_nothing(botkit_redis_url: str, tmp_path: Path) -> None:
    async with opened(botkit_redis_url, tmp_path, bot=shop(Broken)) as site:
        response = await site.post(body := message())
        (kept,) = await site.unreadable()
    assert response.status_code == 200
    assert (kept["reason"], kept["body"]) == (b"KeyError", body)


async def test_what_cannot_be_kept_must_come_again(closed_url: str, tmp_path: Path) -> None:
    async with opened(closed_url, tmp_path) as site:
        assert (await site.post(b"{")).status_code == 503


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200) | st.text(st.characters(exclude_categories=())).map(lambda text: message(text)))
async def test_any_genuine_body_is_taken(botkit_redis_url: str, tmp_path: Path, body: bytes) -> None:
    async with opened(botkit_redis_url, tmp_path) as site:
        assert (await site.post(body)).status_code in (200, 413)


def test_the_reason_holds_no_word_of_the_person() -> None:
    with pytest.raises(PayloadError) as raised:
        Viber("a-b-c").parse(WebhookRequest({}, {}, message(message={"type": "text", "text": ["canary"]})))
    assert "canary" not in str(raised.value)


# --- checks of our address


async def test_a_check_of_our_address_is_answered_only_to_whoever_is_known(site: Site) -> None:
    gbm = site.tester.service.owners[Account("gbm", "shop-gbm")].adapter
    assert isinstance(gbm, BusinessMessages)
    check = json.dumps({"clientToken": gbm.client_token.reveal(), "secret": "s3cret"}).encode()
    known = await site.post(check, "/webhooks/gbm?ta=shop-gbm", {})
    unknown = await site.post(check, "/webhooks/gbm?ta=other", {})
    assert (known.status_code, known.content) == (200, b"s3cret")
    assert told(unknown) == (403, {"content-length": "0"}, b"")


async def test_an_unsigned_check_tells_nobody_which_accounts_there_are(site: Site) -> None:
    check = b'{"event":"webhook","timestamp":1,"message_token":1}'
    known, unknown = [await site.post(check, url, {}) for url in (VIBER, "/webhooks/viber?ta=other")]
    assert (known.status_code, known.content) == (200, b"")
    assert told(known) == told(unknown)


# --- whatever comes

header_names = st.sampled_from(
    [SIGNATURE, "content-length", "content-encoding", "content-type", "host", "x-goog-signature",
     "x-telegram-bot-api-secret-token", "transfer-encoding", "cookie"]
)  # fmt: skip
printable = st.binary(max_size=40).map(lambda value: bytes(byte for byte in value if byte not in b"\r\n\x00"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    channel=st.sampled_from(["viber", "telegram", "gbm"]) | st.text(max_size=10),
    query=st.binary(max_size=40) | st.binary(max_size=20).map(lambda tail: b"ta=shop-viber&sig=" + tail),
    headers=st.lists(st.tuples(header_names.map(str.encode), printable), max_size=5),
    body=st.binary(max_size=100) | st.just(message()),
)
@example(channel="viber", query=b"ta=shop-viber", headers=[(b"content-length", b"x")], body=b"")
@example(channel="viber", query=b"ta=%ff&ta=%00", headers=[(SIGNATURE.encode(), b"\xff")], body=b"")
@example(channel="0/", query=b"\x80", headers=[], body=b"")
@example(channel="gbm", query=b"ta=shop-gbm", headers=[], body=b'{"clientToken":"\\ud800","secret":"\\ud800"}')
async def test_no_request_is_ever_our_fault(
    silent: SilentRedis, tmp_path: Path, channel: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    async with opened(silent.url, tmp_path) as site:
        path = f"/webhooks/{channel}"
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return part(body)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": path, "raw_path": path.encode(errors="replace"), "root_path": "", "query_string": query,
            "headers": [(b"host", b"bots.test"), *headers], "client": None, "server": ("bots.test", 80),
        }  # fmt: skip
        await site.tester.app(scope, receive, send)
    assert sent[0]["status"] in (400, 403, 404, 405, 413)
    assert silent.connections == 0
