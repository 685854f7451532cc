"""What Telegram alone knows of a message or a button, given in `extra`: its bounds, and what it takes the place of."""

from collections.abc import Mapping
from typing import Any

from botkit.buttons import AnyButton
from botkit.exceptions import MessageError
from botkit.formatting import utf16_length
from botkit.messages import AnyMessage

MAX_QUOTE = 1024
MAX_VCARD = 2048
MAX_COPIED = 256

#: The members of an inline button that say what it does; a button does one thing.
ACTIONS = frozenset((
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
))  # fmt: skip


def own_words(part: AnyMessage | AnyButton) -> Mapping[str, Any]:
    """Returns what is given for Telegram alone."""
    return part.extra.get("telegram", {})


def check_extra(message: AnyMessage) -> None:
    """Returns for a message whose own words are within bounds. Raises MessageError that names the bound."""
    words = own_words(message)
    _check_size("quote", utf16_length(_text(words.get("reply_parameters"), "quote")), 0, MAX_QUOTE, "UTF-16 units")
    _check_size("vcard", len(_text(words, "vcard").encode("utf-8", "surrogatepass")), 0, MAX_VCARD, "bytes")
    for button in (button for row in message.buttons for button in row):
        if "copy_text" in own_words(button):
            copied = _text(own_words(button)["copy_text"], "text")
            _check_size("text to copy", utf16_length(copied), 1, MAX_COPIED, "UTF-16 units")


def _text(words: object, name: str) -> str:
    value = words.get(name) if isinstance(words, Mapping) else None
    return value if isinstance(value, str) else ""


def _check_size(what: str, size: int, least: int, most: int, unit: str) -> None:
    if not least <= size <= most:
        raise MessageError(f"the {what} has {size} {unit}; Telegram takes {least} to {most}")
