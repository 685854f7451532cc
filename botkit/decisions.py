"""What surrounds one handler's turn, and what it has decided so far."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from msgspec import UNSET, Struct, UnsetType
from structlog.typing import FilteringBoundLogger

from botkit.adapter import Adapter
from botkit.conversation import Account, Conversation
from botkit.delivery_route import DeliveryRoute
from botkit.events import Event, Media
from botkit.handoff import Handoff
from botkit.http_client import Download
from botkit.languages import Speech
from botkit.menu import Menu
from botkit.outgoing import Outgoing
from botkit.record import Flows
from botkit.sessions import Session
from botkit.timer import Timer

# Under the name of whoever has the turn.
log = structlog.get_logger("botkit.dispatcher")


class Handle(Struct, frozen=True):
    """A message that was decided on; later delivery events carry its `id` as `message_key`.

    A message that goes out in several parts has the id of the last one, which carries its buttons; `parts` has them
    all. Both are empty where the service has nothing to show for it.
    """

    id: str
    parts: tuple[str, ...] = ()


class Scene(Struct, frozen=True):
    """What surrounds a turn: its event, its bot and account, and the ways to the other accounts."""

    event: Event
    bot: str
    adapter: Adapter
    now: datetime
    session: Session | None
    find_adapter: Callable[[Account], Adapter | None]
    download: Callable[[Media, int], Awaitable[Download]]
    routes: Mapping[str, DeliveryRoute[Adapter]] = {}

    @property
    def log(self) -> FilteringBoundLogger:
        """A logger that names the bot, the account and the event; made when it is asked for, as few turns do."""
        bound: FilteringBoundLogger = log.bind(
            bot=self.bot, account=self.adapter.ta, kind=type(self.event).__name__, event_id=self.event.id
        )
        return bound


class Decisions(Struct):
    """What a handler has decided so far.

    `speech` is the language of the turn, `handoff` its pause, `flows` the record that both write into. `menus` are the
    choices that a typed answer may pick, by conversation, and `values` the long ones behind tokens. An unset `failover`
    leaves the conversation's other way as it is.
    """

    speech: Speech
    flows: Flows
    handoff: Handoff
    outgoing: list[Outgoing] = []
    timers: dict[str, Timer] = {}
    menus: dict[Conversation, Menu] = {}
    values: dict[str, str] = {}
    failover: Conversation | UnsetType | None = UNSET
