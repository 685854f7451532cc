"""What to say, whatever the channel: frozen nouns, checked when they are built."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from botkit.buttons import Rows, require
from botkit.exceptions import MessageError
from botkit.formatting import Formatted, Span, parse
from botkit.rendering import to_plain

#: The shortest and the longest time a message may be given to arrive, in seconds.
MIN_TTL, MAX_TTL = 30, 1_209_600
#: The most bytes that a message itself may carry; longer files are given by path or address.
MAX_CONTENT = 1024 * 1024
#: How many pictures and files fit into one album.
MIN_ALBUM, MAX_ALBUM = 2, 10
#: How many cards stand side by side.
MIN_CARDS, MAX_CARDS = 2, 10


class Representative(Struct, frozen=True, omit_defaults=True):
    """Who speaks: a bot or a human, with a name and the address of a picture; shown where the service shows it."""

    name: str = ""
    kind: Literal["bot", "human"] = "bot"
    avatar: str = ""


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Something to send.

    `silent` asks for no sound, `protect` for no forwarding or saving. `fallback` is what a device shows that cannot
    show more. After `ttl` seconds (30 to 1,209,600; 0 = never) it is not worth sending any more. `reply_to` is the
    service's id of the message that is answered. `extra` holds, by channel, members that are merged into the call.
    """

    buttons: Rows = ()
    silent: bool = False
    protect: bool = False
    fallback: str = ""
    ttl: float = 0
    reply_to: str = ""
    representative: Representative | None = None
    extra: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def plain(self) -> str:
        """What can be said of the message in plain text; what a channel without this kind sends instead."""
        return self.fallback

    @property
    def is_transient(self) -> bool:
        """Whether it is worth nothing later: never retried, never a dead letter, not counted."""
        return False

    def __post_init__(self) -> None:
        require(all(self.buttons), "a row of buttons must not be empty")
        if self.ttl:
            require(MIN_TTL <= self.ttl <= MAX_TTL, f"a ttl is 0 or {MIN_TTL} to {MAX_TTL} seconds, not this")


class Text(Message, frozen=True, kw_only=True, omit_defaults=True, tag="text"):
    """Words, in Markdown unless `markdown` is false: then exactly as given, formatted by `spans`."""

    text: str
    markdown: bool = True
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if self.buttons or self.ttl:
            super().__post_init__()
        if not self.text.strip():
            raise MessageError("a Text needs at least one visible character")

    @property
    def formatted(self) -> Formatted:
        """The text with its formatting taken apart."""
        return parse(self.text) if self.markdown else Formatted(self.text, self.spans)

    @property
    def plain(self) -> str:
        """The text without formatting, or its fallback."""
        return self.fallback or to_plain(self.formatted)


class Attachment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A file, given in exactly one way, and a caption in Markdown.

    `source` is an https address, or on the channel it came from the `file_id` of something received. `path` names a
    file that every process that sends can read. `content` holds up to 1 MiB itself.
    """

    source: str = ""
    path: str = ""
    content: bytes = b""
    name: str = ""
    caption: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [way for way in (self.source, self.path, self.content) if way]
        require(len(given) == 1, f"a {type(self).__name__} needs one of source, path and content")
        require(not any(char.isspace() for char in self.source), "the source of an attachment has no spaces")
        require(
            len(self.content) <= MAX_CONTENT, f"the content has {len(self.content)} bytes; at most {MAX_CONTENT} fit"
        )

    @property
    def formatted(self) -> Formatted:
        """The caption with its formatting taken apart."""
        return parse(self.caption)

    @property
    def is_url(self) -> bool:
        """Whether the source is an address and not a service's own file id."""
        return self.source.startswith(("https://", "http://"))

    @property
    def is_upload(self) -> bool:
        """Whether we hold the bytes ourselves."""
        return not self.source

    @property
    def plain(self) -> str:
        """The caption and the address, or its fallback."""
        parts = [to_plain(self.formatted), self.source if self.is_url else ""]
        return self.fallback or "\n".join(part for part in parts if part)


class Image(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="image"):
    """A picture; `thumbnail` is the address of a small one."""

    thumbnail: str = ""


class Video(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="video"):
    """A film; Viber needs its `size` in bytes. `duration` is in seconds."""

    size: int = 0
    duration: float = 0
    thumbnail: str = ""


class Audio(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="audio"):
    """Music, with its title and who plays it; `duration` is in seconds."""

    title: str = ""
    performer: str = ""
    duration: float = 0


class Voice(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="voice"):
    """Something spoken; `duration` is in seconds."""

    duration: float = 0


class File(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="file"):
    """A document; Viber needs its `name` and its `size` in bytes."""

    size: int = 0


class Location(Message, frozen=True, kw_only=True, omit_defaults=True, tag="location"):
    """A place on earth: latitude -90..90, longitude -180..180 degrees, with a name and an address or neither."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(-90 <= self.latitude <= 90, "a latitude lies between -90 and 90")
        require(-180 <= self.longitude <= 180, "a longitude lies between -180 and 180")
        require(bool(self.name) == bool(self.address), "a Location has a name and an address, or neither")

    @property
    def plain(self) -> str:
        """The name, the address and a link to a map, or its fallback."""
        link = f"https://www.openstreetmap.org/?mlat={self.latitude}&mlon={self.longitude}"
        return self.fallback or "\n".join(part for part in (self.name, self.address, link) if part)


class Contact(Message, frozen=True, kw_only=True, omit_defaults=True, tag="contact"):
    """Somebody's phone number and name."""

    phone: str
    name: str
    last_name: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.phone.strip() and self.name.strip(), "a Contact needs a phone number and a name")

    @property
    def plain(self) -> str:
        """The name and the number, or its fallback."""
        return self.fallback or f"{self.name} {self.last_name}".strip() + f": {self.phone}"


class Sticker(Message, frozen=True, kw_only=True, omit_defaults=True, tag="sticker"):
    """A sticker, by the channel's own id: a `file_id` on Telegram, a number on Viber.

    Its fallback is what other channels show instead.
    """

    id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.id and not any(char.isspace() for char in self.id), "a Sticker needs an id without spaces")


class Card(Message, frozen=True, kw_only=True, omit_defaults=True, tag="card"):
    """A title, words, a picture by its https address, and buttons, shown as one thing."""

    title: str = ""
    description: str = ""
    image: str = ""
    height: Literal["short", "medium", "tall"] = "medium"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.title.strip() or self.image, "a Card needs a title or an image")
        is_address = self.image.startswith("https://") and not any(char.isspace() for char in self.image)
        require(not self.image or is_address, "a Card's image is an https address without spaces")

    @property
    def plain(self) -> str:
        """The title, the words and the address of the picture, or its fallback."""
        parts = (self.title, to_plain(parse(self.description)), self.image)
        return self.fallback or "\n".join(part for part in parts if part)


class Carousel(Message, frozen=True, kw_only=True, omit_defaults=True, tag="carousel"):
    """Two to ten cards side by side; its own buttons stand below them."""

    cards: tuple[Card, ...]
    width: Literal["small", "medium"] = "medium"

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.cards)
        require(MIN_CARDS <= count <= MAX_CARDS, f"a Carousel has {MIN_CARDS} to {MAX_CARDS} cards, this one {count}")

    @property
    def plain(self) -> str:
        """What the cards say, one after the other, or its fallback."""
        return self.fallback or "\n\n".join(card.plain for card in self.cards)


class Album(Message, frozen=True, kw_only=True, omit_defaults=True, tag="album"):
    """Two to ten attachments shown together: pictures and films, or files only, or audio only."""

    items: "tuple[Image | Video | Audio | File, ...]"

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.items)
        require(MIN_ALBUM <= count <= MAX_ALBUM, f"an Album has {MIN_ALBUM} to {MAX_ALBUM} items, this one {count}")
        kinds = {"seen" if isinstance(item, (Image, Video)) else type(item).__name__ for item in self.items}
        require(len(kinds) == 1, "an Album holds pictures and films, or files only, or audio only")
        require(not any(item.buttons for item in self.items), "the items of an Album have no buttons")

    @property
    def plain(self) -> str:
        """What can be said of its items, or its fallback."""
        return self.fallback or "\n".join(item.plain for item in self.items if item.plain)


class Edit(Text, frozen=True, kw_only=True, omit_defaults=True, tag="edit"):
    """New words and buttons for a message of ours, named by the service's id; elsewhere they are sent anew."""

    message_id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.message_id, "an Edit needs the id of the message")


class _Sign(Message, frozen=True, kw_only=True, omit_defaults=True):
    @property
    def is_transient(self) -> bool:
        """Always: nobody wants to see it later."""
        return True


class Delete(_Sign, frozen=True, kw_only=True, omit_defaults=True, tag="delete"):
    """Takes messages of ours back, 1 to 100 by the service's ids; nothing where the service cannot."""

    message_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= len(self.message_ids) <= 100, f"a Delete names 1 to 100 messages, not {len(self.message_ids)}")


class Typing(_Sign, frozen=True, kw_only=True, omit_defaults=True, tag="typing"):
    """Shows for a moment that an answer is being written; nothing where the service has no such sign.

    `action` is what Telegram shows instead, such as `upload_photo`.
    """

    action: str = "typing"


class Joined(Message, frozen=True, kw_only=True, omit_defaults=True, tag="joined"):
    """Tells that its `representative` has joined the conversation; nothing where the service has no such sign."""


class Left(Message, frozen=True, kw_only=True, omit_defaults=True, tag="left"):
    """Tells that its `representative` has left the conversation; nothing where the service has no such sign."""


class Raw(Message, frozen=True, kw_only=True, omit_defaults=True, tag="raw"):
    """A call in the channel's own words, sent as it is: on Telegram `method` names the method.

    `is_call` tells that it says something to the service and nothing to the person: it is made for who is gone too.
    """

    channel: str
    payload: dict[str, Any]
    method: str = ""
    transient: bool = False
    is_call: bool = False

    @property
    def is_transient(self) -> bool:
        """As the sender says."""
        return self.transient


AnyMessage = (
    Text
    | Image
    | Video
    | Audio
    | Voice
    | File
    | Location
    | Contact
    | Sticker
    | Card
    | Carousel
    | Album
    | Edit
    | Delete
    | Typing
    | Joined
    | Left
    | Raw
)
