"""The ASGI application that a project runs: `app = App([bot, ...])` in `bots/__init__.py`."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from functools import lru_cache

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from botkit.answer import Answer
from botkit.bot import Bot
from botkit.exceptions import BotkitError, DefinitionError, SettingsError, StoreUnavailableError
from botkit.gate import Gate
from botkit.metrics import Memory
from botkit.metrics_page import MetricsPage
from botkit.play.phones import Phones
from botkit.receiver import Webhooks
from botkit.redis.embedded import EmbeddedServer
from botkit.redis.store import RedisStore
from botkit.redis.urls import shown_address
from botkit.send_api.app import routes as send_api_routes
from botkit.service import Service
from botkit.settings import Settings, load_settings
from botkit.telemetry import set_up_logging

log = structlog.get_logger("botkit.app")

# What the routes of the webhooks take.
_WEBHOOK = re.compile("/webhooks/([^/]+)(?:/([^/]+))?")


class App(Gate):
    """Everything a process serves; also what `uvicorn bots:app` takes.

    Settings are read when it starts. Raises DefinitionError when two bots share a name.
    """

    def __init__(self, bots: Sequence[Bot], *, settings: Settings | None = None) -> None:
        names = [bot.name for bot in bots]
        if len(set(names)) < len(names):
            raise DefinitionError(f"two bots share a name: {', '.join(sorted(names))}", fix="rename one of them")
        self.bots = tuple(bots)
        #: The running service; None before the start and after the end.
        self.service: Service | None = None
        #: The embedded server this process started, if it did.
        self.server: EmbeddedServer | None = None
        #: What it runs with; read from the environment when it starts, if not given.
        self.settings = settings
        #: Where the processes of the service count; alone, it counts for itself.
        self.memory = Memory()
        #: Why it did not start, where the server that runs it would only say that it did not.
        self.failure: Exception | None = None
        self._guarding: asyncio.Task[None] | None = None
        # For other methods than POST, and all below a path of a proxy's.
        webhooks = Webhooks(self._webhooks)
        self._asgi = Starlette(
            routes=[
                Route("/webhooks/{channel}", webhooks, methods=["POST"]),
                # Which of the two a gateway calls with is its adapter's to say.
                Route("/webhooks/{channel}/{kind}", webhooks, methods=["GET", "POST"]),
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", MetricsPage(lambda: self.service), methods=["GET"]),
                *send_api_routes(lambda: self.service.send_api if self.service else None),
                Mount("/play", Phones(lambda: self.service).app),
            ],
            lifespan=self._lifespan,
        )
        # No service follows a redirect, and Starlette fails on one with a query that is no UTF-8.
        self._asgi.router.redirect_slashes = False
        super().__init__(self._route)

    def _route(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if (place := _webhook_place(scope)) is None:
            return self._asgi(scope, receive, send)
        # Nothing of Starlette's routing or middleware is of use to a webhook, and all of it costs.
        return self._webhooks(scope, receive, send, *place)

    def _webhooks(self, scope: Scope, receive: Receive, send: Send, channel: str, kind: str) -> Awaitable[None]:
        if self.service is None:
            # Before the service runs and after, they must come again.
            return Answer(503, ((b"retry-after", b"2"),)).send(send)
        return self.service.receiver.serve(scope, receive, send, channel, kind)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            await self._start(self.settings or load_settings())
        except Exception as error:
            self.failure = error
            await self._stop()
            raise
        try:
            yield
        finally:
            await self._stop()

    async def _start(self, settings: Settings) -> None:
        store = RedisStore(self._redis_url(settings), prefix=settings.key_prefix, ack_replicas=settings.ack_replicas)
        self.service = Service(self.bots, settings, store, memory=self.memory)
        set_up_logging(settings, self.service.redactor, self.service.log_fields)
        try:
            await self.service.open(self)
        except StoreUnavailableError as error:
            raise StoreUnavailableError(
                f"cannot reach Redis at {_shown(settings)}: {error.what}",
                fix="start it, or unset BOTKIT_REDIS_URL to use the embedded server (development only)",
            ) from None
        self.service.start()
        if self.server is not None:
            self._guarding = asyncio.create_task(self._guard(settings))

    async def _guard(self, settings: Settings) -> None:
        # Nobody else looks after the server: when it dies, its data are on disk and its address stays the same.
        while True:
            await asyncio.sleep(1)
            if self.server is not None and self.server.is_durable and not self.server.is_alive():
                log.warning("the embedded server has died: starting it again")
                try:
                    await asyncio.to_thread(self.server.stop)
                    self.server = await asyncio.to_thread(EmbeddedServer.start, settings.folder / "redis")
                except (BotkitError, OSError) as error:
                    log.error("the embedded server does not start", reason=str(error))

    async def _stop(self) -> None:
        if self._guarding is not None:
            self._guarding.cancel()
            await asyncio.gather(self._guarding, return_exceptions=True)
            self._guarding = None
        if self.service is not None:
            await self.service.stop()
            self.service = None
        if self.server is not None:
            self.server.stop()
            self.server = None

    def _redis_url(self, settings: Settings) -> str:
        if settings.redis_url is not None:
            return settings.redis_url.reveal()
        if settings.is_production:
            raise SettingsError(
                "BOTKIT_REDIS_URL is not set, and BOTKIT_ENV=prod",
                fix="set it to your Redis or Valkey; the embedded server is for development only",
            )
        self.server = EmbeddedServer.start(settings.folder / "redis")
        return self.server.url

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _: Request) -> Response:
        try:
            if self.service is None:
                raise StoreUnavailableError("not started")
            await self.service.store.ping()
        except StoreUnavailableError:
            return JSONResponse({"status": "the store does not answer"}, status_code=503)
        return JSONResponse({"status": "ok"})


def _shown(settings: Settings) -> str:
    return shown_address(settings.redis_url.reveal()) if settings.redis_url else str(settings.folder / "redis")


def _webhook_place(scope: Scope) -> tuple[str, str] | None:
    """Returns the channel and the kind, which may be empty, of what the routes above give to the receiver."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope.get("root_path"):
        return None
    return _place_in(scope["path"])


# The few that are called are called again and again.
@lru_cache(maxsize=64)
def _place_in(path: str) -> tuple[str, str] | None:
    match = _WEBHOOK.fullmatch(path)
    return (match[1], match[2] or "") if match else None
