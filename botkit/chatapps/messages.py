"""Our messages as the gateway's JSON, and its JSON as our messages."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from msgspec.structs import replace

from botkit.buttons import AnyButton, Button, Link
from botkit.chatapps.abilities import (
    CAPABILITIES,
    GATEWAY,
    MEDIA,
    capabilities_for,
    file_name,
    own_members,
)
from botkit.chatapps.contents import Content, read_content
from botkit.chatapps.gbm import MAX_TEXT
from botkit.chatapps.markup import to_html
from botkit.chatapps.nouns import message_of
from botkit.chatapps.requests import OPTIONS, find_request_problems
from botkit.degradation import Prepared, prepare
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, Problem
from botkit.formatting import Formatted, parse
from botkit.messages import AnyMessage, Attachment, Card, Carousel, File, Image, Location, Raw, Text
from botkit.rendering import to_gbm, to_plain, to_telegram

__all__ = ["CAPABILITIES", "capabilities_for", "content_of", "message_of", "prepare_for", "read_sent"]

#: What is said of the whole message, and so of each part that it is made of.
_CARRIED: Mapping[str, tuple[str, ...]] = {
    "sms": ("sender",),
    "viber": ("type", "ttl"),
    "telegram": ("silent",),
    "gbm": ("representative",),
    "whatsapp": (),
}
_NOTHING: Mapping[str, Any] = {}
Json = dict[str, Any]


def prepare_for(
    network: str, message: AnyMessage, *, defaults: Mapping[str, Any] = _NOTHING, offered: int = 0
) -> Prepared:
    """Returns what will be sent for a message, each part with what its whole was given for the gateway.

    `defaults` are members of an account, as `sender`: they count where the message has none of its own. Raises
    MessageError for what no degradation can mend.
    """
    given = {**defaults, **own_members(message)}
    carried = {name: given[name] for name in _CARRIED[network] if name in given}
    prepared = prepare(message, lambda part: capabilities_for(network, _carrying(part, carried)), offered=offered)
    parts = tuple(_carrying(part, carried) for part in prepared.messages)
    for part in parts:
        content_of(network, part, defaults)
    return replace(prepared, messages=parts)


def _carrying(part: AnyMessage, carried: Mapping[str, Any]) -> AnyMessage:
    if not carried or isinstance(part, Raw):
        return part
    return replace(part, extra={**part.extra, GATEWAY: {**carried, **own_members(part)}})


def content_of(network: str, message: AnyMessage, defaults: Mapping[str, Any] = _NOTHING) -> Content:
    """Returns what a message becomes on a network that is reached through the gateway.

    Members in `extra["mitto"]` take the place of what it would have, and these of `defaults`. Raises MessageError for
    a kind that the network has not, and InvalidRequestError for what breaks a rule of the network.
    """
    own = own_members(message)
    if isinstance(message, Raw):
        if message.channel != GATEWAY:
            raise MessageError(f"a Raw for {message.channel} cannot be sent through {GATEWAY}")
        return read_content(network, {**defaults, **message.payload, **own})
    made = _RENDERERS[network](message, {**defaults, **own})
    return read_content(network, {**defaults, **made, **own})


def _sms(message: AnyMessage, given: Mapping[str, Any]) -> Json:
    return {"text": _plain(_words("sms", message))}


def _whatsapp(message: AnyMessage, given: Mapping[str, Any]) -> Json:
    return {"type": "regular", "regular": {"type": "text", "text": _plain(_words("whatsapp", message))}}


def _words(network: str, message: AnyMessage) -> Formatted:
    if isinstance(message, Text):
        return message.formatted
    raise _missing(network, message)


def _missing(network: str, message: AnyMessage) -> MessageError:
    return MessageError(f"{network} through {GATEWAY} has no {type(message).__name__}")


def _plain(formatted: Formatted) -> str:
    return to_plain(formatted).strip()


def _buttons(message: AnyMessage) -> list[AnyButton]:
    return [button for row in message.buttons for button in row]


# --- Viber ---


def _viber(message: AnyMessage, given: Mapping[str, Any]) -> Json:
    buttons = _buttons(message)
    # What answers a person belongs to their session; only an offer has a button.
    made: Json = {"type": given.get("type") or ("promotional" if buttons else "session")}
    if message.ttl:
        made["ttl"] = ceil(message.ttl)
    if buttons:
        made["button"] = _viber_button(buttons)
    match message:
        case Text():
            return made | {"text": _plain(message.formatted)}
        case Image():
            return made | {"text": _plain(message.formatted), "mediaUrl": message.source}
        case File() if not message.caption:
            return made | {"file": {"mediaUrl": message.source, "fileName": file_name(message)}}
    raise _missing("viber", message)


def _viber_button(buttons: list[AnyButton]) -> Json:
    match buttons:
        case [Link() as link]:
            return {"caption": link.text, "action": link.url}
    raise MessageError(f"viber through {GATEWAY} has one Link below a message and nothing else")


# --- Telegram ---


def _telegram(message: AnyMessage, given: Mapping[str, Any]) -> Json:
    if message.buttons:
        raise MessageError(f"telegram through {GATEWAY} has no buttons")
    return ({"silent": True} if message.silent else {}) | _telegram_content(message)


def _telegram_content(message: AnyMessage) -> Json:
    match message:
        case Text():
            return {"text": _marked("message", message.formatted)}
        case Attachment() if type(message) in MEDIA:
            return {MEDIA[type(message)]: {"url": message.source} | _marked("caption", message.formatted)}
        case Location() if not message.name:
            return {"location": {"latitude": message.latitude, "longitude": message.longitude}}
    raise _missing("telegram", message)


def _marked(name: str, formatted: Formatted) -> Json:
    text, entities = to_telegram(formatted)
    if not text:
        return {}
    return {name: to_html(formatted), "parseMode": "Html"} if entities else {name: text, "parseMode": "Default"}


# --- Business Messages ---


def _gbm(message: AnyMessage, given: Mapping[str, Any]) -> Json:
    buttons = _buttons(message)
    made = _gbm_content(message)
    if buttons and not isinstance(message, Card):
        made["suggestions"] = _suggestions(buttons)
    # Every device shows bare words; whatever is more needs words to fall back to.
    if message.fallback.strip() or made.keys() != {"text"} or "containsRichText" in made["text"]:
        made["fallback"] = message.fallback.strip() or _fallback(message)
    if who := message.representative:
        named = {"displayName": who.name, "avatarImage": who.avatar}
        made["representative"] = {"representativeType": who.kind.upper()} | named
    return made


def _gbm_content(message: AnyMessage) -> Json:
    match message:
        case Text():
            text, is_rich = to_gbm(message.formatted)
            return {"text": {"message": text} | ({"containsRichText": True} if is_rich else {})}
        case Image():
            return _gbm_image(message)
        case Card():
            return {"standaloneCard": _gbm_card(message, message.height)}
        case Carousel():
            # Tall pictures are refused between narrow cards.
            most = "medium" if message.width == "small" else "tall"
            cards = [_gbm_card(card, min(card.height, most, key=_HEIGHTS.index)) for card in message.cards]
            return {"carouselCard": {"cardWidth": message.width.upper(), "cardContents": cards}}
    raise _missing("gbm", message)


_HEIGHTS = ("short", "medium", "tall")


def _gbm_image(message: Image) -> Json:
    picture = {"fileUrl": message.source, "thumbnailUrl": message.thumbnail}
    caption = _plain(message.formatted)
    if not caption:
        return {"image": picture}
    # An image has no place for words; a card has.
    media = {"height": "MEDIUM", "contentInfo": picture | {"altText": caption}}
    return {"standaloneCard": {"description": caption, "media": media}}


def _gbm_card(card: Card, height: str) -> Json:
    made: Json = {"title": card.title.strip(), "description": _plain(parse(card.description))}
    if card.image:
        picture = {"fileUrl": card.image, "altText": made["title"]}
        made["media"] = {"height": height.upper(), "contentInfo": picture}
    return made | {"suggestions": _suggestions(_buttons(card))}


def _suggestions(buttons: list[AnyButton]) -> list[Json]:
    return [_suggestion(button, number) for number, button in enumerate(buttons, start=1)]


def _suggestion(button: AnyButton, number: int) -> Json:
    match button:
        case Button():
            return {"reply": {"text": button.text, "postbackData": button.value}}
        case Link():
            page = {"openUrlAction": {"url": button.url}}
            return {"action": {"text": button.text, "postbackData": f"open:{number}"} | page}
    raise MessageError(f"gbm through {GATEWAY} has no {type(button).__name__}")


def _fallback(message: AnyMessage) -> str:
    """Returns the words and the choices; the words are cut where both are too long for a fallback."""
    cards = message.cards if isinstance(message, Carousel) else ()
    buttons = [button for part in (*cards, message) for button in _buttons(part)]
    links = [f"{button.text}: {button.url}" for button in buttons if isinstance(button, Link)]
    replies = ", ".join(button.text for button in buttons if isinstance(button, Button))
    choices = "".join(f"\n{line}" for line in [*links, *([f"Reply with: {replies}"] if replies else [])])
    room, plain = max(MAX_TEXT - len(choices), 0), message.plain.strip()
    words = plain if len(plain) <= room else f"{plain[: max(room - 1, 0)]}…"
    return f"{words}{choices}"[:MAX_TEXT]


_RENDERERS: Mapping[str, Callable[[AnyMessage, Mapping[str, Any]], Json]] = {
    "sms": _sms,
    "gbm": _gbm,
    "viber": _viber,
    "telegram": _telegram,
    "whatsapp": _whatsapp,
}


# --- requests to accounts that speak to the service directly ---


def read_sent(body: Mapping[str, Any], network: str, find_address: Callable[[str], str]) -> tuple[str, AnyMessage]:
    """Returns the address and the message of a request to an account of that network.

    Raises InvalidRequestError with everything that is wrong, a destination that is no address among it.
    """
    problems: list[Problem] = []
    request = find_request_problems(body, problems, OPTIONS)
    to = _find(request.destination, find_address, problems)
    told = {problem.path.partition(".")[0] for problem in problems}
    content = request.contents.get(network)
    if content is None and network not in told:
        problems.append(Problem(network, "is needed: the account sends nothing else"))
    message: AnyMessage | None = None
    if content is not None and network not in told:
        try:
            message = message_of(content)
        except InvalidRequestError as error:
            problems += error.problems
    if message is None or problems:
        raise InvalidRequestError(problems)
    return to, message


def _find(destination: str, find_address: Callable[[str], str], problems: list[Problem]) -> str:
    try:
        return find_address(destination) if destination else ""
    except AddressError as error:
        problems.append(Problem("destination", f"{error.what}; {error.fix}" if error.fix else error.what))
        return ""
