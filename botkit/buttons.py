"""What can be pressed below a message: frozen, checked when built."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from botkit.exceptions import MessageError

#: The value of a button that stands in for `AskAgent` where the service has none; it comes back as `AgentRequested`.
AGENT = "~agent"

_OPENABLE = ("https://", "http://", "tel:", "viber:", "tg:")


def require(condition: object, what: str) -> None:
    """Raises MessageError with the sentence unless the condition holds."""
    if not condition:
        raise MessageError(what)


def is_link(url: str) -> bool:
    """Whether a phone can open the address: http(s), tel, viber or tg, without spaces."""
    return url.startswith(_OPENABLE) and not any(char.isspace() for char in url)


class _Key(Struct, frozen=True, omit_defaults=True):
    """What every button has: its label, and by channel what only one service knows (Viber's colours)."""

    text: str

    def __post_init__(self) -> None:
        require(self.text.strip(), f"a {type(self).__name__} needs a text")


class Button(_Key, frozen=True, omit_defaults=True, tag="button"):
    """A button that comes back as `ButtonPressed` with its `value`.

    A value that is longer than the service takes is kept by us and travels as a short token.
    """

    value: str
    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.value, "a Button needs a value")


class Link(_Key, frozen=True, omit_defaults=True, tag="link"):
    """A button that opens a page."""

    url: str
    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(is_link(self.url), "a Link needs an http(s), tel, viber or tg address without spaces")


class Dial(_Key, frozen=True, omit_defaults=True, tag="dial"):
    """A button that dials a number, given as `+` and digits; spaces, dashes and brackets may group them."""

    phone: str
    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        digits = "".join(char for char in self.phone if char not in " -()")
        is_number = digits.startswith("+") and digits[1:].isascii() and digits[1:].isdigit()
        require(is_number and 8 <= len(digits) <= 16, "a Dial needs a number with + and 7 to 15 digits")

    @property
    def number(self) -> str:
        """The number as `+` and digits only."""
        return "+" + "".join(char for char in self.phone if char.isdigit())


class AskLocation(_Key, frozen=True, omit_defaults=True, tag="ask_location"):
    """A button that sends the person's place, which arrives as `MessageReceived.location`."""

    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)


class AskContact(_Key, frozen=True, omit_defaults=True, tag="ask_contact"):
    """A button that sends the person's own phone number, which arrives as `MessageReceived.contact`."""

    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)


class AskAgent(_Key, frozen=True, omit_defaults=True, tag="ask_agent"):
    """A button that asks for a person, which arrives as `AgentRequested`."""

    text: str = "Talk to a person"
    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)


class Login(_Key, frozen=True, omit_defaults=True, tag="login"):
    """A button that signs the person in at `url`.

    Telegram opens the URL with the person's signed identity (Login URL). Business Messages runs OAuth with
    `client_id`, `scopes` and the PKCE `code_challenge` (S256). Elsewhere it is a link.
    """

    url: str
    client_id: str = ""
    code_challenge: str = ""
    scopes: tuple[str, ...] = ()
    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.url.startswith("https://") and is_link(self.url), "a Login needs an https address without spaces")


AnyButton = Button | Link | Dial | AskLocation | AskContact | AskAgent | Login
Buttons = Sequence[AnyButton | Sequence[AnyButton]]
Rows = tuple[tuple[AnyButton, ...], ...]


def rows(buttons: Buttons) -> Rows:
    """Returns the buttons as rows: a flat list is one column, nested lists are the rows themselves."""
    return tuple(tuple(row) if isinstance(row, Sequence) else (row,) for row in buttons)
