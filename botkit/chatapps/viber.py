"""The object `viber` of a request to send: what it may hold depends on its type.

https://docs.mitto.ch/
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from botkit.chatapps.reading import Reader, extension_of
from botkit.chatapps.viber_keyboard import check_keyboard
from botkit.formatting import utf16_length
from botkit.messages import MAX_TTL, MIN_TTL

TYPES = ("regular", "session", "transactional", "promotional")
MAX_FILE_NAME = 25
#: Bytes; the request has no size, so only a message of ours can be measured.
MAX_FILE = 200_000_000

# fmt: off
FORMATS = (
    "doc", "docx", "rtf", "dot", "dotx", "odt", "odf", "fodt", "txt", "info", "pdf", "xps", "pdax", "eps",
    "xls", "xlsx", "ods", "fods", "csv", "xlsm", "xltx",
)
# fmt: on

_TEXT = frozenset({"text"})
_PICTURE = frozenset({"mediaUrl"})
_FILE = frozenset({"file"})
_OFFER = frozenset({"text", "button"})
_PICTURED_OFFER = _OFFER | _PICTURE
_ANYTHING = (_TEXT, _PICTURE, _FILE, _OFFER, _PICTURED_OFFER)
#: What may stand together, by type; of `regular` no rule is known.
_TOGETHER: Mapping[str, tuple[frozenset[str], ...]] = {
    "regular": _ANYTHING,
    "promotional": _ANYTHING,
    "session": (_TEXT, _PICTURE, _FILE),
    "transactional": (_TEXT,),
}
_MEMBERS = ("text", "mediaUrl", "button", "file")
_ACTION = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


class Button(Struct, frozen=True, omit_defaults=True):
    """A button that opens an address of any scheme, `viber://` among them."""

    caption: str
    action: str


class File(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A document by its address; its name may be the one that the address ends in."""

    media_url: str
    file_name: str = ""

    @property
    def name(self) -> str:
        """Its own name, else the address's."""
        return self.file_name or unquote(urlsplit(self.media_url).path).rpartition("/")[2]


class Viber(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A message to a phone number's Viber; it expires after `ttl` seconds, without one after 14 days.

    `keyboard` is in Viber's own words.
    """

    type: str
    ttl: int = 0
    text: str = ""
    media_url: str = ""
    button: Button | None = None
    file: File | None = None
    keyboard: Mapping[str, Any] = field(default_factory=dict)


def read_viber(reader: Reader) -> Viber:
    """Returns what the object says; its problems are the reader's."""
    kind = reader.word("type", TYPES, is_required=True)
    content = Viber(
        type=kind,
        ttl=reader.whole("ttl", MIN_TTL, MAX_TTL),
        text=reader.text("text"),
        media_url=reader.address("mediaUrl"),
        button=_read_button(reader.member("button")),
        file=_read_file(reader.member("file")),
        keyboard=reader.take("keyboard", Mapping, "an object") or {},
    )
    _check_together(reader, kind)
    check_keyboard(content.keyboard, reader)
    return content


def _read_button(reader: Reader | None) -> Button | None:
    if reader is None:
        return None
    action = reader.text("action", is_required=True)
    if action and not is_action(action):
        reader.refuse("action", "is an address with its scheme, as https: or viber:, without spaces")
    button = Button(caption=reader.text("caption", is_required=True), action=action)
    reader.finish()
    return button


def is_action(address: str) -> bool:
    """Whether a button can open it: an address with any scheme."""
    return bool(_ACTION.fullmatch(address))


def _read_file(reader: Reader | None) -> File | None:
    if reader is None:
        return None
    url = reader.address("mediaUrl", is_required=True)
    name = reader.text("fileName", most=MAX_FILE_NAME, size=utf16_length)
    reader.finish()
    if name and extension_of(f"file://x/{name}") not in FORMATS:
        reader.refuse("fileName", f"ends in one of {', '.join(FORMATS)}")
    if url and "fileName" not in reader and not is_usable_name(File(url).name):
        rule = (
            f"is needed where the address ends in no name of at most {MAX_FILE_NAME} characters and of a known format"
        )
        reader.refuse("fileName", rule)
    return File(media_url=url, file_name=name)


def is_usable_name(name: str) -> bool:
    """Whether a file may be called so: at most 25 characters, and of a format that Viber shows."""
    return utf16_length(name) <= MAX_FILE_NAME and extension_of(f"file://x/{name}") in FORMATS


def _check_together(reader: Reader, kind: str) -> None:
    given = frozenset(name for name in _MEMBERS if name in reader)
    if not given:
        if "keyboard" not in reader:
            reader.refuse("", f"has one of {', '.join(_MEMBERS)}, keyboard, not none")
    elif kind and given not in _TOGETHER[kind]:
        known = "; ".join(_listed(each) for each in _TOGETHER[kind])
        reader.refuse("", f"{kind} takes {known}; not {_listed(given)}")


def _listed(members: frozenset[str]) -> str:
    return " and ".join(name for name in _MEMBERS if name in members)
