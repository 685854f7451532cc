"""The phones of simulated people, over HTTP: what `botkit chat` holds in its hand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from botkit.conversation import Account, Conversation
from botkit.exceptions import RecordError
from botkit.record import Flows
from botkit.service import Service
from botkit.simulators.simulator import Bubble, NotOnScreenError, Person, Simulator

#: How long the bot may take to answer before the screen is shown as it is, in seconds.
PATIENCE = 5.0

_LOOPBACK = ("127.0.0.1", "::1")
_NAMES = (*_LOOPBACK, "localhost")


class Act(Struct):
    """One thing that a person does; `verb` is opens, says, taps, photo, file, location, leaves or looks."""

    verb: str
    person: str = "Olena"
    locale: str = "en"
    text: str = ""
    latitude: float = 0
    longitude: float = 0


class Screen(Struct):
    """What the person's phone shows, and the states of the conversation's flows."""

    bubbles: list[Bubble]
    states: dict[str, str]
    session: dict[str, int] | None = None


class PhoneAccount(Struct):
    """An account that somebody can talk to here."""

    bot: str
    channel: str
    ta: str


class Phones:
    """The routes below `/play`; refused to everybody but this machine.

    `service` tells the running service, or None.
    """

    def __init__(self, service: Callable[[], Service | None]) -> None:
        self._service = service
        self.app = Router([Route("/accounts", self._accounts), Route("/{channel}/{ta}", self._act, methods=["POST"])])

    async def _accounts(self, request: Request) -> Response:
        service = self._admit(request)
        if service is None:
            return _error(404, "nothing is simulated here")
        accounts = [
            PhoneAccount(owner.bot.name, account.channel, account.ta)
            for account, owner in service.owners.items()
            if service.is_simulated(account)
        ]
        return _json(accounts)

    def _admit(self, request: Request) -> Service | None:
        service = self._service()
        if service is None or service.settings.is_production:
            return None
        return service if _is_local(request) else None

    async def _act(self, request: Request) -> Response:
        service = self._admit(request)
        account = Account(request.path_params["channel"], request.path_params["ta"])
        if service is None or account not in service.owners or not service.is_simulated(account):
            return _error(404, f"no simulated account {account.ta!r} on {account.channel}")
        try:
            act = msgspec.json.decode(await request.body(), type=Act)
            screen = await self.act(service, account, act)
        except msgspec.MsgspecError as error:
            return _error(400, str(error))
        except (NotOnScreenError, KeyError, ValueError) as error:
            return _error(409, str(error))
        return _json(screen)

    async def act(self, service: Service, account: Account, act: Act) -> Screen:
        """Does what the person does and waits for the bot to answer, up to `PATIENCE`."""
        simulator, person = service.simulators[account.channel], Person(act.person, act.locale)
        await _verbs(simulator, account.ta, person, act)[act.verb]()
        conversation = Conversation(account, simulator.conversation_id(account.ta, person))
        await _answered(service, conversation)
        record = await service.store.load(conversation.key)
        states = _states(service, account, record.state)
        rules = service.owners[account].adapter.sessions
        session = {"sent": record.counts.sent, "in_row": record.counts.in_row} if rules else None
        return Screen(list(simulator.screen(account.ta, person)), states, session)


def _is_local(request: Request) -> bool:
    # A proxy on this machine speaks for anybody, and a page in a browser here may resolve its own name to us.
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return request.client is not None and request.client.host in _LOOPBACK and host in _NAMES


def _verbs(simulator: Simulator, ta: str, person: Person, act: Act) -> Mapping[str, Callable[[], Awaitable[None]]]:
    async def looks() -> None:
        await simulator.redeliver()

    return {
        "opens": lambda: simulator.opens(ta, person, act.text),
        "says": lambda: simulator.says(ta, person, act.text),
        "taps": lambda: simulator.taps(ta, person, act.text),
        "photo": lambda: simulator.sends_photo(ta, person, act.text),
        "file": lambda: simulator.sends_file(ta, person, act.text or "document.pdf"),
        "location": lambda: simulator.sends_location(ta, person, act.latitude, act.longitude),
        "leaves": lambda: simulator.leaves(ta, person),
        "looks": looks,
    }


async def _answered(service: Service, conversation: Conversation) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            # Whoever works on it may be another process: there is nothing here to wait on.
            while not await service.store.is_idle(conversation.key):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        return


def _states(service: Service, account: Account, stored: bytes) -> dict[str, str]:
    try:
        flows = Flows(stored)
        return {flow.__name__: flows.state_of(flow) for flow in service.owners[account].bot.table.flows}
    except RecordError as error:
        return {"record": error.what}


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _error(status: int, text: str) -> Response:
    return Response(msgspec.json.encode({"error": text}), status_code=status, media_type="application/json")
