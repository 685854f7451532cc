"""The methods of the simulated Bot API that send a message, as a table of what each of them reads.

https://core.telegram.org/bots/api#available-methods
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import isfinite
from typing import Any

from msgspec.structs import replace

from botkit.simulators.telegram_calls import Called, add_message, origin, shallow
from botkit.simulators.telegram_files import read_media
from botkit.simulators.telegram_parameters import ApiError, Parameters

TYPING_SECONDS = 5
MAX_VCARD_BYTES = 2048
MIN_ALBUM, MAX_ALBUM = 2, 10
#: A live location lasts at least and at most so many seconds, or for ever.
LIVE_SECONDS, LIVE_FOREVER = (60, 86_400), 0x7FFFFFFF

# fmt: off
_ACTIONS = (
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note", "record_audio", "upload_audio",
    "cancel",
)
# fmt: on
#: The dice and how many faces each has.
_DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
# Kinds that go together in an album.
_ALBUMS = ({"photo", "video", "live_photo"}, {"document"}, {"audio"})
_VENUE = ("foursquare_id", "foursquare_type", "google_place_id", "google_place_type")


def read_text(call: Called) -> dict[str, Any]:
    """Returns the content of a text message. Raises ApiError."""
    preview = call.parameters.mapping("link_preview_options", "object expected as link preview options")
    if not preview and call.parameters.is_true("disable_web_page_preview"):
        preview = {"is_disabled": True}
    return call.texts.text(call.parameters) | ({"link_preview_options": preview} if preview else {})


def _file_reader(kind: str) -> Callable[[Called], dict[str, Any]]:
    # These two have no caption.
    if kind in ("sticker", "video_note"):
        return lambda call: read_media(call, kind)
    return lambda call: read_media(call, kind) | call.texts.caption(call.parameters)


def read_location(call: Called) -> dict[str, Any]:
    """Returns the content of a place, live or not. Raises ApiError."""
    parameters = call.parameters
    latitude, longitude = parameters.number("latitude"), parameters.number("longitude")
    if not (isfinite(latitude) and isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ApiError(400, "invalid location specified")
    live = parameters.integer("live_period")
    if live and live != LIVE_FOREVER and not LIVE_SECONDS[0] <= live <= LIVE_SECONDS[1]:
        raise ApiError(400, "invalid live location period specified")
    if (
        not 0 <= parameters.integer("heading") <= 360
        or not 0 <= parameters.integer("proximity_alert_radius") <= 100_000
    ):
        raise ApiError(400, "invalid live location specified")
    details: dict[str, Any] = parameters.numbers("live_period", "heading", "proximity_alert_radius")
    if "horizontal_accuracy" in parameters:
        details["horizontal_accuracy"] = min(max(parameters.number("horizontal_accuracy"), 0), 1500)
    return {"location": {"latitude": latitude, "longitude": longitude} | details}


def _read_venue(call: Called) -> dict[str, Any]:
    place = read_location(call)["location"]
    names = {name: call.parameters.required(name) for name in ("title", "address")}
    # A venue also shows as a plain place.
    return {"venue": {"location": place} | names | call.parameters.filled(*_VENUE), "location": place}


def _read_contact(call: Called) -> dict[str, Any]:
    contact = {name: call.parameters.required(name) for name in ("phone_number", "first_name")}
    if len(call.parameters.get("vcard").encode()) > MAX_VCARD_BYTES:
        raise ApiError(400, "vCard is too long")
    return {"contact": contact | call.parameters.filled("last_name", "vcard")}


def _read_dice(call: Called) -> dict[str, Any]:
    emoji = call.parameters.get("emoji", "🎲").strip().rstrip("\ufe0f")
    if emoji not in _DICE:
        raise ApiError(400, "EMOTICON_INVALID")
    # The same die falls the same way again: a simulation is to be repeated.
    thrown = blake2b(f"{emoji}{call.parameters.get('chat_id')}{call.now}".encode(), digest_size=4).digest()
    return {"dice": {"emoji": emoji, "value": int.from_bytes(thrown) % _DICE[emoji] + 1}}


def _read_poll(call: Called) -> dict[str, Any]:
    parameters = call.parameters
    question = parameters.required("question")
    if call.texts.length(question) > 300:
        raise ApiError(400, "poll question length must not exceed 300")
    options = parameters.nested("options", "can't parse options JSON object")
    texts = [_option(option) for option in options] if isinstance(options, list) else []
    _check_options(call, texts)
    kind = parameters.get("type", "regular") or "regular"
    if kind not in ("regular", "quiz"):
        raise ApiError(400, "unsupported poll type specified")
    poll: dict[str, Any] = {
        "id": str(int(call.now * 1000) + call.bot.next_update_id),
        "question": question,
        "options": [{"persistent_id": f"o{at}", "text": text, "voter_count": 0} for at, text in enumerate(texts)],
        "total_voter_count": 0,
        "is_closed": parameters.is_true("is_closed"),
        "is_anonymous": parameters.get("is_anonymous", "true").lower() in ("true", "yes", "1"),
        "type": kind,
        "allows_multiple_answers": parameters.is_true("allows_multiple_answers"),
        "allows_revoting": parameters.get("allows_revoting", "true").lower() in ("true", "yes", "1"),
        "members_only": False,
    }
    return {"poll": poll | (_quiz(parameters, len(texts)) if kind == "quiz" else {})}


def _option(option: Any) -> str:
    return str(option.get("text", "")) if isinstance(option, dict) else str(option)


def _check_options(call: Called, texts: list[str]) -> None:
    if len(texts) < 2:
        raise ApiError(400, "poll must have at least 2 option")
    if len(texts) > 12:
        raise ApiError(400, "poll can't have more than 12 options")
    if not all(1 <= call.texts.length(text) <= 100 for text in texts):
        raise ApiError(400, "poll options length must not exceed 100")


def _quiz(parameters: Parameters, count: int) -> dict[str, Any]:
    correct = parameters.nested("correct_option_ids", "can't parse correct option identifiers") or []
    if "correct_option_id" in parameters:
        correct = [parameters.integer("correct_option_id", -1)]
    if not isinstance(correct, list) or not correct or not all(at in range(count) for at in correct):
        raise ApiError(400, "wrong correct option ID specified")
    return {"correct_option_id": correct[0]} | parameters.filled("explanation")


def _send_invoice(call: Called) -> dict[str, Any]:
    invoice, sold = _read_invoice(call.parameters)
    markup = call.parameters.mapping("reply_markup", "object expected as reply markup")
    first: Mapping[str, Any] = next((button for row in markup.get("inline_keyboard", ()) for button in row), {})
    if markup and "pay" not in first:
        raise ApiError(400, "REPLY_MARKUP_BUY_EMPTY")
    label = f"Pay {invoice['total_amount']} {invoice['currency']}"
    keyboard = markup or {"inline_keyboard": [[{"text": label, "pay": True}]]}
    message = replace(call, parameters=call.parameters.but({"reply_markup": keyboard})).post({"invoice": invoice})
    chat = call.find_chat()
    chat.sold[message["message_id"]] = sold
    return message


def _read_invoice(parameters: Parameters) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns what everybody sees of an invoice, and what only the service and the bot know of it."""
    names = ("title", "description", "payload", "currency")
    title, description, payload, currency = (parameters.required(name) for name in names)
    prices = parameters.objects("prices", "can't parse prices JSON object")
    if not prices or not all(type(price.get("amount")) is int and price.get("label") for price in prices):
        raise ApiError(400, "can't parse prices JSON object")
    if currency != "XTR" and not parameters.get("provider_token"):
        raise ApiError(400, "PAYMENT_PROVIDER_INVALID")
    for text, most, refusal in ((title, 32, "TITLE"), (description, 255, "DESCRIPTION"), (payload, 128, "PAYLOAD")):
        if len(text.encode() if refusal == "PAYLOAD" else text) > most:
            raise ApiError(400, f"INVOICE_{refusal}_INVALID")
    shown = {"title": title, "description": description, "currency": currency}
    shown |= {"total_amount": sum(price["amount"] for price in prices)}
    sold = {"payload": payload, "is_flexible": parameters.is_true("is_flexible")}
    return shown | {"start_parameter": parameters.get("start_parameter")}, sold


def _send_media_group(call: Called) -> list[dict[str, Any]]:
    if call.parameters.get("reply_markup"):
        raise ApiError(400, "album can't have a reply markup")
    media = call.parameters.objects("media", "can't parse media JSON object")
    if not media:
        raise ApiError(400, "there are no messages to send")
    if len(media) > MAX_ALBUM:
        raise ApiError(400, "too many messages to send as an album")
    if len(media) < MIN_ALBUM:
        raise ApiError(400, "album must have at least 2 items")
    kinds = {str(item.get("type")) for item in media}
    if not any(kinds <= together for together in _ALBUMS):
        raise ApiError(400, "can't use the media of the specified type in the album")
    contents = [read_input_media(call, item) for item in media]
    group = str(int(call.now * 1000)) + str(call.find_chat().next_message_id)
    first = call.post(contents[0] | {"media_group_id": group})
    chat = call.find_chat()
    head = {name: value for name, value in first.items() if name not in (*contents[0], "message_id")}
    return [first, *(add_message(chat, head | content | {"media_group_id": group}) for content in contents[1:])]


def read_input_media(call: Called, item: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the content that an InputMedia stands for. Raises ApiError."""
    kind = str(item.get("type"))
    if kind not in ("photo", "video", "audio", "document", "animation"):
        raise ApiError(400, "can't parse InputMedia: type is unknown")
    if not item.get("media"):
        raise ApiError(400, "media not found")
    given = replace(call, parameters=Parameters(item, call.parameters.uploads))
    return read_media(given, kind, str(item["media"])) | given.texts.caption(given.parameters)


def _send_chat_action(call: Called) -> bool:
    if call.parameters.get("action").strip().lower() not in _ACTIONS:
        raise ApiError(400, "wrong parameter action in request")
    call.find_chat().typing_until = call.now + TYPING_SECONDS
    return True


def _original(call: Called, what: str) -> dict[str, Any]:
    source = call.find_chat("from_chat_id")
    message = source.find(call.parameters.integer("message_id"))
    if not message:
        raise ApiError(400, f"message to {what} not found")
    if message.get("has_protected_content"):
        raise ApiError(400, f"message can't be {'copied' if what == 'copy' else 'forwarded'}")
    return message


# What belongs to one message in one chat, and does not go along.
_OWN = frozenset((
    "message_id", "from", "sender_chat", "chat", "date", "edit_date", "reply_markup", "reply_to_message", "quote",
    "message_thread_id", "is_topic_message", "has_protected_content", "media_group_id", "business_connection_id",
    "sender_business_bot", "external_reply", "forward_origin", "effect_id", "via_bot",
))  # fmt: skip


def _copy_message(call: Called) -> dict[str, Any]:
    message = _original(call, "copy")
    content = {name: value for name, value in message.items() if name not in _OWN}
    if "caption" in call.parameters:
        content = {name: value for name, value in content.items() if not name.startswith("caption")}
        content |= call.texts.caption(call.parameters)
    return {"message_id": call.post(content)["message_id"]}


def _forward_message(call: Called) -> dict[str, Any]:
    message = _original(call, "forward")
    content = {name: value for name, value in shallow(message).items() if name not in _OWN}
    return call.post(content | {"forward_origin": message.get("forward_origin") or origin(message)})


_READERS: Mapping[str, Callable[[Called], dict[str, Any]]] = {
    "sendmessage": read_text,
    "sendlocation": read_location,
    "sendvenue": _read_venue,
    "sendcontact": _read_contact,
    "senddice": _read_dice,
    "sendpoll": _read_poll,
} | {
    f"send{kind.replace('_', '')}": _file_reader(kind)
    for kind in ("photo", "document", "video", "audio", "voice", "animation", "video_note", "sticker")
}


def _sender_of(read: Callable[[Called], dict[str, Any]]) -> Callable[[Called], dict[str, Any]]:
    return lambda call: call.post(read(call))


#: The methods that send, by their names in lower case.
SENDING: Mapping[str, Callable[[Called], Any]] = {
    **{name: _sender_of(read) for name, read in _READERS.items()},
    "sendinvoice": _send_invoice,
    "sendmediagroup": _send_media_group,
    "sendchataction": _send_chat_action,
    "copymessage": _copy_message,
    "forwardmessage": _forward_message,
}
