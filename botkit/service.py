"""One running process of botkit: bots, accounts, connections, engine, and in development the simulators."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import structlog
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.conversation import Account
from botkit.dispatcher import Dispatcher, HandlerPolicy, Owner
from botkit.engine import Engine, EnginePolicy
from botkit.exceptions import DefinitionError, SettingsError
from botkit.feeder import Feeder
from botkit.http import ASGIApp, Http, InProcess
from botkit.line import Line
from botkit.log_fields import LogFields
from botkit.metrics import Memory, Metrics
from botkit.outbox import Outbox, SendPolicy
from botkit.receiver import Receiver, ReceiverPolicy
from botkit.redaction import Redactor, Secret
from botkit.redis.store import RedisStore
from botkit.send_api.app import SendApi
from botkit.send_api.callbacks import callbacks_of
from botkit.send_api.keys import load_keyring
from botkit.send_api.requests import RequestPolicy
from botkit.settings import Settings
from botkit.simulators.simulator import Simulator, load_simulator
from botkit.sweeper import Sweeper

log = structlog.get_logger("botkit.service")

#: The name under which the simulators of a process find its receiver.
LOOPBACK = "botkit.localhost"


class Policies(Struct, frozen=True):
    """The figures of the engine's parts."""

    handler: HandlerPolicy = HandlerPolicy()
    engine: EnginePolicy = EnginePolicy()
    send: SendPolicy = SendPolicy()
    receiver: ReceiverPolicy = ReceiverPolicy()
    send_api: RequestPolicy = RequestPolicy()


class Service:
    """Puts the parts of a process together: `open`, `start`, and at the end `stop`.

    Accounts without credentials are simulated: their adapter and their simulator talk inside this process, over
    `network`. Raises SettingsError in production when an account has no credentials.
    """

    def __init__(
        self,
        bots: Sequence[Bot],
        settings: Settings,
        store: RedisStore,
        *,
        policies: Policies | None = None,
        memory: Memory | None = None,
        callback_client: Callable[[], Http] = Http,
    ) -> None:
        self.bots = tuple(bots)
        self.settings = settings
        self.store = store
        self.clock = store.clock
        self.network = InProcess()
        self.simulators: dict[str, Simulator] = {}
        # The first simulated account of each channel.
        self._customers: dict[str, Adapter] = {}
        self.owners = self._open_accounts()
        self._keyring = load_keyring(settings.api_keys, settings.api_keys_file)
        self.redactor = Redactor(self._secrets())
        callbacks = callbacks_of(self._keyring, store.submissions, store.broadcasts, self.clock)
        self._clients = {account: self._client(account) for account in self.owners}
        self._clients |= {callback.account: callback_client() for callback in callbacks}
        lines = {account: Line(owner.adapter, self._clients[account]) for account, owner in self.owners.items()}
        programs = {callback.account: Line(callback, self._clients[callback.account]) for callback in callbacks}
        policies = policies or Policies()
        self.metrics = Metrics(self.owners, memory)
        self.log_fields = LogFields(store.pseudonym)
        self.outbox = Outbox(
            store,
            {**lines, **programs},
            self.clock,
            policy=policies.send,
            metrics=self.metrics,
            tells_all=settings.log == "debug",
        )
        self.engine = self._build_engine(policies, lines)
        adapters = [owner.adapter for owner in self.owners.values()]
        self.receiver = Receiver(
            adapters, self.engine, store, self.clock, policy=policies.receiver, metrics=self.metrics
        )
        self.send_api = SendApi(
            self.owners, store, self.clock, self._keyring, policy=policies.send_api, time_zone=settings.time_zone
        )
        self._redelivering: asyncio.Task[None] | None = None

    # --- putting together ---

    def _build_engine(self, policies: Policies, lines: Mapping[Account, Line]) -> Engine:
        store, settings = self.store, self.settings
        dispatcher = Dispatcher(
            store,
            self.owners,
            self.clock,
            self.redactor,
            clients=self._clients,
            policy=policies.handler,
            show_errors=not settings.is_production,
            metrics=self.metrics,
            tells_all=settings.log in ("debug", "info"),
        )
        return Engine(
            store,
            dispatcher,
            self.outbox,
            role=settings.role,
            policy=policies.engine,
            feeder=Feeder(store, {account: owner.adapter for account, owner in self.owners.items()}, self.clock),
            polled=lines,
            metrics=self.metrics,
            sweeper=Sweeper(store, idle=86_400 * settings.forget_after_days),
        )

    def _open_accounts(self) -> Mapping[Account, Owner]:
        owners: dict[Account, Owner] = {}
        for bot in self.bots:
            for declared in bot.accounts:
                if declared.account in owners:
                    raise DefinitionError(
                        f"bots {owners[declared.account].bot.name!r} and {bot.name!r} share account {declared.ta!r}",
                        fix="give each bot an account of its own (the setting <PREFIX>_TA)",
                    )
                owners[declared.account] = Owner(bot, self._credited(declared))
        return owners

    def _credited(self, declared: Adapter) -> Adapter:
        if declared.has_credentials:
            return declared
        setting = f"{declared.prefix or declared.ta.upper()}_{declared.token_setting}"
        if self.settings.is_production:
            raise SettingsError(
                f"{setting} is not set, and BOTKIT_ENV=prod",
                fix="set it; simulated accounts are for development only",
            )
        if self.settings.role != "all" or self.settings.workers > 1:
            raise SettingsError(
                f"{setting} is not set, and a simulated account lives in one process",
                fix="set it, or run with --role all --workers 1",
            )
        adapter = declared.simulated(f"http://{declared.channel}.simulator")
        adapter.paces, adapter.owner = declared.paces, declared.owner
        adapter.join_customer(self._customers.setdefault(declared.channel, adapter))
        self._simulator(declared.channel).add_account(adapter)
        return adapter

    def _simulator(self, channel: str) -> Simulator:
        if channel not in self.simulators:
            simulator = load_simulator(channel)(self.clock, self.network)
            for host, app in {f"{channel}.simulator": simulator.app, **simulator.hosts}.items():
                self.network.mount(host, app)
            self.simulators[channel] = simulator
        return self.simulators[channel]

    def _client(self, account: Account) -> Http:
        return Http(transport=self.network if self.is_simulated(account) else None)

    def _secrets(self) -> list[Secret]:
        found = [secret for owner in self.owners.values() for secret in owner.adapter.secrets()]
        found += self._keyring.secrets()
        return [*found, *self.settings.secrets()]

    def is_simulated(self, account: Account) -> bool:
        """Whether the account's service is played by this process."""
        declared = next(a for a in self.owners[account].bot.accounts if a.account == account)
        return not declared.has_credentials

    # --- life ---

    async def open(self, app: ASGIApp) -> None:
        """Connects everything: `app` is what the simulators post their webhooks to.

        Simulators take up where they left off, and their accounts register their webhooks the way real ones do,
        or as their owner would in the service's console.
        Raises StoreUnavailableError.
        """
        await self.store.ping()
        self.network.mount(LOOPBACK, app)
        for channel, simulator in self.simulators.items():
            path = self.settings.folder / "simulators" / f"{channel}.json"
            if path.is_file():
                simulator.restore(path.read_bytes())
            simulator.on_change = _Saver(simulator, path)
        for account, owner in self.owners.items():
            if self.is_simulated(account):
                await self._register(account, owner.adapter)

    async def _register(self, account: Account, adapter: Adapter) -> None:
        # A gateway's addresses are typed into its web pages: nobody else does that here.
        for kind in sorted(adapter.kinds):
            url = adapter.callback_address(kind, webhook_url(f"https://{LOOPBACK}", account, kind))
            self.simulators[account.channel].console(account.ta, kind, url)
        if adapter.has_webhook_call:
            await adapter.set_webhook(webhook_url(f"https://{LOOPBACK}", account), self._clients[account])

    def start(self) -> None:
        """Starts to work, once connected."""
        for account, owner in self.owners.items():
            for text in owner.adapter.warnings:
                log.warning(text, account=account.ta)
        self.engine.start()
        if self.simulators:
            self._redelivering = asyncio.create_task(self._redeliver())

    async def _redeliver(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            for simulator in self.simulators.values():
                try:
                    await simulator.redeliver()
                except Exception:
                    log.exception("a simulator failed", channel=simulator.channel)

    async def stop(self) -> None:
        """Stops taking events in, lets work finish within the bound set, gives the rest back, closes connections."""
        if self._redelivering is not None:
            self._redelivering.cancel()
            await asyncio.gather(self._redelivering, return_exceptions=True)
        await self.engine.drain(self.settings.shutdown_seconds)
        for client in self._clients.values():
            await client.close()
        for simulator in self.simulators.values():
            await simulator.close()
        await self.store.close()


def webhook_url(base: str, account: Account, kind: str = "") -> str:
    """Returns the address that an account's service must call, with the kind that a gateway has; its id URL-encoded."""
    path = f"{account.channel}/{kind}" if kind else account.channel
    return f"{base.rstrip('/')}/webhooks/{path}?ta={quote(account.ta, safe='')}"


class _Saver:
    """Writes down what a simulated service remembers, so that a restart of ours does not make it forget people."""

    def __init__(self, simulator: Simulator, path: Path) -> None:
        self._simulator = simulator
        self._path = path

    def __call__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_bytes(self._simulator.snapshot())
        unfinished.replace(self._path)
