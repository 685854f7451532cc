"""A whole process without its HTTP server: its accounts, what it answers to webhooks, its end and its return."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.testing import capture_logs

from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.context import Context
from botkit.conversation import Account
from botkit.engine import EnginePolicy
from botkit.events import ConversationStarted, MessageReceived
from botkit.exceptions import DefinitionError, SettingsError, StoreUnavailableError
from botkit.flow import Flow, Trigger
from botkit.gateways.mitto import Mitto
from botkit.receiver import Webhooks
from botkit.redaction import Secret
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.service import Policies, Service, webhook_url
from botkit.settings import Settings
from botkit.simulators.simulator import Person
from botkit.simulators.viber import ViberSimulator

OLENA = Person("Olena")
TOKEN = "44d32a6f1b-cafe-0123-canary"


class Visit(Flow):
    states = ("new", "known")
    meet = Trigger("*", "known")

    visits: int = 0


def host() -> Router[Visit]:
    router = Router(Visit)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Visit]) -> None:
        ctx.flow.meet()
        ctx.flow.visits += 1
        ctx.reply(f"welcome no. {ctx.flow.visits}")

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Visit]) -> None:
        ctx.reply(event.text)

    return router


class Sites:
    """Processes that share a store, a clock and a folder."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.clock = Clock()
        self._redis_url = redis_url
        self._folder = folder
        self._prefix = f"t{uuid4().hex[:12]}"

    def build(self, *bots: Bot, policies: Policies | None = None, **settings: Any) -> Service:
        store = RedisStore(self._redis_url, clock=self.clock, prefix=self._prefix)
        chosen = msgspec.structs.replace(Settings(folder=self._folder, shutdown_seconds=0), **settings)
        return Service(bots, chosen, store, policies=policies)

    @asynccontextmanager
    async def open(self, *bots: Bot, policies: Policies | None = None, **settings: Any) -> AsyncIterator[Service]:
        service = self.build(*bots, policies=policies, **settings)
        await service.open(face(service))
        try:
            yield service
        finally:
            await service.stop()


def face(service: Service) -> Starlette:
    return Starlette(routes=[Route("/webhooks/{channel}", Webhooks(service.receiver.serve), methods=["POST"])])


async def post(service: Service, body: bytes, *, ta: str = "shop-viber", token: str = TOKEN) -> httpx.Response:
    transport = httpx.ASGITransport(app=face(service))
    headers = {"X-Viber-Content-Signature": hmac.new(token.encode(), body, "sha256").hexdigest()}
    async with httpx.AsyncClient(transport=transport, base_url="http://bot.test") as client:
        return await client.post(f"/webhooks/viber?ta={ta}", content=body, headers=headers)


def opening(clock: Clock, token: int = 5_074_000_000_000_000_001, *, subscribed: bool = False) -> bytes:
    callback = {
        "event": "conversation_started",
        "timestamp": int(clock.timestamp() * 1000),
        "message_token": token,
        "type": "open",
        "user": {"id": "01234567890A=", "name": "Olena", "language": "uk", "country": "UA", "api_version": 10},
        "subscribed": subscribed,
    }
    return msgspec.json.encode(callback)


@pytest.fixture
def sites(botkit_redis_url: str, tmp_path: Path) -> Sites:
    return Sites(botkit_redis_url, tmp_path)


def real() -> Bot:
    return Bot("shop", routers=[host()], accounts=[Viber(TOKEN)])


def simulated() -> Bot:
    return Bot("shop", routers=[host()], accounts=[Viber(), Telegram()])


# --- the welcome in the webhook's answer ---


async def test_the_welcome_travels_in_the_answer_and_a_redelivery_gets_the_same_bytes(sites: Sites) -> None:
    async with sites.open(real()) as service:
        body = opening(sites.clock)
        first, second = await post(service, body), await post(service, body)
        assert first.status_code == second.status_code == 200
        assert first.headers["content-type"] == "application/json"
        assert msgspec.json.decode(first.content)["text"] == "welcome no. 1"
        assert first.content == second.content
        third = await post(service, opening(sites.clock, token=5_074_000_000_000_000_002))
        assert msgspec.json.decode(third.content)["text"] == "welcome no. 2"


async def test_a_second_process_answers_a_redelivery_with_the_same_bytes(sites: Sites) -> None:
    async with sites.open(real()) as service, sites.open(real()) as second:
        body = opening(sites.clock)
        assert (await post(service, body)).content == (await post(second, body)).content != b""


async def test_a_handler_that_is_too_slow_makes_viber_ask_again(sites: Sites) -> None:
    hasty = Policies(engine=EnginePolicy(answer_budget=0.05))
    router, first = Router(), True

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Flow]) -> None:
        nonlocal first
        if first:
            first = False
            raise ValueError
        ctx.reply("welcome")

    async with sites.open(Bot("shop", routers=[router], accounts=[Viber(TOKEN)]), policies=hasty) as service:
        body = opening(sites.clock)
        assert (await post(service, body)).status_code == 503
        # The first attempt is over, however long it took; the second is due.
        await service.engine.settle()
        sites.clock.advance(seconds=2)
        await service.engine.settle()
        answer = await post(service, body)
        assert (answer.status_code, msgspec.json.decode(answer.content)["text"]) == (200, "welcome")


async def test_the_welcome_is_no_part_of_a_session(sites: Sites) -> None:
    async with sites.open(real()) as service:
        await post(service, opening(sites.clock))
        (adapter,) = (owner.adapter for owner in service.owners.values())
        record = await service.store.load(f"viber:{adapter.ta}:01234567890A=")
        assert record.version == 1
        assert (record.counts.started_ms, record.counts.sent, record.counts.in_row) == (0, 0, 0)


# --- accounts ---


def test_an_account_without_credentials_is_refused_in_production_by_the_name_of_its_setting(sites: Sites) -> None:
    bot = Bot("shop", routers=[host()], accounts=[Viber.from_env("SHOP_VIBER", {})])
    with pytest.raises(SettingsError, match="SHOP_VIBER_TOKEN is not set, and BOTKIT_ENV=prod"):
        sites.build(bot, env="prod")
    sites.build(bot, env="dev")


def test_an_account_with_credentials_is_taken_in_production(sites: Sites) -> None:
    service = sites.build(real(), env="prod")
    assert not service.is_simulated(Account("viber", "shop-viber"))
    assert service.simulators == {}


@pytest.mark.parametrize("settings", [{"workers": 2}, {"role": "web"}, {"role": "worker"}], ids=str)
def test_a_simulated_account_lives_in_one_process_only(sites: Sites, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="a simulated account lives in one process"):
        sites.build(simulated(), **settings)
    sites.build(real(), **settings)


def test_two_bots_cannot_share_an_account(sites: Sites) -> None:
    one, two = (Bot(name, routers=[host()], accounts=[Viber(ta="same")]) for name in ("one", "two"))
    with pytest.raises(DefinitionError, match="bots 'one' and 'two' share account 'same'"):
        sites.build(one, two)


def test_what_is_secret_is_masked_wherever_the_process_writes(sites: Sites) -> None:
    service = sites.build(real(), redis_url=Secret("redis://:hunter2-canary@localhost/0"))
    text = f"{TOKEN} and redis://:hunter2-canary@localhost/0"
    assert service.redactor.redact(text) == "*** and ***"


def test_the_webhook_s_address_carries_the_account_s_id_url_encoded() -> None:
    account = Account("viber", "shop & co/ü")
    assert webhook_url("https://bot.test/", account) == "https://bot.test/webhooks/viber?ta=shop%20%26%20co%2F%C3%BC"


def test_a_gateway_s_address_carries_the_kind_too() -> None:
    account = Account("smsc", "shop & co")
    assert (
        webhook_url("https://bot.test", account, "report") == "https://bot.test/webhooks/smsc/report?ta=shop%20%26%20co"
    )


class Gateway(Viber):
    kinds = frozenset({"report", "inbound"})

    def callback_address(self, kind: str, url: str) -> str:
        return f"{url}&key=k-{kind}"


class Switchboard(ViberSimulator):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.entered: list[tuple[str, str, str]] = []

    def console(self, ta: str, kind: str, url: str) -> None:
        self.entered.append((ta, kind, url))


async def test_a_gateway_s_addresses_are_entered_by_hand_with_what_the_adapter_adds_to_them(sites: Sites) -> None:
    service = sites.build(Bot("shop", routers=[host()], accounts=[Gateway()]))
    service.simulators["viber"] = simulator = Switchboard(sites.clock)
    await service.open(face(service))
    base = "https://botkit.localhost/webhooks/viber"
    assert simulator.entered == [
        ("shop-viber", "inbound", f"{base}/inbound?ta=shop-viber&key=k-inbound"),
        ("shop-viber", "report", f"{base}/report?ta=shop-viber&key=k-report"),
    ]
    await service.stop()


class Mute(Viber):
    methods = frozenset()


async def test_nothing_is_registered_with_a_service_that_calls_nobody(sites: Sites) -> None:
    async with sites.open(Bot("shop", routers=[host()], accounts=[Mute()])) as service:
        assert service.simulators["viber"].wire.calls() == []


# --- life ---


async def test_simulated_accounts_register_their_webhooks_and_talk_inside_the_process(sites: Sites) -> None:
    async with sites.open(simulated()) as service:
        assert all(service.is_simulated(account) for account in service.owners)
        for channel, simulator in service.simulators.items():
            await simulator.says(f"shop-{channel}", OLENA, f"hello {channel}")
            await service.engine.settle()
            texts = [bubble.text for bubble in simulator.screen(f"shop-{channel}", OLENA)]
            assert texts == [f"hello {channel}"] * 2


@pytest.mark.parametrize(
    ("level", "told"), [("debug", ["handled", "sent"]), ("info", ["handled"]), ("warning", []), ("error", [])]
)
async def test_what_the_operator_does_not_read_of_each_event_is_not_put_into_words(
    sites: Sites, level: str, told: list[str]
) -> None:
    async with sites.open(simulated(), log=level) as service:
        with capture_logs() as logs:
            await service.simulators["viber"].says("shop-viber", OLENA, "hello")
            await service.engine.settle()
    assert [line["event"] for line in logs if line["event"] in ("handled", "sent")] == told


async def test_simulated_people_remember_the_talk_when_the_process_comes_back(sites: Sites) -> None:
    async with sites.open(simulated()) as service:
        await service.simulators["viber"].says("shop-viber", OLENA, "hello")
        await service.engine.settle()
    async with sites.open(simulated()) as service:
        viber = service.simulators["viber"]
        assert [bubble.text for bubble in viber.screen("shop-viber", OLENA)] == ["hello", "hello"]
        await viber.says("shop-viber", OLENA, "again")
        await service.engine.settle()
        assert [bubble.text for bubble in viber.screen("shop-viber", OLENA)][2:] == ["again", "again"]


async def test_the_loops_of_a_started_process_need_nobody_to_drive_them(sites: Sites) -> None:
    async with sites.open(simulated()) as service:
        viber, has_changed = service.simulators["viber"], asyncio.Event()
        viber.on_change = has_changed.set
        service.start()
        await viber.says("shop-viber", OLENA, "hello")
        async with asyncio.timeout(5):
            while len(viber.screen("shop-viber", OLENA)) < 2:
                has_changed.clear()
                await has_changed.wait()
        assert [bubble.text for bubble in viber.screen("shop-viber", OLENA)] == ["hello", "hello"]


async def test_what_the_operator_should_know_of_an_account_is_told_at_the_start(sites: Sites) -> None:
    bot = Bot("shop", routers=[host()], accounts=[Mitto("viber", api_key="x", ta="shop-gateway", prefix="SHOP")])
    async with sites.open(bot) as service:
        with capture_logs() as logs:
            service.start()
    (line,) = (line for line in logs if line["log_level"] == "warning")
    assert line["account"] == "shop-gateway"
    assert line["event"].startswith("SHOP_WEBHOOK_SECRET is not set")


async def test_after_the_stop_connections_are_closed(sites: Sites) -> None:
    async with sites.open(simulated()) as service:
        await service.store.ping()
    with pytest.raises(StoreUnavailableError):
        await service.store.ping()
    for simulator in service.simulators.values():
        assert simulator.http.is_closed


async def test_a_store_that_is_not_there_is_told_at_the_start(sites: Sites, tmp_path: Path) -> None:
    store = RedisStore(f"unix://{tmp_path}/nobody.sock")
    service = Service([real()], Settings(folder=tmp_path), store)
    with pytest.raises(StoreUnavailableError):
        await service.open(face(service))
    await service.stop()


async def test_each_account_registers_its_webhook_once_at_the_start(sites: Sites) -> None:
    async with sites.open(simulated()) as service:
        calls = {channel: simulator.wire.calls() for channel, simulator in service.simulators.items()}
        assert [call.name for call in calls["viber"]] == ["set_webhook"]
        assert [call.name for call in calls["telegram"]] == ["setWebhook"]
