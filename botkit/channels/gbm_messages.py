"""What Business Messages is told: the service's bounds, and our messages in its words."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from botkit.exceptions import MessageError
from botkit.messages import AnyButton, AnyMessage, Button, File, Image, Link, Location, Raw, Text
from botkit.rendering import to_gbm, to_plain

#: Bounds of the service: characters, and how many suggestions one message takes.
MAX_TEXT = 3072
MAX_SUGGESTIONS = 13
MAX_LABEL = 25
MAX_POSTBACK = 2048
MAX_DESCRIPTION = 2000

IMAGE_TYPES = ("jpeg", "jpg", "png", "webp")


_EXTENSION = re.compile(r"\.([^./]+)\Z")


def check_message(message: AnyMessage) -> AnyMessage:
    """Returns the message, files and places as text. Raises MessageError that names the bound and both numbers."""
    if isinstance(message, Raw):
        return _check_raw(message)
    if isinstance(message, (File, Location)):
        message = _as_text(message)
    _check_suggestions([button for row in message.buttons for button in row])
    _check_length("a fallback", message.fallback, MAX_TEXT)
    if isinstance(message, Text):
        _check_length("a text", to_gbm(message.formatted)[0], MAX_TEXT)
    elif isinstance(message, Image):
        _check_length("a caption", to_plain(message.formatted), MAX_DESCRIPTION)
        _check_image(message.source)
    return message


def render(message: Text | Image | File | Location) -> dict[str, Any]:
    """Returns the members of a Message object that carry what the message says."""
    if isinstance(message, (File, Location)):
        message = _as_text(message)
    buttons = [button for row in message.buttons for button in row]
    content = _image(message) if isinstance(message, Image) else _text(message)
    if buttons:
        content["suggestions"] = [_suggestion(button, number) for number, button in enumerate(buttons, start=1)]
    # Every device shows bare words; whatever is more needs words to fall back to.
    if message.fallback or content.keys() != {"text"}:
        content["fallback"] = message.fallback or _fallback(message.plain, buttons)
    return content


def _text(message: Text) -> dict[str, Any]:
    text, is_rich = to_gbm(message.formatted)
    return {"text": text, "containsRichText": True} if is_rich else {"text": text}


def _check_raw(message: Raw) -> Raw:
    if message.channel != "gbm":
        raise MessageError(f"a Raw for {message.channel} cannot go out on gbm")
    if message.method not in ("", "messages", "events"):
        raise MessageError("a Raw for gbm has the method messages or events")
    return message


def _check_length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise MessageError(f"Business Messages takes {what} of at most {most} characters, this one has {len(text)}")


def _check_suggestions(buttons: Sequence[AnyButton]) -> None:
    if len(buttons) > MAX_SUGGESTIONS:
        raise MessageError(
            f"Business Messages takes at most {MAX_SUGGESTIONS} buttons in a message, this one has {len(buttons)}"
        )
    for button in buttons:
        _check_length("a button's text", button.text, MAX_LABEL)
        if isinstance(button, Button):
            _check_length("a button's value", button.value, MAX_POSTBACK)
        elif button.url.startswith("tel:") and not button.url.startswith("tel:+"):
            raise MessageError("Business Messages dials numbers that start with + and the country code, not this one")


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


def _as_text(message: File | Location) -> Text:
    if not message.plain.strip():
        raise MessageError("Business Messages has no files: give this one an https address, a caption or a fallback")
    return Text(text=message.plain, markdown=False, buttons=message.buttons, silent=message.silent)


def _image(message: Image) -> dict[str, Any]:
    contents: dict[str, Any] = {"fileUrl": message.source, "forceRefresh": False}
    caption = to_plain(message.formatted)
    if not caption:
        return {"image": {"contentInfo": contents}}
    # An image message has no place for words; a card has.
    media = {"height": "MEDIUM", "contentInfo": contents | {"altText": caption}}
    return {"richCard": {"standaloneCard": {"cardContent": {"description": caption, "media": media}}}}


def _suggestion(button: AnyButton, number: int) -> dict[str, Any]:
    if isinstance(button, Button):
        return {"reply": {"text": button.text, "postbackData": button.value}}
    action: dict[str, Any] = {"text": button.text, "postbackData": f"open:{number}"}
    if button.url.startswith("tel:"):
        return {"action": action | {"dialAction": {"phoneNumber": button.url.removeprefix("tel:")}}}
    return {"action": action | {"openUrlAction": {"url": button.url}}}


def _fallback(plain: str, buttons: Sequence[AnyButton]) -> str:
    """Returns the words and the choices; the words are cut when both are too long for a fallback."""
    replies = ", ".join(button.text for button in buttons if isinstance(button, Button))
    lines = [f"{button.text}: {button.url}" for button in buttons if isinstance(button, Link)]
    choices = "".join(f"\n{line}" for line in [*lines, *([f"Reply with: {replies}"] if replies else [])])
    room = max(MAX_TEXT - len(choices), 0)
    words = plain if len(plain) <= room else f"{plain[: max(room - 1, 0)]}…"
    return f"{words}{choices}"[:MAX_TEXT]
