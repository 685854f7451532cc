"""Our messages in Viber's JSON: contents, cards as rich media, keyboards, and the labels that travel along.

https://developers.viber.com/docs/api/rest-bot-api#message-types
"""

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from botkit.buttons import AnyButton, AskContact, AskLocation, Button, Link, Rows
from botkit.channels.viber_keyboards import MAX_CARD_ROWS, MAX_COLUMNS, version_of
from botkit.formatting import parse, utf16_length
from botkit.messages import (
    AnyMessage,
    Card,
    Carousel,
    Contact,
    File,
    Image,
    Location,
    Raw,
    Sticker,
    Text,
    Video,
)
from botkit.rendering import to_plain, to_viber

#: Lengths are in UTF-16 units: Viber says "characters", and this reading of it is never too long.
MAX_TEXT = 7000
MAX_TRACKING = 4000


def render(message: AnyMessage) -> dict[str, Any]:
    """Returns the message as Viber's JSON, still without receiver and sender. The same message gives the same bytes."""
    if isinstance(message, Raw):
        return dict(message.payload)
    payload = _content(message)
    extra = dict(message.extra.get("viber", {}))
    looks = extra.pop("keyboard", {})
    if message.buttons and not isinstance(message, Card):
        buttons = _keyboard(message.buttons, looks.get("ButtonsGroupColumns", MAX_COLUMNS))
        payload["keyboard"] = {"Type": "keyboard", **looks, "Buttons": buttons}
    if tracking_data := _tracking_data(_all_buttons(message)):
        payload["tracking_data"] = tracking_data
    asked = extra.pop("min_api_version", 0)
    version = max(payload.get("min_api_version", 1), version_of(payload.get("keyboard", {})), asked)
    return payload | ({"min_api_version": version} if version > 1 or asked else {}) | extra


def _content(message: AnyMessage) -> dict[str, Any]:
    match message:
        case Text():
            return {"type": "text", "text": to_viber(message.formatted)}
        case Image():
            picture = {"type": "picture", "text": to_viber(message.formatted), "media": message.source}
            return picture | _filled(thumbnail=message.thumbnail)
        case Video():
            film = {"type": "video", "media": message.source, "size": message.size}
            return film | _filled(duration=round(message.duration), thumbnail=message.thumbnail)
        case File():
            return {"type": "file", "media": message.source, "size": message.size, "file_name": file_name(message)}
        case Location():
            return {"type": "location", "location": {"lat": message.latitude, "lon": message.longitude}}
        case Contact():
            contact = {"name": full_name(message), "phone_number": message.phone}
            return {"type": "contact", "contact": contact}
        case Sticker():
            return {"type": "sticker", "sticker_id": int(message.id)}
        case Card() | Carousel():
            return _rich_media(message.cards if isinstance(message, Carousel) else (message,), message.plain)
    raise TypeError(f"viber has no {type(message).__name__}")


def _all_buttons(message: AnyMessage) -> list[AnyButton]:
    cards = message.cards if isinstance(message, Carousel) else ()
    return [button for part in (*cards, message) for row in part.buttons for button in row]


# --- rich media: cards of six columns and seven rows ---


def _rich_media(cards: Sequence[Card], plain: str) -> dict[str, Any]:
    most = max(len([button for row in card.buttons for button in row]) for card in cards)
    buttons = [button for card in cards for button in _card(card, most)]
    size = {"ButtonsGroupColumns": MAX_COLUMNS, "ButtonsGroupRows": MAX_CARD_ROWS}
    media = {"Type": "rich_media", **size, "Buttons": buttons}
    alt_text = plain if utf16_length(plain) <= MAX_TEXT else plain[: MAX_TEXT // 2]
    return {"type": "rich_media", "min_api_version": 7, "alt_text": alt_text, "rich_media": media}


def _card(card: Card, most: int) -> list[dict[str, Any]]:
    """Returns a card as buttons that fill its seven rows, whatever it has: else the cards after it would shift."""
    picked = [button for row in card.buttons for button in row]
    free = MAX_CARD_ROWS - most
    pictured = free - 2 if card.image else 0
    words = _words(card)
    blocks: list[dict[str, Any]] = []
    if card.image:
        shown = {"Image": card.image, "ImageScaleType": "crop"}
        blocks.append(_block(pictured, "none", "none") | shown)
    said = {"Text": words, "TextVAlign": "top", "TextHAlign": "left"} if words else {}
    blocks.append(_block(free - pictured, "none", "none") | said)
    blocks += [_key(button, MAX_COLUMNS) for button in picked]
    blocks += [_block(1, "none", "none") for _ in range(most - len(picked))]
    return blocks


def _words(card: Card) -> str:
    title = f"<b>{markup(card.title)}</b>" if card.title.strip() else ""
    description = markup(to_plain(parse(card.description)))
    return "<br>".join(part for part in (title, description) if part)


def _block(rows: int, action: str, body: str) -> dict[str, Any]:
    return {"Columns": MAX_COLUMNS, "Rows": rows, "ActionType": action, "ActionBody": body}


# --- keyboards ---


def _keyboard(rows: Rows, columns: int) -> list[dict[str, Any]]:
    return [_key(button, width) for row in rows for button, width in zip(row, _widths(len(row), columns), strict=True)]


def _widths(count: int, columns: int) -> list[int]:
    """Shares the columns of a row: as evenly as whole columns allow, the wider buttons first."""
    width, wider = divmod(columns, count)
    return [width + 1] * wider + [width] * (count - wider)


def _key(button: AnyButton, columns: int) -> dict[str, Any]:
    action, body = _action(button)
    return {
        "Columns": columns,
        "Rows": 1,
        "ActionType": action,
        "ActionBody": body,
        # Viber reads a label as HTML.
        "Text": markup(button.text),
        # Without it Viber shows the value, or the link, as if the person had typed it.
        "Silent": True,
        **button.extra.get("viber", {}),
    }


def _action(button: AnyButton) -> tuple[str, str]:
    match button:
        case Button():
            return "reply", button.value
        case Link():
            return "open-url", button.url
        case AskLocation():
            return "location-picker", button.text
        case AskContact():
            return "share-phone", button.text
    raise TypeError(f"viber has no {type(button).__name__}")


def _tracking_data(buttons: Sequence[AnyButton]) -> str:
    """Returns the labels by value; only the values where that would be too long, nothing where even they are."""
    labels = {button.value: button.text for button in buttons if isinstance(button, Button)}
    for known in (labels, dict.fromkeys(labels, "")):
        text = msgspec.json.encode({"b": known}).decode()
        if known and utf16_length(text) <= MAX_TRACKING:
            return text
    return ""


def _filled(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


# --- names and words ---


def file_name(message: File) -> str:
    """Returns the name of a file: its own, else that of its address."""
    return message.name or unquote(urlsplit(message.source).path).rpartition("/")[2]


def full_name(message: Contact) -> str:
    """Returns both names of somebody."""
    return f"{message.name} {message.last_name}".strip()


def markup(text: str) -> str:
    """Returns a text as the HTML that Viber reads on buttons."""
    return escape(text, quote=False).replace("\n", "<br>")
