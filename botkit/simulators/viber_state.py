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
    """A message on a phone; `keyboard` is drawn below the newest message that has one, `card` in the message itself."""

    side: Literal["bot", "person", "service"]
    kind: str
    text: str = ""
    source: str = ""
    keyboard: list[dict[str, Any]] = []
    card: list[dict[str, Any]] = []


class Chat(Struct):
    """One person's chat with one bot.

    `unanswered` are the bot's messages of the clock hour `hour`, `in_row` all of them, since the person's last one.
    A session starts with the bot's first message: `in_session` counts what the running one holds, `sessions` them all.
    `asked_at` is when get_user_details was called.
    """

    person: Person
    is_subscribed: bool = False
    api_version: int = API_VERSION
    lines: list[Line] = []
    tracking_data: str = ""
    wrote_at: float = 0
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


class Bot(Struct):
    """One bot: its webhook, as set_webhook was told, and its chats by the person's id."""

    url: str = ""
    event_types: list[str] = []
    sends_names: bool = False
    sends_photos: bool = False
    chats: dict[str, Chat] = {}


class Delivery(Struct):
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


def rows_of(buttons: Sequence[dict[str, Any]], columns: int = 6) -> list[list[dict[str, Any]]]:
    """Lays buttons out as a device does: a row is full when the next button does not fit."""
    rows: list[list[dict[str, Any]]] = []
    free = 0
    for button in buttons:
        width = button.get("Columns", columns)
        if width > free:
            rows.append([])
            free = columns
        rows[-1].append(button)
        free -= width
    return rows
