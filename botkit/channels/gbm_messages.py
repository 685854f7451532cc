"""Our messages in the words of Business Messages: what it can show, its bounds, and its JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from botkit.buttons import AnyButton, AskAgent, Button, Dial, Link, Login
from botkit.capabilities import Bound, Capabilities, Support
from botkit.channels.gbm_missing import MISSING
from botkit.exceptions import MessageError
from botkit.formatting import Formatted, parse
from botkit.messages import (
    AnyMessage,
    Card,
    Carousel,
    Image,
    Joined,
    Left,
    Message,
    Raw,
    Representative,
    Text,
    Typing,
)
from botkit.rendering import to_gbm, to_plain

#: Bounds of the service: characters, and how many suggestions one message or card takes.
MAX_TEXT = 3072
MAX_SUGGESTIONS = 13
MAX_CARD_SUGGESTIONS = 4
MAX_LABEL = 25
MAX_POSTBACK = 2048
MAX_TITLE = 200
MAX_DESCRIPTION = 2000

IMAGE_TYPES = ("jpeg", "jpg", "png", "webp")
METHODS = ("", "messages", "events", "surveys")

_EXTENSION = re.compile(r"\.([^./]+)\Z")
# RFC 3966 without visual separators, as our own numbers are.
_NUMBER_LINK = re.compile(r"tel:\+[0-9][0-9().-]*")
_READ = re.compile(r"receipt:\S{1,512}")
_EVENTS: Mapping[type[Message], str] = {
    Typing: "TYPING_STARTED",
    Joined: "REPRESENTATIVE_JOINED",
    Left: "REPRESENTATIVE_LEFT",
}
_SIGNS = (Typing, Joined, Left)


def _size(formatted: Formatted) -> int:
    return len(to_gbm(formatted)[0])


def _plain_size(formatted: Formatted) -> int:
    return len(to_plain(formatted))


def _is_suggested(button: AnyButton) -> bool:
    match button:
        case Link():
            return button.url.startswith(("https://", "http://")) or bool(_NUMBER_LINK.fullmatch(button.url))
        case Login():
            return bool(button.client_id and button.code_challenge and button.scopes)
    return True


_KINDS: tuple[type[Message], ...] = (Text, Image, Card, Carousel, *_SIGNS, Raw)

CAPABILITIES = Capabilities(
    messages=dict.fromkeys(_KINDS, Support.NATIVE),
    text=Bound(MAX_TEXT, _size),
    caption=Bound(MAX_DESCRIPTION, _plain_size),
    captions=frozenset({Image}),
    card_title=Bound(MAX_TITLE, _plain_size),
    card_text=Bound(MAX_DESCRIPTION, _plain_size),
    buttons=frozenset({Button, Link, Dial, AskAgent, Login}),
    with_buttons=frozenset({Text, Image, Card, Carousel}),
    shows=_is_suggested,
    max_buttons={Message: MAX_SUGGESTIONS, Card: MAX_CARD_SUGGESTIONS},
    max_label=MAX_LABEL,
    max_value=MAX_POSTBACK,
    types_answers=True,
    options=frozenset({"representative", "ttl"}),
    notes={
        "Image": "by an https address, jpeg, png or webp; others as a link",
        "Login": "OAuth, where it has client_id, code_challenge and scopes; else a link",
        "ttl": "kept by botkit",
    },
    missing=MISSING,
)


def capabilities_for(message: AnyMessage) -> Capabilities:
    """Returns what can be shown of a message: a picture that Google would not fetch is a link."""
    match message:
        case Image() if not _is_fetched(message.source):
            return _without(Image, Support.WORDS)
        case Card() if message.image and not _is_fetched(message.image):
            return _without(Card, Support.PARTS)
        case Carousel() if not all(_is_fetched(card.image) for card in message.cards if card.image):
            return _without(Carousel, Support.PARTS)
    return CAPABILITIES


def _without(kind: type[Message], support: Support) -> Capabilities:
    return replace(CAPABILITIES, messages={**CAPABILITIES.messages, kind: support})


def _is_fetched(source: str) -> bool:
    try:
        _check_image(source)
    except MessageError:
        return False
    return True


# --- bounds ---


def check_message(message: AnyMessage) -> None:
    """Returns for a message that the service takes. Raises MessageError that names the bound and both numbers."""
    if isinstance(message, Raw):
        _check_raw(message)
        return
    if not isinstance(message, Card):
        _check_suggestions([button for row in message.buttons for button in row], MAX_SUGGESTIONS)
    _check_fallback(message)
    match message:
        case Text():
            _check_text(message)
        case Image():
            _check_length("a caption", to_plain(message.formatted), MAX_DESCRIPTION)
            _check_image(message.source)
            if message.thumbnail:
                _check_image(message.thumbnail)
        case Card():
            _check_card(message)
        case Carousel():
            for card in message.cards:
                _check_card(card)


def _check_fallback(message: AnyMessage) -> None:
    _check_length("a fallback", message.fallback, MAX_TEXT)
    is_bare = isinstance(message, Text) and not message.buttons and not message.fallback
    if is_bare and message.extra.get("gbm", {}).get("forceFallback"):
        raise MessageError("Business Messages cannot show a fallback that a message has not", fix="give it a fallback")


def _check_text(message: Text) -> None:
    text = to_gbm(message.formatted)[0]
    if not text.strip():
        raise MessageError("a Text has nothing but formatting; Business Messages takes at least 1 character")
    _check_length("a text", text, MAX_TEXT)


def _check_card(card: Card) -> None:
    _check_length("a title", card.title, MAX_TITLE)
    _check_length("a description", to_plain(parse(card.description)), MAX_DESCRIPTION)
    _check_suggestions([button for row in card.buttons for button in row], MAX_CARD_SUGGESTIONS)
    if card.image:
        _check_image(card.image)


def _check_raw(message: Raw) -> None:
    if message.channel != "gbm":
        raise MessageError(f"a Raw for {message.channel} cannot go out on gbm")
    if message.method not in METHODS and not _READ.fullmatch(message.method):
        raise MessageError("a Raw for gbm has the method messages, events or surveys, or receipt: and a message's id")


def _check_length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise MessageError(f"Business Messages takes {what} of at most {most} characters, this one has {len(text)}")


def _check_suggestions(buttons: Sequence[AnyButton], most: int) -> None:
    if len(buttons) > most:
        raise MessageError(f"Business Messages takes at most {most} buttons here, there are {len(buttons)}")
    for button in buttons:
        _check_length("a button's text", button.text, MAX_LABEL)
        if isinstance(button, Button):
            _check_length("a button's value", button.value, MAX_POSTBACK)
        elif isinstance(button, Link) and not _is_suggested(button):
            raise MessageError(
                "Business Messages opens http(s) addresses and dials numbers that start with + and the country code"
            )


def _check_image(source: str) -> None:
    try:
        parts = urlsplit(source)
    except ValueError:
        raise MessageError("Business Messages takes an image by its https address, this one is malformed") from None
    if parts.scheme != "https":
        raise MessageError("Business Messages takes an image by its https address, not by a file id or another scheme")
    extension = _EXTENSION.search(parts.path)
    if extension and extension[1].lower() not in IMAGE_TYPES:
        raise MessageError(f"Business Messages takes images of the types {', '.join(IMAGE_TYPES)}, this is another one")


# --- JSON ---


def representative_of(message: AnyMessage, name: str) -> dict[str, str]:
    """Returns who speaks, by default the bot under the account's name."""
    who = message.representative or Representative()
    shown = {"representativeType": who.kind.upper(), "displayName": who.name or name}
    return shown | ({"avatarImage": who.avatar} if who.avatar else {})


def event_of(message: AnyMessage) -> str:
    """Returns the type of the event that shows a sign, or nothing for a message."""
    return _EVENTS.get(type(message), "")


def render(message: AnyMessage) -> dict[str, Any]:
    """Returns the members of a Message object that carry what the message says."""
    buttons = [button for row in message.buttons for button in row]
    content = _content(message)
    if buttons and not isinstance(message, Card):
        content["suggestions"] = _suggestions(buttons)
    # Every device shows bare words; whatever is more needs words to fall back to.
    if message.fallback or content.keys() != {"text"}:
        content["fallback"] = message.fallback or _fallback(message)
    return content | message.extra.get("gbm", {})


def _content(message: AnyMessage) -> dict[str, Any]:
    match message:
        case Text():
            text, is_rich = to_gbm(message.formatted)
            return {"text": text, "containsRichText": True} if is_rich else {"text": text}
        case Image():
            return _image(message)
        case Card():
            return {"richCard": {"standaloneCard": {"cardContent": _card(message, message.height)}}}
        case Carousel():
            return {"richCard": {"carouselCard": _carousel(message)}}
    raise TypeError(f"gbm has no {type(message).__name__}")


def _image(message: Image) -> dict[str, Any]:
    contents: dict[str, Any] = {"fileUrl": message.source, "forceRefresh": False}
    contents |= {"thumbnailUrl": message.thumbnail} if message.thumbnail else {}
    caption = to_plain(message.formatted)
    if not caption:
        return {"image": {"contentInfo": contents}}
    # An image message has no place for words; a card has.
    media = {"height": "MEDIUM", "contentInfo": contents | {"altText": caption}}
    return {"richCard": {"standaloneCard": {"cardContent": {"description": caption, "media": media}}}}


def _card(card: Card, height: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if card.title.strip():
        content["title"] = card.title
    if card.description:
        content["description"] = to_plain(parse(card.description))
    if card.image:
        info = {"fileUrl": card.image, "altText": card.title or card.image, "forceRefresh": False}
        content["media"] = {"height": height.upper(), "contentInfo": info}
    if card.buttons:
        content["suggestions"] = _suggestions([button for row in card.buttons for button in row])
    return content


def _carousel(carousel: Carousel) -> dict[str, Any]:
    # Tall pictures are refused between narrow cards.
    heights = ["medium" if carousel.width == "small" and c.height == "tall" else c.height for c in carousel.cards]
    contents = [_card(card, height) for card, height in zip(carousel.cards, heights, strict=True)]
    return {"cardWidth": carousel.width.upper(), "cardContents": contents}


def _suggestions(buttons: Sequence[AnyButton]) -> list[dict[str, Any]]:
    return [_suggestion(button, number) for number, button in enumerate(buttons, start=1)]


def _suggestion(button: AnyButton, number: int) -> dict[str, Any]:
    match button:
        case Button():
            return {"reply": {"text": button.text, "postbackData": button.value}}
        case AskAgent():
            return {"liveAgentRequest": {}}
        case Login():
            oauth = {"clientId": button.client_id, "codeChallenge": button.code_challenge, "scopes": button.scopes}
            return {"authenticationRequest": {"oauth": oauth | {"codeChallengeMethod": "S256"}}}
        case Dial():
            return _action(button, f"dial:{number}", dialAction={"phoneNumber": button.number})
        case Link() if button.url.startswith("tel:"):
            return _action(button, f"open:{number}", dialAction={"phoneNumber": button.url.removeprefix("tel:")})
        case Link():
            return _action(button, f"open:{number}", openUrlAction={"url": button.url})
    raise TypeError(f"gbm has no {type(button).__name__}")


def _action(button: AnyButton, postback: str, **action: Any) -> dict[str, Any]:
    return {"action": {"text": button.text, "postbackData": postback, **action}}


def _fallback(message: AnyMessage) -> str:
    """Returns the words and the choices; the words are cut when both are too long for a fallback."""
    cards = message.cards if isinstance(message, Carousel) else ()
    buttons = [button for part in (*cards, message) for row in part.buttons for button in row]
    replies = ", ".join(button.text for button in buttons if isinstance(button, (Button, AskAgent)))
    lines = [line for line in map(_line, buttons) if line]
    choices = "".join(f"\n{line}" for line in [*lines, *([f"Reply with: {replies}"] if replies else [])])
    room = max(MAX_TEXT - len(choices), 0)
    plain = message.plain
    words = plain if len(plain) <= room else f"{plain[: max(room - 1, 0)]}…"
    return f"{words}{choices}"[:MAX_TEXT]


def _line(button: AnyButton) -> str:
    match button:
        case Link() | Login():
            return f"{button.text}: {button.url}"
        case Dial():
            return f"{button.text}: {button.phone}"
    return ""
