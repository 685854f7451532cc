"""The phone that `botkit chat` holds: the running service's simulated people, over HTTP."""

import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from botkit.exceptions import BotkitError
from botkit.play.phones import Act, PhoneAccount, Screen
from botkit.simulators.simulator import Bubble, Choice

T = TypeVar("T")

# The service waits for its bots, and its simulators for the service.
_SECONDS = 30.0

_COMMANDS = {
    "/open": "opens",
    "/say": "says",
    "/tap": "taps",
    "/photo": "photo",
    "/file": "file",
    "/location": "location",
    "/leave": "leaves",
    "/state": "state",
    "/quit": "quit",
}


class Deed(Struct, frozen=True):
    """Something to do: `verb` is one of `Act`, or `state` or `quit`, which stay on this side."""

    verb: str
    text: str = ""
    latitude: float = 0
    longitude: float = 0


class Step(Struct, frozen=True):
    """What was done, the bubbles that are new on the screen since, and the states of the flows."""

    verb: str
    text: str
    bubbles: Sequence[Bubble]
    states: Mapping[str, str]


class _Refusal(Struct):
    error: str


class Desk:
    """The connection to a running service; raises BotkitError with what the service says against a request."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(timeout=_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def accounts(self) -> list[PhoneAccount]:
        """Returns the simulated accounts."""
        return self._call("GET", "accounts", None, list[PhoneAccount])

    def act(self, account: PhoneAccount, act: Act) -> Screen:
        """Does something on a person's phone; returns their screen once the bot has answered."""
        return self._call("POST", f"{account.channel}/{quote(account.ta, safe='')}", act, Screen)

    def _call(self, method: str, path: str, act: Act | None, answer: type[T]) -> T:
        body = msgspec.json.encode(act) if act else None
        try:
            response = self._client.request(method, f"{self.url}/play/{path}", content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise BotkitError(
                f"nothing answers at {self.url}",
                fix="start it with scripts/run or botkit run, or name its address with --url",
            ) from None
        except httpx.HTTPError as error:
            raise BotkitError(
                f"{self.url} did not answer to the end ({type(error).__name__})", fix="look at what the service prints"
            ) from None
        try:
            if response.status_code != 200:
                refusal = msgspec.json.decode(response.content, type=_Refusal).error
                raise BotkitError(f"{act.verb} {act.text!r}: {refusal}" if act else refusal)
            return msgspec.json.decode(response.content, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BotkitError(
                f"what answers at {self.url} is no botkit that can be talked to (HTTP {response.status_code})",
                fix="name the address of yours with --url",
            ) from None


class Phone:
    """One person's phone, in a chat with one account."""

    def __init__(self, desk: Desk, account: PhoneAccount, person: str, locale: str) -> None:
        self.account = account
        self.person = person
        self._desk = desk
        self._locale = locale
        self.screen = Screen([], {})

    def do(self, deed: Deed) -> Step:
        """Does it, waits for the bot, and returns what is new. Raises BotkitError when the screen does not offer it."""
        before = self.screen
        act = Act(deed.verb, self.person, self._locale, deed.text, deed.latitude, deed.longitude)
        self.screen = self._desk.act(self.account, act)
        return Step(deed.verb, deed.text, added_bubbles(before.bubbles, self.screen.bubbles), self.screen.states)


def choose_account(
    accounts: Sequence[PhoneAccount], bot: str | None, channel: str | None, ta: str | None
) -> PhoneAccount | list[PhoneAccount]:
    """Returns the account that is meant, or all that may be meant; None leaves a part open."""
    wanted = (bot, channel, ta)
    found = [
        a for a in accounts if all(w in (None, is_) for w, is_ in zip(wanted, (a.bot, a.channel, a.ta), strict=True))
    ]
    return found[0] if len(found) == 1 else found


def parse_line(line: str, choices: Sequence[Choice]) -> Deed:
    """Returns what a line that was typed asks for, where `choices` are the buttons that it may name or number.

    An empty line looks at the screen; a line with an unknown /command is said to the bot. Raises ValueError for a
    place that is none.
    """
    word, _, rest = line.strip().partition(" ")
    if word == "/location":
        latitude, longitude = parse_place(rest)
        return Deed("location", rest.strip(), latitude, longitude)
    if word in _COMMANDS:
        return Deed(_COMMANDS[word], rest.strip())
    if not word:
        return Deed("looks")
    for number, choice in enumerate(choices, 1):
        if line.strip().casefold() in (str(number), choice.label.casefold()):
            return Deed("taps", _name(choice, choices))
    return Deed("says", line.strip())


def parse_place(text: str) -> tuple[float, float]:
    """Returns latitude and longitude from `50.45,30.52` or `50.45 30.52`; raises ValueError for anything else."""
    try:
        latitude, longitude = map(float, re.split(r"\s*,\s*|\s+", text.strip()))
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
    except ValueError:
        pass
    raise ValueError("a place is a latitude from -90 to 90 and a longitude from -180 to 180, such as 50.45,30.52")


def choices_of(bubbles: Sequence[Bubble]) -> list[Choice]:
    """Returns the buttons of the newest bubble that has some."""
    rows = next((bubble.choices for bubble in reversed(bubbles) if bubble.choices), ())
    return [choice for row in rows for choice in row]


def _name(choice: Choice, choices: Sequence[Choice]) -> str:
    # In a carousel each card may have the same label.
    is_only = [other.label for other in choices].count(choice.label) == 1
    return choice.label if is_only or not choice.value else choice.value


def added_bubbles(before: Sequence[Bubble], after: Sequence[Bubble]) -> list[Bubble]:
    """Returns what came to a screen; a service also forgets its oldest messages, and takes buttons away from others."""
    old, new = [[msgspec.structs.replace(bubble, choices=()) for bubble in part] for part in (before, after)]
    start = next(start for start in range(len(old) + 1) if new[: len(old) - start] == old[start:])
    return list(after[len(old) - start :])
