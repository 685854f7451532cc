"""What each network can show of our messages when it is reached through the gateway."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from botkit.buttons import AnyButton, Button, Dial, Link, Login
from botkit.capabilities import Bound, Capabilities, Support
from botkit.chatapps import gbm, telegram
from botkit.chatapps.reading import extension_of, is_web
from botkit.chatapps.viber import MAX_FILE, is_action, is_usable_name
from botkit.formatting import Formatted, utf16_length
from botkit.messages import (
    AnyMessage,
    Attachment,
    Card,
    Carousel,
    File,
    Image,
    Location,
    Message,
    Raw,
    Text,
    Video,
    Voice,
)
from botkit.rendering import telegram_size, to_gbm, to_plain

#: The gateway's name in the `extra` of messages.
GATEWAY = "mitto"
#: UTF-16 units of a text on a phone number's Viber: Viber's own bound, which the gateway does not name.
MAX_VIBER_TEXT = 1000

_TTL = "kept by botkit"
#: How the documents of the gateway call the members of its `telegram` object, by our kinds.
MEDIA: Mapping[type[Attachment], str] = {Image: "photo", File: "document", Video: "video", Voice: "voice"}


def _plain_size(formatted: Formatted) -> int:
    return len(to_plain(formatted))


def _plain_units(formatted: Formatted) -> int:
    return utf16_length(to_plain(formatted))


def _text_size(formatted: Formatted) -> int:
    return telegram_size(formatted, telegram.MAX_TEXT)


def _caption_size(formatted: Formatted) -> int:
    return telegram_size(formatted, telegram.MAX_CAPTION)


def _rich_size(formatted: Formatted) -> int:
    return len(to_gbm(formatted)[0])


def _is_page(button: AnyButton) -> bool:
    return not isinstance(button, Link) or is_web(button.url)


def _is_opened(button: AnyButton) -> bool:
    return isinstance(button, Link) and is_action(button.url)


def _native(*kinds: type[Message]) -> dict[type[Message], Support]:
    return dict.fromkeys((*kinds, Raw), Support.NATIVE)


_WORDS = Capabilities(options=frozenset({"ttl"}), notes={"ttl": _TTL})
_VIBER = Capabilities(
    messages={**_native(Text, Image, File), Card: Support.PARTS},
    text=Bound(MAX_VIBER_TEXT, _plain_units, "UTF-16 units"),
    caption=Bound(MAX_VIBER_TEXT, _plain_units, "UTF-16 units"),
    captions=frozenset({Image}),
    buttons=frozenset({Link}),
    with_buttons=frozenset({Text, Image}),
    shows=_is_opened,
    max_buttons={Message: 1},
    options=frozenset({"ttl"}),
    notes={
        "Image": "by address, with words only where it has a button too",
        "File": "by address, with a name of at most 25 characters in a known format; others as a link",
        "Link": "one, in a promotional message",
    },
)
_TELEGRAM = Capabilities(
    messages={**_native(Text, *MEDIA, Location), Card: Support.PARTS},
    text=Bound(telegram.MAX_TEXT, _text_size, "UTF-16 units"),
    caption=Bound(telegram.MAX_CAPTION, _caption_size, "UTF-16 units"),
    captions=frozenset(MEDIA),
    options=frozenset({"silent", "ttl"}),
    notes={
        "File": "by address GIF, PDF and ZIP only; others as a link",
        "Video": "by address, MP4; others as a link",
        "Voice": "by address, OGG or MP3; others as a link",
        "Location": "its name and address in a text before it",
        "ttl": _TTL,
        "receipts": "none exist",
    },
)
_GBM = Capabilities(
    messages=_native(Text, Image, Card, Carousel),
    text=Bound(gbm.MAX_TEXT, _rich_size),
    caption=Bound(gbm.MAX_DESCRIPTION, _plain_size),
    captions=frozenset({Image}),
    card_title=Bound(gbm.MAX_TITLE, _plain_size),
    card_text=Bound(gbm.MAX_DESCRIPTION, _plain_size),
    buttons=frozenset({Button, Link}),
    with_buttons=frozenset({Text, Image, Card, Carousel}),
    shows=_is_page,
    max_buttons={Message: gbm.MAX_SUGGESTIONS, Card: gbm.MAX_CARD_SUGGESTIONS},
    max_label=gbm.MAX_LABEL,
    max_value=gbm.MAX_POSTBACK,
    types_answers=True,
    options=frozenset({"representative", "ttl"}),
    notes={"Image": "by an https address, jpeg, png or webp; others as a link", "ttl": _TTL},
)

#: What each network shows at its best; `capabilities_for` tells what it shows of a certain message.
CAPABILITIES: Mapping[str, Capabilities] = {
    "sms": _WORDS,
    "gbm": _GBM,
    "viber": _VIBER,
    "telegram": _TELEGRAM,
    "whatsapp": _WORDS,
}


def capabilities_for(network: str, message: AnyMessage) -> Capabilities:
    """Returns what a network shows of a message: what it would not fetch or refuse is a link."""
    found = CAPABILITIES[network]
    if network == "viber":
        found = _viber_for(message)
    if not _is_taken(network, message):
        support = Support.PARTS if isinstance(message, (Card, Carousel, Location)) else Support.WORDS
        return replace(found, messages={**found.messages, type(message): support})
    return found


def _is_taken(network: str, message: AnyMessage) -> bool:
    match network, message:
        case "gbm", Image():
            return _is_fetched(message.source)
        case "gbm", Card():
            return not message.image or _is_fetched(message.image)
        case "gbm", Carousel():
            return all(_is_fetched(card.image) for card in message.cards if card.image)
        case "telegram", Location():
            return not message.name
        case "telegram", Attachment():
            known = telegram.FORMATS.get(MEDIA.get(type(message), ""), ())
            return is_web(message.source) and (not known or extension_of(message.source) in ("", *known))
        case "viber", File():
            return is_web(message.source) and is_usable_name(file_name(message)) and message.size <= MAX_FILE
        case "viber", Image():
            return is_web(message.source)
    return True


def _is_fetched(source: str) -> bool:
    return is_web(source, is_secure=True) and gbm.is_image(source)


def file_name(message: File) -> str:
    """Returns the name of a file: its own, else that of its address."""
    return message.name or unquote(urlsplit(message.source).path).rpartition("/")[2]


def own_members(message: AnyMessage) -> Mapping[str, Any]:
    """Returns what a message is given for the gateway alone: members of the network's object."""
    return message.extra.get(GATEWAY, {})


def _viber_for(message: AnyMessage) -> Capabilities:
    kind = own_members(message).get("type")
    if kind == "transactional":
        return replace(_VIBER, messages=_native(Text), buttons=frozenset(), captions=frozenset())
    found = replace(_VIBER, buttons=frozenset(), captions=frozenset()) if kind == "session" else _VIBER
    # An image and words without a button are not shown; nor are an image and a button without words.
    if isinstance(message, Image) and not (found.buttons and _is_offer(message)):
        return replace(found, captions=frozenset(), with_buttons=frozenset({Text}))
    return found


def _is_offer(message: Image) -> bool:
    buttons = (button for row in message.buttons for button in row)
    return bool(to_plain(message.formatted).strip()) and any(map(_becomes_link, buttons))


def _becomes_link(button: AnyButton) -> bool:
    return _is_opened(button) or isinstance(button, (Dial, Login))
