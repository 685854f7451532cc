"""What people wait for an answer to in the simulated Telegram, and the methods that answer.

https://core.telegram.org/bots/api#answercallbackquery
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from msgspec.structs import replace

from botkit.simulators.telegram_calls import Called, add_message
from botkit.simulators.telegram_files import read_media
from botkit.simulators.telegram_markup import read_markup
from botkit.simulators.telegram_parameters import ApiError, Parameters
from botkit.simulators.telegram_sending import read_location
from botkit.simulators.telegram_state import BotState, InlineMessage, Query

#: A query of each kind must be answered within so many seconds.
QUERY_SECONDS: Mapping[str, int] = {
    "callback_query": 150,
    "inline_query": 30,
    "shipping_query": 150,
    "pre_checkout_query": 10,
    "web_app_query": 150,
    "guest_query": 150,
}
MAX_RESULTS = 50
MAX_NOTICE = 200

_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
# Where an inline result of a type has its file: the parameter's start, and the kind of the Message.
_FILES = {
    "photo": ("photo", "photo"),
    "gif": ("gif", "animation"),
    "mpeg4_gif": ("mpeg4", "animation"),
    "video": ("video", "video"),
    "audio": ("audio", "audio"),
    "voice": ("voice", "voice"),
    "document": ("document", "document"),
    "sticker": ("sticker", "sticker"),
}
_TYPES = frozenset({*_FILES, "article", "location", "venue", "contact", "game"})


def ask(bot: BotState, now: float, kind: str, chat_id: int, details: Mapping[str, Any] | None = None) -> str:
    """Remembers that somebody waits for an answer, and returns the id of the query."""
    bot.last_query_id = max(bot.last_query_id + 1, int(now * 1_000_000))
    # A day later nobody asks any more.
    bot.queries = {name: query for name, query in bot.queries.items() if query.expires_at > now - 86400}
    name = str(bot.last_query_id)
    bot.queries[name] = Query(chat_id, now + QUERY_SECONDS[kind], kind=kind, details=dict(details or {}))
    return name


def _asked(call: Called, kind: str) -> Query:
    """Returns the query that the call answers. Raises ApiError when nobody waits for that any more."""
    name = "callback_query_id" if kind == "callback_query" else f"{kind}_id"
    query = call.bot.queries.get(call.parameters.get(name))
    if not query or query.kind != kind or query.expires_at <= call.now:
        raise ApiError(400, _TOO_OLD)
    return query


def _notify(call: Called, query: Query, text: str) -> None:
    # Shown over the chat for a moment; it is no message and has no id.
    chat = call.bot.chats.get(query.chat_id)
    if chat and text:
        chat.messages.append({"message_id": 0, "notification": text})


def _answer_callback_query(call: Called) -> bool:
    query = _asked(call, "callback_query")
    text = call.parameters.get("text")
    if len(text) > MAX_NOTICE:
        raise ApiError(400, "MESSAGE_TOO_LONG")
    url = call.parameters.get("url")
    if url and not url.startswith(("https://", "http://", "tg://")):
        raise ApiError(400, "URL_INVALID")
    query.is_answered = True
    _notify(call, query, text)
    return True


def _answer_inline_query(call: Called) -> bool:
    query = _asked(call, "inline_query")
    results = call.parameters.objects("results", "can't parse results JSON object")
    if len(results) > MAX_RESULTS:
        raise ApiError(400, "too many inline query results specified")
    if len(call.parameters.get("next_offset").encode()) > 64:
        raise ApiError(400, "NEXT_OFFSET_INVALID")
    for result in results:
        read_result(call, result)
    if len({str(result["id"]) for result in results}) < len(results):
        raise ApiError(400, "RESULT_ID_DUPLICATE")
    query.is_answered = True
    query.details["results"] = results
    return True


def read_result(call: Called, result: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the content of the Message that an InlineQueryResult becomes. Raises ApiError."""
    kind = str(result.get("type"))
    if kind not in _TYPES:
        raise ApiError(400, "can't parse inline query result: type is unknown")
    if not 1 <= len(str(result.get("id", "")).encode()) <= 64:
        raise ApiError(400, "RESULT_ID_INVALID")
    given = Parameters(result)
    markup = read_markup(given, is_inline_only=True).echo
    content = given.mapping("input_message_content", "object expected as input message content")
    if content:
        return _read_content(replace(call, parameters=Parameters(content))) | markup
    read = replace(call, parameters=given)
    if kind not in _FILES:
        return _read_content(read) | markup
    start, member = _FILES[kind]
    name = given.get(f"{start}_url") or given.get(f"{kind}_file_id")
    if not name:
        raise ApiError(400, f"can't parse inline query result: there is no {kind}")
    return read_media(read, member, name) | call.texts.caption(given) | markup


def _read_content(call: Called) -> dict[str, Any]:
    parameters = call.parameters
    if "message_text" in parameters:
        return call.texts.text(parameters.but({"text": parameters.get("message_text")}))
    if "latitude" in parameters:
        return read_location(call)
    if "phone_number" in parameters:
        names = ("phone_number", "first_name")
        return {"contact": {name: parameters.required(name) for name in names} | parameters.filled("last_name")}
    raise ApiError(400, "message content of the inline query result is not specified")


def add_inline_message(bot: BotState, chat_id: int, message_id: int) -> str:
    """Remembers that a message was sent by way of the bot, and returns its inline message id."""
    name = "AgAA" + blake2b(f"{chat_id}|{message_id}".encode(), digest_size=8).hexdigest()
    bot.inline_messages[name] = InlineMessage(chat_id, message_id)
    return name


def _answer_web_app_query(call: Called) -> dict[str, Any]:
    query = _asked(call, "web_app_query")
    return {"inline_message_id": _answer_with_message(call, query)}


def _answer_guest_query(call: Called) -> dict[str, Any]:
    query = _asked(call, "guest_query")
    return {"inline_message_id": _answer_with_message(call, query)}


def _answer_with_message(call: Called, query: Query) -> str:
    """Sends the one result of the call into the chat that asks, and returns its inline message id."""
    result = call.parameters.mapping("result", "object expected as inline query result")
    content = read_result(call, result)
    query.is_answered = True
    chat, person = call.bot.chats[query.chat_id], call.people[query.details["person_id"]]
    head = {"from": person, "chat": chat.info, "date": int(call.now), "via_bot": call.me}
    return add_inline_message(call.bot, chat.id, add_message(chat, head | content)["message_id"])


def _answer_shipping_query(call: Called) -> bool:
    query = _asked(call, "shipping_query")
    if not call.parameters.is_true("ok"):
        _refuse(call, query)
        return True
    options = call.parameters.objects("shipping_options", "can't parse shipping options JSON object")
    if not options or not all(option.get("id") and option.get("title") for option in options):
        raise ApiError(400, "can't parse shipping options JSON object")
    query.is_answered = True
    # The first way of shipping is chosen.
    amounts = [price.get("amount", 0) for price in options[0].get("prices", ())]
    details = query.details | {"total_amount": query.details["total_amount"] + sum(amounts)}
    details |= {"shipping_option_id": str(options[0]["id"])}
    call.queue("pre_checkout_query", check_out(call.bot, call.now, query.chat_id, details))
    return True


def _refuse(call: Called, query: Query) -> None:
    text = call.parameters.required("error_message")
    query.is_answered = True
    _notify(call, query, text)


def check_out(bot: BotState, now: float, chat_id: int, details: Mapping[str, Any]) -> dict[str, Any]:
    """Remembers a sale that the bot must agree to, and returns the PreCheckoutQuery that asks it."""
    name = ask(bot, now, "pre_checkout_query", chat_id, details)
    members = ("from", "currency", "total_amount", "invoice_payload", "shipping_option_id", "order_info")
    return {"id": name} | {member: details[member] for member in members if member in details}


def _answer_pre_checkout_query(call: Called) -> bool:
    query = _asked(call, "pre_checkout_query")
    if not call.parameters.is_true("ok"):
        _refuse(call, query)
        return True
    is_first, query.is_answered = not query.is_answered, True
    chat = call.bot.chats.get(query.chat_id)
    if chat and is_first:
        names = ("currency", "total_amount", "invoice_payload", "shipping_option_id", "order_info")
        paid = {name: query.details[name] for name in names if name in query.details}
        number = call.parameters.get("pre_checkout_query_id")
        charges = {"telegram_payment_charge_id": f"tg-{number}", "provider_payment_charge_id": f"pp-{number}"}
        head = {"from": query.details["from"], "chat": chat.info, "date": int(call.now)}
        call.queue("message", add_message(chat, head | {"successful_payment": paid | charges}))
    return True


#: The methods that answer a query, by their names in lower case.
ANSWERS: Mapping[str, Callable[[Called], Any]] = {
    "answercallbackquery": _answer_callback_query,
    "answerinlinequery": _answer_inline_query,
    "answershippingquery": _answer_shipping_query,
    "answerprecheckoutquery": _answer_pre_checkout_query,
    "answerwebappquery": _answer_web_app_query,
    "answerguestquery": _answer_guest_query,
}
