"""What to say, whatever the channel: frozen nouns, checked when they are built."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from botkit.exceptions import MessageError
from botkit.formatting import Formatted, parse, to_plain


def _require(condition: object, what: str) -> None:
    if not condition:
        raise MessageError(what)


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://", "tel:", "viber:", "tg:")) and not any(c.isspace() for c in url)


class Button(Struct, frozen=True, tag="button"):
    """A button that comes back as `ButtonPressed` with its `value`."""

    text: str
    value: str

    def __post_init__(self) -> None:
        _require(self.text.strip(), "a Button needs a text")
        _require(self.value, "a Button needs a value")


class Link(Struct, frozen=True, tag="link"):
    """A button that opens a page."""

    text: str
    url: str

    def __post_init__(self) -> None:
        _require(self.text.strip(), "a Link needs a text")
        _require(_is_link(self.url), "a Link needs an http(s), tel, viber or tg address without spaces")


AnyButton = Button | Link
Buttons = Sequence[AnyButton | Sequence[AnyButton]]


def rows(buttons: Buttons) -> tuple[tuple[AnyButton, ...], ...]:
    """Returns the buttons as rows: a flat list is one column, nested lists are the rows themselves."""
    return tuple((row,) if isinstance(row, (Button, Link)) else tuple(row) for row in buttons)


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Something to send. `silent` asks for no sound; `fallback` is what a device shows that cannot show more.

    `ttl` is in seconds, 30 to 1,209,600 (14 days): what is not sent in that time is given up. 0 sets no time.
    """

    buttons: tuple[tuple[AnyButton, ...], ...] = ()
    silent: bool = False
    fallback: str = ""
    ttl: float = 0

    @property
    def plain(self) -> str:
        """What can be said of the message in plain text; what a channel without this kind sends instead."""
        return self.fallback

    @property
    def is_transient(self) -> bool:
        """Whether it is worth nothing later: never retried, never a dead letter, not counted."""
        return False

    def __post_init__(self) -> None:
        _require(all(self.buttons), "a row of buttons must not be empty")
        _require(
            self.ttl == 0 or 30 <= self.ttl <= 1_209_600, f"a ttl is 0, or 30 to 1209600 seconds, not {self.ttl:g}"
        )


class Text(Message, frozen=True, kw_only=True, omit_defaults=True, tag="text"):
    """Words, in Markdown unless `markdown` is false (then exactly as given)."""

    text: str
    markdown: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.text.strip(), "a Text needs at least one visible character")

    @property
    def formatted(self) -> Formatted:
        """The text with its formatting taken apart."""
        return parse(self.text) if self.markdown else Formatted(text=self.text, spans=())

    @property
    def plain(self) -> str:
        """The text without formatting, or its fallback."""
        return self.fallback or to_plain(self.formatted)


class _Attachment(Message, frozen=True, kw_only=True, omit_defaults=True):
    # An https address, or on the channel it came from the `file_id` of something received.
    source: str
    caption: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.source and not any(c.isspace() for c in self.source), "an attachment needs a source")

    @property
    def formatted(self) -> Formatted:
        """The caption with its formatting taken apart."""
        return parse(self.caption)

    @property
    def is_url(self) -> bool:
        """Whether the source is an address and not a service's own file id."""
        return self.source.startswith(("https://", "http://"))

    @property
    def plain(self) -> str:
        """The caption and the address, or its fallback."""
        parts = [to_plain(self.formatted), self.source if self.is_url else ""]
        return self.fallback or "\n".join(part for part in parts if part)


class Image(_Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="image"):
    """A picture with an optional caption; `source` is a public address or a file id of the same channel."""


class File(_Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="file"):
    """A document; Viber needs its `name` and its `size` in bytes."""

    name: str = ""
    size: int = 0


class Location(Message, frozen=True, kw_only=True, omit_defaults=True, tag="location"):
    """A place on earth: latitude -90..90, longitude -180..180 degrees."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(-90 <= self.latitude <= 90, "a latitude lies between -90 and 90")
        _require(-180 <= self.longitude <= 180, "a longitude lies between -180 and 180")

    @property
    def plain(self) -> str:
        """A link to a map, or its fallback."""
        return self.fallback or f"https://www.openstreetmap.org/?mlat={self.latitude}&mlon={self.longitude}"


class Typing(Message, frozen=True, kw_only=True, omit_defaults=True, tag="typing"):
    """Shows for a moment that an answer is being written; nothing where the service has no such sign."""

    @property
    def is_transient(self) -> bool:
        """Always: nobody wants to see it later."""
        return True


class Raw(Message, frozen=True, kw_only=True, omit_defaults=True, tag="raw"):
    """A call in the channel's own words, sent as it is: on Telegram `method` names the method."""

    channel: str
    payload: dict[str, Any]
    method: str = ""
    transient: bool = False

    @property
    def is_transient(self) -> bool:
        """As the sender says."""
        return self.transient


AnyMessage = Text | Image | File | Location | Typing | Raw


class Outgoing(Struct, frozen=True, omit_defaults=True):
    """A message on its way: its key, where it goes, and the event that led to it.

    `key` is the id of that event and a two-digit index: the same on every execution of the handler, so that
    a service which takes idempotency keys drops a repeat.
    """

    key: str
    account: tuple[str, str]
    to: str
    message: AnyMessage
    created_ms: int = 0
    # True for what a handler of MessageFailed sent: its own failure raises no further event.
    is_last_word: bool = False
    # True for what another conversation could not send: it does not fail over a second time.
    has_failed_over: bool = False


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Outgoing).decode
