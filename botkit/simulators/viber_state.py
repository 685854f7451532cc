"""What the simulated Viber remembers."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from botkit.simulators.simulator import Person

#: How many messages a phone keeps.
MEMORY = 1000

#: What a device tells of itself; a message may ask for more by `min_api_version`.
API_VERSION = 10


class Line(Struct):
    """A message on a phone; `keyboard` is drawn below the newest message that has one, `card` in the message itself.

    `keyboard_columns` and `card_columns` are how many columns share a row.
    """

    side: Literal["bot", "person", "service"]
    kind: str
    text: str = ""
    source: str = ""
    keyboard: list[dict[str, Any]] = []
    card: list[dict[str, Any]] = []
    keyboard_columns: int = 6
    card_columns: int = 6


class Chat(Struct):
    """One person's chat with one bot.

    `consents` tells whether their name and picture may be told, `devices` how many of theirs report a delivery,
    `has_device` whether any of them can show a bot's messages, `online` what get_online answers (0 online, 1 offline,
    2 undisclosed, 3 try later).

    `unanswered` are the bot's messages of the clock hour `hour`, `in_row` all of them, since the person's last one.
    A session of the rules starts with the bot's first message: `in_session` counts what the running one holds,
    `sessions` them all. Viber's own started at `opened_at`, with a message of the person; 0 is none.
    `asked_at` is when get_user_details was called.
    """

    person: Person
    is_subscribed: bool = False
    api_version: int = API_VERSION
    consents: bool = True
    devices: int = 1
    has_device: bool = True
    online: Literal[0, 1, 2, 3] = 0
    lines: list[Line] = []
    tracking_data: str = ""
    wrote_at: float = 0
    opened_at: float = 0
    hour: int = 0
    unanswered: int = 0
    in_row: int = 0
    session_at: float = 0
    in_session: int = 0
    sessions: int = 0
    asked_at: list[float] = []

    def remember(self, line: Line) -> None:
        """Adds a message to the screen."""
        self.lines = [*self.lines[1 - MEMORY :], line]

    @property
    def keyboard_line(self) -> Line | None:
        """The message whose keyboard is shown."""
        return next((line for line in reversed(self.lines) if line.keyboard), None)

    @property
    def visible_buttons(self) -> Sequence[dict[str, Any]]:
        """What can be pressed, the newest first."""
        shown = self.keyboard_line
        cards = [button for line in reversed(self.lines) for button in line.card]
        return [*(shown.keyboard if shown else ()), *cards]

    @property
    def country(self) -> str:
        """Where the person is, by their locale."""
        region = self.person.locale.partition("-")[2].upper()
        return region if len(region) == 2 else "SI"


class Bot(Struct):
    """One bot: its webhook, as set_webhook was told, and its chats by the person's id.

    `free_messages` and `charged_messages` went out without an open session, the free ones in the calendar month
    `month` (UTC).
    """

    url: str = ""
    event_types: list[str] = []
    sends_names: bool = False
    sends_photos: bool = False
    chats: dict[str, Chat] = {}
    month: str = ""
    free_messages: int = 0
    charged_messages: int = 0


class Delivery(Struct, eq=False):
    """A callback that waits for its 200; `body` never changes."""

    ta: str
    event: str
    user_id: str
    body: str
    due_at: float
    tries: int = 0


class Violation(Struct, frozen=True):
    """A message of the bot that was one too many in a row: the `in_row`th without an answer."""

    ta: str
    user_id: str
    at: float
    in_row: int


class State(Struct):
    """All bots by their `ta`, and what is under way."""

    bots: dict[str, Bot] = {}
    pending: list[Delivery] = []
    violations: list[Violation] = []
    last_token: int = 0
