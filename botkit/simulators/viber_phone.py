"""What a phone of the simulated Viber shows of a message, and what its owner can press."""

import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any, Literal

from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError
from botkit.simulators.viber_keyboards import rows_of, size_of
from botkit.simulators.viber_state import Chat, Line

_MARKS = (
    re.compile(r"(?<!\S)```(.+?)```(?!\S)", re.DOTALL),
    *(re.compile(rf"(?<!\S){mark}(?!\s)([^{mark}]+)(?<!\s){mark}(?!\S)") for mark in (r"\*", "_", "~")),
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:b|i|u|s|font)\b[^<>]*>", re.IGNORECASE)
_KINDS = {"picture": "image", "url": "text"}
_CHOICES: Mapping[str, Literal["reply", "link", "location", "contact"]] = {
    "reply": "reply",
    "location-picker": "location",
    "share-phone": "contact",
}

Button = Mapping[str, Any]


def line_of(message: Mapping[str, Any]) -> Line:
    """Returns an accepted message as a phone keeps it."""
    kind = message.get("type", "keyboard")
    source = message["media"] if kind in ("picture", "video", "file") else ""
    line = Line("bot", _KINDS.get(kind, kind), _shown_text(message), source)
    if "keyboard" in message:
        line.keyboard = message["keyboard"]["Buttons"]
        line.keyboard_columns, _ = size_of(message["keyboard"], "keyboard")
    if kind == "rich_media":
        line.card = message["rich_media"]["Buttons"]
        line.card_columns, _ = size_of(message["rich_media"], "rich_media")
        line.source = next((b[key] for b in line.card for key in ("Image", "BgMedia") if key in b), "")
    return line


def bubbles_of(chat: Chat) -> list[Bubble]:
    """Returns a screen; the keyboard belongs to the last message that had one."""
    shown = chat.keyboard_line
    return [_bubble(line, has_keyboard=line is shown) for line in chat.lines]


def find_button(chat: Chat, label: str | None, action: str = "") -> Button:
    """Returns the newest button on the screen, with this label or value, of this action. Raises NotOnScreenError."""
    known = [button for button in chat.visible_buttons if action in ("", button.get("ActionType", "reply"))]
    for button in known:
        if label is None or label in (label_of(button), button.get("Text"), button["ActionBody"]):
            return button
    labels = ", ".join(map(label_of, known))
    raise NotOnScreenError(f"there is no such button; the screen has {labels or 'none'}")


def label_of(button: Button) -> str:
    """Returns what a button says, its HTML taken away; what it does where it says nothing."""
    return _words(button) or button["ActionBody"]


def _words(button: Button) -> str:
    return unescape(_TAG.sub("", _BREAK.sub("\n", button.get("Text", "")))).strip()


def _shown_text(message: Mapping[str, Any]) -> str:
    match message.get("type"):
        case "location":
            return f"{message['location']['lat']}, {message['location']['lon']}"
        case "contact":
            return f"{message['contact']['name']} {message['contact']['phone_number']}"
        case "file":
            return str(message["file_name"])
        case "url":
            return str(message["media"])
        case "rich_media":
            return _card_text(message)
        case "text" | "picture" | "video":
            return _unmarked(str(message.get("text") or ""))
    return ""


def _card_text(message: Mapping[str, Any]) -> str:
    """Returns the words of a card that are no button; the text for devices without cards has most of them already."""
    text = str(message.get("alt_text") or "")
    words = [_words(button) for button in message["rich_media"]["Buttons"] if not _is_choice(button)]
    return "\n".join(filter(None, [text, *(word for word in words if word not in text)]))


def _unmarked(text: str) -> str:
    for mark in _MARKS:
        text = mark.sub(r"\1", text)
    return text


def _bubble(line: Line, *, has_keyboard: bool) -> Bubble:
    rows = rows_of(line.card, line.card_columns)
    if has_keyboard:
        rows = [*rows_of(line.keyboard, line.keyboard_columns), *rows]
    choices = [[_choice(button) for button in row if _is_choice(button)] for row in rows]
    return Bubble(line.side, line.kind, line.text, line.source, _filled(choices))


def _filled(rows: Sequence[Sequence[Choice]]) -> list[Sequence[Choice]]:
    return [row for row in rows if row]


def _is_choice(button: Button) -> bool:
    return bool(button.get("ActionType", "reply") != "none")


def _choice(button: Button) -> Choice:
    return Choice(label_of(button), _CHOICES.get(button.get("ActionType", "reply"), "link"), button["ActionBody"])
