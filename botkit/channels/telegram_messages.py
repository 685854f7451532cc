"""Our messages in Telegram's words: what the Bot API can show, its bounds, and the calls it is sent.

https://core.telegram.org/bots/api#available-methods
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from botkit.buttons import AnyButton, AskContact, AskLocation, Button, Link, Login, Rows
from botkit.capabilities import Bound, Capabilities, Support
from botkit.channels.telegram_address import address_for
from botkit.channels.telegram_extra import ACTIONS, check_extra, own_words
from botkit.channels.telegram_missing import MISSING
from botkit.exceptions import MessageError
from botkit.formatting import Formatted, utf16_length
from botkit.http_client import Upload
from botkit.messages import (
    Album,
    AnyMessage,
    Attachment,
    Audio,
    Card,
    Carousel,
    Contact,
    Delete,
    Edit,
    File,
    Image,
    Location,
    Message,
    Raw,
    Sticker,
    Text,
    Typing,
    Video,
    Voice,
)
from botkit.rendering import telegram_size, to_telegram
from botkit.uploads import load_upload, upload_size

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_BUTTONS = 100
MAX_ROW = 8
MAX_VALUE = 64
MAX_PHOTO = 10 * 1024 * 1024
MAX_UPLOAD = 50 * 1024 * 1024
#: What Telegram fetches as a document from an address.
DOCUMENTS = ("gif", "pdf", "zip")
# fmt: off
CHAT_ACTIONS = frozenset((
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
))
# fmt: on

_METHOD_FORM = re.compile(r"[A-Za-z]+")
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,8})(?:[?#].*)?\Z")
_ASKS = (AskLocation, AskContact)
# What makes no message of its own, which could be silent or answer another one.
_UNSENT = (Edit, Delete, Typing)
#: Methods and the member that holds the file, by kind.
FILES: Mapping[type[Attachment], tuple[str, str]] = {
    Image: ("sendPhoto", "photo"),
    Video: ("sendVideo", "video"),
    Audio: ("sendAudio", "audio"),
    Voice: ("sendVoice", "voice"),
    File: ("sendDocument", "document"),
}


class Call(Struct, frozen=True):
    """One call of the Bot API; with `files` it is a form, whose other parameters are JSON texts."""

    method: str
    parameters: Mapping[str, Any]
    files: Mapping[str, Upload] = {}


def _text_size(formatted: Formatted) -> int:
    return telegram_size(formatted, MAX_TEXT)


def _caption_size(formatted: Formatted) -> int:
    return telegram_size(formatted, MAX_CAPTION)


def _is_inline(button: AnyButton) -> bool:
    return not isinstance(button, Link) or button.url.lower().startswith(("https://", "http://", "tg://"))


_NATIVE: tuple[type[Message], ...] = (
    *(Text, Image, Video, Audio, Voice, File, Location, Contact, Sticker, Album, Edit, Delete, Typing, Raw),
)

CAPABILITIES = Capabilities(
    messages={**dict.fromkeys(_NATIVE, Support.NATIVE), Card: Support.PARTS, Carousel: Support.PARTS},
    text=Bound(MAX_TEXT, _text_size, "UTF-16 units"),
    caption=Bound(MAX_CAPTION, _caption_size, "UTF-16 units"),
    buttons=frozenset({Button, Link, Login, AskLocation, AskContact}),
    with_buttons=frozenset({Text, Image, Video, Audio, Voice, File, Location, Contact, Sticker, Edit}),
    shows=_is_inline,
    max_buttons={Message: MAX_BUTTONS},
    max_row=MAX_ROW,
    max_value=MAX_VALUE,
    value_size=lambda value: len(value.encode("utf-8", "surrogatepass")),
    value_unit="bytes",
    options=frozenset({"silent", "protect", "ttl", "reply_to"}),
    notes={
        "AskLocation": "private chats only, with a keyboard in place of the person's own",
        "AskContact": "private chats only, with a keyboard in place of the person's own",
        "Dial": "the number stands in the text",
        "File": "by address GIF, PDF and ZIP only; others as a link, or uploaded",
        "ttl": "kept by botkit, for what is not sent yet",
        "receipts": "none exist",
    },
    missing=MISSING,
)
#: Buttons below a message, with no way to ask for a place or a number.
INLINE = replace(CAPABILITIES, buttons=CAPABILITIES.buttons - {AskLocation, AskContact})
#: A keyboard in place of the person's own: its keys type their label.
KEYBOARD = replace(CAPABILITIES, buttons=frozenset({Button, *_ASKS}), max_value=2**31, types_answers=True)


def capabilities_for(message: AnyMessage, *, is_private: bool) -> Capabilities:
    """Returns what can be shown of a message: its own keyboard if it asks for something, in a private chat."""
    asks = message.buttons and _is_keyboard(message.buttons)
    found = KEYBOARD if asks and is_private and not isinstance(message, Edit) else INLINE
    if type(message) is Text:
        return found
    if isinstance(message, _UNSENT):
        return replace(found, options=frozenset())
    if isinstance(message, File) and message.is_url and not _is_fetched(message.source):
        return replace(found, messages={**found.messages, File: Support.WORDS})
    return found


def _is_fetched(url: str) -> bool:
    extension = _EXTENSION.search(url.rpartition("/")[2])
    return extension is None or extension[1].lower() in DOCUMENTS


# --- bounds ---


def check_message(message: AnyMessage) -> None:
    """Returns for a message that Telegram takes. Raises MessageError that names the bound and both numbers."""
    match message:
        case Text():
            _check_length("text", to_telegram(message.formatted)[0], 1, MAX_TEXT)
        case Raw():
            _check_raw(message)
        case Attachment():
            _check_attachment(message)
        case Album():
            for item in message.items:
                _check_attachment(item)
        case Typing() if message.action not in CHAT_ACTIONS:
            raise MessageError(
                f"{message.action!r} is no chat action", fix=f"use one of {', '.join(sorted(CHAT_ACTIONS))}"
            )
    if message.buttons:
        _check_buttons(message.buttons)
    if message.reply_to or isinstance(message, (Delete, Edit)):
        _check_ids(message)
    if message.extra or message.buttons:
        check_extra(message)


def _check_attachment(message: Attachment) -> None:
    _check_length("caption", to_telegram(message.formatted)[0], 0, MAX_CAPTION)
    if message.is_upload:
        _check_upload(message)


def _check_upload(message: Attachment) -> None:
    most = MAX_PHOTO if isinstance(message, Image) else MAX_UPLOAD
    if (size := upload_size(message)) > most:
        raise MessageError(
            f"the upload of {size} bytes is too large; Telegram takes {most} as {FILES[type(message)][1]}"
        )


def _check_ids(message: AnyMessage) -> None:
    named = message.message_ids if isinstance(message, Delete) else ()
    if isinstance(message, Edit):
        named = (message.message_id,)
    if message.reply_to:
        named += (message.reply_to,)
    if not all(name.isascii() and name.isdigit() and len(name) < 20 for name in named):
        raise MessageError("Telegram's message ids are numbers", fix="use event.message_id, or the id of a receipt")


def _check_raw(message: Raw) -> None:
    if message.channel != "telegram":
        raise MessageError(f"a Raw for {message.channel} was sent on telegram", fix='build it with channel="telegram"')
    # The method becomes a part of the URL.
    if not _METHOD_FORM.fullmatch(message.method):
        raise MessageError("a Raw for telegram needs the name of a method", fix='such as method="sendDice"')


def _check_length(what: str, text: str, least: int, most: int) -> None:
    length = utf16_length(text)
    if length < least:
        raise MessageError(f"the {what} has {length} UTF-16 units without its formatting; Telegram needs {least}")
    if length > most:
        raise MessageError(f"the {what} has {length} UTF-16 units without its formatting; Telegram takes {most}")


def _check_buttons(buttons: Rows) -> None:
    total, widest = sum(map(len, buttons)), max(map(len, buttons))
    if total > MAX_BUTTONS:
        raise MessageError(f"the message has {total} buttons; Telegram takes {MAX_BUTTONS}")
    if widest > MAX_ROW:
        raise MessageError(f"a row has {widest} buttons; Telegram takes {MAX_ROW}")
    is_keyboard = _is_keyboard(buttons)
    for button in (button for row in buttons for button in row):
        if not is_keyboard:
            _check_button(button)


def _check_button(button: AnyButton) -> None:
    if isinstance(button, Link) and not _is_inline(button):
        raise MessageError("a Link opens an address that is not http, https or tg; Telegram takes only those")
    if isinstance(button, Button):
        size = len(button.value.encode("utf-8", "surrogatepass"))
        if size > MAX_VALUE:
            raise MessageError(f"a Button's value has {size} bytes; Telegram takes {MAX_VALUE}")


# --- calls ---


async def render(message: AnyMessage, address: Mapping[str, Any]) -> Call:
    """Returns the call that sends the message to the chat; reads files of ours. Raises MessageError for a lost one."""
    if type(message) is Text:
        # By far the most; and there is nothing of an address that it does not take.
        return Call("sendMessage", _completed({**address, **_words("text", message.formatted)}, message))
    match message:
        case Edit():
            call = Call("editMessageText", {"message_id": int(message.message_id), **_words("text", message.formatted)})
        case Raw():
            return _raw(message, address)
        case Delete():
            call = _deletion(message, address)
        case Attachment():
            call = await _attachment(message)
        case Album():
            call = await _album(message)
        case _:
            call = _plain_call(message)
    parameters = _completed({**address_for(call.method, address), **call.parameters}, message)
    return Call(call.method, parameters, call.files)


def _deletion(message: Delete, address: Mapping[str, Any]) -> Call:
    method = "deleteBusinessMessages" if "business_connection_id" in address else "deleteMessages"
    return Call(method, {"message_ids": [int(message_id) for message_id in message.message_ids]})


def _plain_call(message: AnyMessage) -> Call:
    match message:
        case Location():
            place = {"latitude": message.latitude, "longitude": message.longitude}
            named = {"title": message.name, "address": message.address}
            return Call("sendVenue", place | named) if message.name else Call("sendLocation", place)
        case Contact():
            who = {"phone_number": message.phone, "first_name": message.name}
            return Call("sendContact", who | _filled(last_name=message.last_name))
        case Sticker():
            return Call("sendSticker", {"sticker": message.id})
        case Typing():
            return Call("sendChatAction", {"action": message.action})
    raise TypeError(f"telegram has no {type(message).__name__}")


def _raw(message: Raw, address: Mapping[str, Any]) -> Call:
    # What names no chat of its own is about the conversation.
    is_complete = "chat_id" in message.payload or "inline_message_id" in message.payload
    known = {} if is_complete else address_for(message.method, address)
    return Call(message.method, {**known, **message.payload})


def _completed(parameters: dict[str, Any], message: AnyMessage) -> dict[str, Any]:
    """Adds what any message may say: how it is to arrive, its buttons, and what is given for Telegram alone."""
    if not isinstance(message, _UNSENT):
        if message.silent:
            parameters["disable_notification"] = True
        if message.protect:
            parameters["protect_content"] = True
        if message.reply_to:
            parameters["reply_parameters"] = {"message_id": int(message.reply_to), "allow_sending_without_reply": True}
    if message.buttons:
        parameters["reply_markup"] = _markup(message.buttons)
    if message.extra:
        parameters.update(own_words(message))
    return parameters


def _is_keyboard(buttons: Rows) -> bool:
    return any(isinstance(button, _ASKS) for row in buttons for button in row)


def _markup(buttons: Rows) -> dict[str, Any]:
    if _is_keyboard(buttons):
        keys = [[_typed_key(button) for button in row] for row in buttons]
        return {"keyboard": keys, "resize_keyboard": True, "one_time_keyboard": True}
    return {"inline_keyboard": [[_inline_key(button) for button in row] for row in buttons]}


def _typed_key(button: AnyButton) -> dict[str, Any]:
    asked = {AskLocation: {"request_location": True}, AskContact: {"request_contact": True}}
    return {"text": button.text, **asked.get(type(button), {}), **button.extra.get("telegram", {})}


def _inline_key(button: AnyButton) -> dict[str, Any]:
    extra = own_words(button)
    if not ACTIONS.isdisjoint(extra):
        return {"text": button.text, **extra}
    match button:
        case Button():
            return {"text": button.text, "callback_data": button.value, **extra}
        case Login():
            return {"text": button.text, "login_url": {"url": button.url}, **extra}
        case Link():
            return {"text": button.text, "url": button.url, **extra}
    raise TypeError(f"telegram has no {type(button).__name__} below a message")


def _words(name: str, formatted: Formatted) -> dict[str, Any]:
    text, entities = to_telegram(formatted)
    if not entities:
        return {name: text}
    return {name: text, "entities" if name == "text" else f"{name}_entities": entities}


def _captioned(message: Attachment) -> dict[str, Any]:
    return _filled(**_words("caption", message.formatted))


def _details(message: Attachment) -> dict[str, Any]:
    duration = round(getattr(message, "duration", 0))
    named = {"title": message.title, "performer": message.performer} if isinstance(message, Audio) else {}
    return _filled(duration=duration, **named)


async def _attachment(message: Attachment) -> Call:
    method, name = FILES[type(message)]
    parameters = _captioned(message) | _details(message)
    if message.is_upload:
        return Call(method, parameters, {name: await _load(message)})
    return Call(method, {name: message.source, **parameters})


async def _load(message: Attachment) -> Upload:
    # The file may have grown since it was decided on.
    _check_upload(message)
    return await load_upload(message)


async def _album(album: Album) -> Call:
    media, files = [], {}
    for number, item in enumerate(album.items):
        source = item.source or f"attach://file{number}"
        if item.is_upload:
            files[f"file{number}"] = await _load(item)
        media.append({"type": FILES[type(item)][1], "media": source, **_captioned(item), **_details(item)})
    return Call("sendMediaGroup", {"media": media}, files)


def as_form(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Returns parameters as the texts of a form: what is no text becomes JSON."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in parameters.items()
    }


def without_words(call: Call) -> Call:
    """Returns the call that edits the caption where there is no text to edit."""
    parameters = dict(call.parameters)
    caption = {"caption": parameters.pop("text"), "caption_entities": parameters.pop("entities", [])}
    return Call("editMessageCaption", parameters | caption)


def _filled(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value}
