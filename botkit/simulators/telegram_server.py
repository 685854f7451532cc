"""The simulated Telegram's servers: the Bot API, the downloads, and the updates on their way."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.adapter import Adapter
from botkit.channels.telegram import Telegram
from botkit.clock import Clock
from botkit.simulators.simulator import Simulator
from botkit.simulators.telegram_calls import Called, private_chat
from botkit.simulators.telegram_delivery import Courier
from botkit.simulators.telegram_files import read_download
from botkit.simulators.telegram_limits import Limits
from botkit.simulators.telegram_methods import METHODS
from botkit.simulators.telegram_parameters import ApiError, Parameters, read_parameters
from botkit.simulators.telegram_polling import Polls
from botkit.simulators.telegram_state import BotState, ChatState, Options, Page, State
from botkit.simulators.wire import Exchange


class TelegramServer(Simulator):
    """Telegram's servers.

    `limits_on` makes them refuse who sends too fast; `is_local` is a self-hosted Bot API server, which takes webhooks
    over http, on every port and at every address, and larger files. `counts_code_points` counts texts in code points
    instead of UTF-16 units. `pages` is what the servers find behind addresses; those not in it are judged by how they
    end.
    """

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.limits_on = True
        self.is_local = False
        self.counts_code_points = False
        self.pages: dict[str, Page] = {}
        self._state = State()
        self._accounts: dict[str, str] = {}
        self._limits = Limits(clock)
        self._polls = Polls()
        self._courier = Courier(clock, self.http, self.wire, self.call, lambda: self.on_change(), self._polls.wake)
        routes = [
            Route("/bot{token}/{method}", self._serve, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", self._serve_file),
        ]
        self._app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})

    @property
    def app(self) -> Starlette:
        """The Bot API: `/bot<token>/<method>`, and `/file/bot<token>/<path>` for downloads."""
        return self._app

    def add_account(self, adapter: Adapter) -> None:
        """Makes the adapter's bot known, as @BotFather would. Raises TypeError for an adapter without a token."""
        if not isinstance(adapter, Telegram) or not adapter.has_credentials:
            raise TypeError("the simulated Telegram opens accounts for Telegram adapters with a token")
        token = next(iter(adapter.secrets())).reveal()
        self._accounts = {known: ta for known, ta in self._accounts.items() if ta != adapter.ta} | {token: adapter.ta}

    def bot(self, ta: str) -> BotState:
        """Returns what is remembered of a bot."""
        # Update ids start at the time, so that those of an earlier run are not met again.
        first = int(self.clock.timestamp() * 16) % 1_900_000_000 + 1
        return self._state.bots.setdefault(ta, BotState(next_update_id=first))

    def unanswered(self, ta: str, kind: str = "callback_query") -> list[str]:
        """Returns the ids of the pressed buttons, or other queries, that the bot has not answered."""
        queries = self.bot(ta).queries.items()
        return [name for name, query in queries if query.kind == kind and not query.is_answered]

    def renumber_updates(self, ta: str, first: int) -> None:
        """Lets the ids of updates go on from another number, as Telegram may after a week without any."""
        self.bot(ta).next_update_id = first

    # Calls

    async def _serve(self, request: Request) -> Response:
        ta = self._accounts.get(request.path_params["token"])
        method = request.path_params["method"]
        body = await request.body()
        response = await self.wire.answer(lambda: self._answer(ta, method, request, body))
        self._log(ta or "", method, body or request.url.query.encode(), response)
        return response

    async def _answer(self, ta: str | None, method: str, request: Request, body: bytes) -> Response:
        try:
            if ta is None:
                raise ApiError(401)
            content_type = request.headers.get("content-type", "")
            if method.lower() == "getupdates":
                given = read_parameters(request.url.query, content_type, body)
                result: Any = await self._polls.read(ta, self.bot(ta), given, self.clock.timestamp())
                self.on_change()
            elif method.lower() not in METHODS:
                raise ApiError(404, "method not found")
            else:
                result = self.call(ta, method, read_parameters(request.url.query, content_type, body))
        except ApiError as error:
            return _refusal(error)
        said = {"result": True, "description": result} if isinstance(result, str) else {"result": result}
        return _json({"ok": True} | said)

    def call(self, ta: str, method: str, parameters: Parameters) -> Any:
        """Carries out one method of a bot and returns its result. Raises ApiError."""
        result = METHODS[method.lower()](self._called(ta, parameters))
        if method.lower() == "setwebhook" and self.bot(ta).webhook.url:
            self._polls.stop(ta)
        self.on_change()
        return result

    def _called(self, ta: str, parameters: Parameters) -> Called:
        bot, me = self.bot(ta), self._me(ta)

        def count(chat_id: int, *, is_group: bool, is_paid: bool) -> None:
            if self.limits_on:
                self._limits.take(ta, chat_id, is_group=is_group, is_paid=is_paid)

        def queue(kind: str, payload: Mapping[str, Any]) -> None:
            self._courier.queue(ta, bot, kind, payload)

        options = Options(self.is_local, self.counts_code_points, self.pages)
        return Called(me, bot, self._state.people, parameters, self.clock.timestamp(), options, count, queue)

    def _me(self, ta: str) -> dict[str, Any]:
        token = next(token for token, known in self._accounts.items() if known == ta)
        name = re.sub(r"[^a-z0-9_]", "_", ta.lower())[:28] or "demo"
        return {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": ta, "username": f"{name}_bot"}

    async def _serve_file(self, request: Request) -> Response:
        ta, path = self._accounts.get(request.path_params["token"]), request.path_params["path"]
        response = await self.wire.answer(lambda: self._download(ta, path))
        self._log(ta or "", "file", path.encode(), response)
        return response

    async def _download(self, ta: str | None, path: str) -> Response:
        try:
            if ta is None:
                raise ApiError(401)
            bot = self.bot(ta)
            content = read_download(bot.files, bot.downloads, path, self.clock.timestamp())
        except ApiError as error:
            return _refusal(error)
        return Response(content, media_type="application/octet-stream")

    def _log(self, ta: str, name: str, body: bytes, response: Response) -> None:
        answer = bytes(response.body)
        self.wire.add(Exchange("outbound", self.clock.now(), ta, name, body, response.status_code, answer))

    # Updates

    async def emits(self, ta: str, kind: str, payload: Mapping[str, Any]) -> None:
        """Sends an update of any kind, also of one that Telegram does not have."""
        await self._courier.emit(ta, self.bot(ta), kind, payload)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keeps all updates back in this block; `redeliver` or `release` sends them afterwards."""
        self._courier.is_holding = True
        try:
            yield
        finally:
            self._courier.is_holding = False

    async def release(self, ta: str, *, is_swapped: bool = False) -> int:
        """Sends what was held back, the youngest queue first when swapped; returns how many were tried.

        Telegram keeps the order within a queue only: a message and a pressed button may overtake each other.
        """
        return await self._courier.flush(ta, self.bot(ta), is_swapped=is_swapped)

    async def redeliver(self) -> int:
        """Repeats what is due: at once after the first failure, then 2, 4, 8 ... seconds later, up to two minutes."""
        return sum([await self.release(ta) for ta in list(self._accounts.values())])

    def snapshot(self) -> bytes:
        """Returns the bots, their chats, files, webhooks and waiting updates as JSON."""
        return msgspec.json.encode(self._state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self._state = msgspec.json.decode(snapshot, type=State)
        for bot in self._state.bots.values():
            # A server that was started again has not counted the calls of the one before.
            bot.webhook.changed_at = 0
            for chat_id, chat in bot.chats.items():
                self._complete(chat_id, chat)

    def _complete(self, chat_id: int, chat: ChatState) -> None:
        # A snapshot of an earlier version has private chats only, and takes them from the people.
        chat.info = chat.info or private_chat(self._state.people[chat_id])


def _refusal(error: ApiError) -> Response:
    retry_after = error.parameters.get("retry_after")
    return _json(error.envelope, error.code, {"retry-after": str(retry_after)} if retry_after else {})


async def _not_found(request: Request, error: Exception) -> Response:
    return _json(ApiError(404).envelope, 404)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")
