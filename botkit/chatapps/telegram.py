"""The object `telegram` of a request to send: one content, and whether it comes without a sound.

https://docs.mitto.ch/
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from botkit.chatapps.markup import MarkupError, parse
from botkit.chatapps.reading import Reader, extension_of
from botkit.formatting import utf16_length

T = TypeVar("T")

PARSE_MODES = ("Default", "Markdown", "Html", "MarkdownV2")
#: UTF-16 units without the marks, as Telegram counts.
MAX_TEXT, MAX_CAPTION = 4096, 1024
#: What the address of a file may end in, where it ends in an extension; of photos no rule is known.
FORMATS: Mapping[str, tuple[str, ...]] = {
    "document": ("gif", "pdf", "zip"),
    "video": ("mp4", "ogg", "ogv"),
    "voice": ("ogg", "oga", "opus", "mp3"),
}
CONTENTS = ("text", "photo", "document", "video", "voice", "location")


class Words(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A text in its parse mode, without one as it stands; `no_preview` shows no picture of what it links to."""

    message: str
    parse_mode: str = ""
    no_preview: bool = False


class Media(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A photo, document, video or voice by its address."""

    url: str
    caption: str = ""
    parse_mode: str = ""


class Place(Struct, frozen=True):
    """A place on earth, in degrees."""

    latitude: float
    longitude: float


class Telegram(Struct, frozen=True, omit_defaults=True):
    """A message of exactly one of these contents."""

    silent: bool = False
    text: Words | None = None
    photo: Media | None = None
    document: Media | None = None
    video: Media | None = None
    voice: Media | None = None
    location: Place | None = None

    @property
    def kind(self) -> str:
        """The name of its content."""
        return next((name for name in CONTENTS if getattr(self, name) is not None), "")


def read_telegram(reader: Reader) -> Telegram:
    """Returns what the object says; its problems are the reader's."""
    reader.one_of(CONTENTS)
    content = Telegram(
        silent=reader.flag("silent"),
        text=_read(reader.member("text"), _read_words),
        photo=_read(reader.member("photo"), _read_media),
        document=_read(reader.member("document"), _read_media),
        video=_read(reader.member("video"), _read_media),
        voice=_read(reader.member("voice"), _read_media),
        location=_read(reader.member("location"), _read_place),
    )
    for name, formats in FORMATS.items():
        media = getattr(content, name)
        if media and extension_of(media.url) not in ("", *formats):
            reader.refuse(f"{name}.url", f"ends in one of {', '.join(formats)}")
    return content


def _read(reader: Reader | None, read: Callable[[Reader], T]) -> T | None:
    if reader is None:
        return None
    found = read(reader)
    reader.finish()
    return found


def _read_words(reader: Reader) -> Words:
    mode = reader.word("parseMode", PARSE_MODES)
    message = reader.text("message", is_required=True)
    _check_words(reader, "message", mode, 1, MAX_TEXT)
    return Words(message, mode, reader.flag("noPreview"))


def _read_media(reader: Reader) -> Media:
    mode = reader.word("parseMode", PARSE_MODES)
    caption = reader.text("caption")
    # Older senders give one, which nobody looks at.
    reader.ignore("thumb")
    _check_words(reader, "caption", mode, 0, MAX_CAPTION)
    return Media(reader.address("url", is_required=True), caption, mode)


def _read_place(reader: Reader) -> Place:
    latitude = reader.number("latitude", -90, 90, is_required=True)
    return Place(latitude, reader.number("longitude", -180, 180, is_required=True))


def _check_words(reader: Reader, name: str, mode: str, least: int, most: int) -> None:
    """Notes a text that Telegram would not read in its mode, or not take at its length."""
    source = reader.members.get(name, "")
    is_moded = mode or "parseMode" not in reader
    if not isinstance(source, str) or not source.strip() or not is_moded:
        return
    try:
        length = utf16_length(parse(source, mode).formatted.text.strip())
    except MarkupError as error:
        reader.refuse(name, f"{error} (as {mode})")
        return
    if not least <= length <= most:
        reader.refuse(name, f"has {least:,} to {most:,} UTF-16 units without its marks, not {length:,}")
