"""What only Telegram has, as messages: `ctx.reply(telegram.pin(event.message_id))`.

Each returns a `Raw` for the conversation it is said in. https://core.telegram.org/bots/api#available-methods
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from botkit.exceptions import MessageError
from botkit.formatting import parse, utf16_length
from botkit.messages import Location, Raw
from botkit.rendering import to_telegram

__all__ = [
    "FOR_EVER",
    "NO_KEYBOARD",
    "animation",
    "answer_button",
    "answer_guest",
    "answer_inline",
    "answer_pre_checkout",
    "answer_shipping",
    "approve_join",
    "article",
    "copy",
    "decline_join",
    "dice",
    "edit_keyboard",
    "force_reply",
    "forward",
    "invoice",
    "live_location",
    "no_preview",
    "pin",
    "poll",
    "react",
    "set_commands",
    "unpin",
    "video_note",
]

_ID_FORM = re.compile(r"-?\d{1,19}", re.ASCII)
_NAME_FORM = re.compile(r"@[A-Za-z]\w{3,63}", re.ASCII)
_COMMAND_FORM = re.compile(r"[a-z0-9_]{1,32}")

MAX_CALLBACK_TEXT = 200
MAX_INLINE_RESULTS = 50
MAX_NEXT_OFFSET = 64
MAX_INLINE_RESULT_ID = 64
MIN_OPTIONS, MAX_OPTIONS = 2, 12
MAX_QUESTION = 300
MAX_OPTION = 100

MAX_COMMANDS = 100
#: A live period without an end.
FOR_EVER = 2_147_483_647

_LIVE = {"horizontal_accuracy": (0, 1500), "heading": (1, 360), "proximity_alert_radius": (1, 100_000)}

#: The `extra` of a message that takes the bot's own keyboard away.
NO_KEYBOARD: Mapping[str, dict[str, Any]] = {"telegram": {"reply_markup": {"remove_keyboard": True}}}


def force_reply(placeholder: str = "") -> Mapping[str, dict[str, Any]]:
    """Returns the `extra` of a message that opens the person's reply to it, with 1 to 64 characters in the field."""
    _bound("placeholder", utf16_length(placeholder), 0, 64)
    hint = {"input_field_placeholder": placeholder} if placeholder else {}
    return {"telegram": {"reply_markup": {"force_reply": True, **hint}}}


def no_preview() -> Mapping[str, dict[str, Any]]:
    """Returns the `extra` of a text whose links show no preview."""
    return {"telegram": {"link_preview_options": {"is_disabled": True}}}


# --- about messages ---


def pin(message_id: str, *, silent: bool = False) -> Raw:
    """Pins a message of the conversation."""
    return _call("pinChatMessage", message_id=_number(message_id), disable_notification=silent)


def unpin(message_id: str = "") -> Raw:
    """Unpins a message, or the newest pinned one."""
    return _call("unpinChatMessage", **({"message_id": _number(message_id)} if message_id else {}))


def react(message_id: str, emoji: str = "") -> Raw:
    """Sets the bot's reaction to a message; without an emoji takes it away."""
    reaction = [{"type": "emoji", "emoji": emoji}] if emoji else []
    return _call("setMessageReaction", message_id=_number(message_id), reaction=reaction)


def forward(from_chat: str, message_id: str) -> Raw:
    """Forwards a message of another chat, named by its id or `@name`, into the conversation."""
    return _call("forwardMessage", from_chat_id=_chat(from_chat), message_id=_number(message_id))


def copy(from_chat: str, message_id: str) -> Raw:
    """Sends a message of another chat, named by its id or `@name`, as the bot's own."""
    return _call("copyMessage", from_chat_id=_chat(from_chat), message_id=_number(message_id))


def edit_keyboard(message_id: str, keyboard: Sequence[Sequence[Mapping[str, Any]]] = ()) -> Raw:
    """Replaces the inline keyboard of a message, given in Telegram's words; without one takes it away."""
    markup = {"reply_markup": {"inline_keyboard": keyboard}} if keyboard else {}
    return _call("editMessageReplyMarkup", message_id=_number(message_id), **markup)


# --- kinds of content that no other service has ---


def dice(emoji: str = "🎲") -> Raw:
    """Throws a die, a dart, a ball or whatever else the emoji stands for."""
    return _call("sendDice", emoji=emoji)


def animation(source: str, caption: str = "") -> Raw:
    """Sends a GIF or a film without sound, by its address or file id."""
    text, entities = to_telegram(parse(caption))
    _bound("caption", utf16_length(text), 0, 1024)
    words = {"caption": text, "caption_entities": entities} if text else {}
    return _call("sendAnimation", animation=source, **words)


def live_location(latitude: float, longitude: float, *, seconds: int, **more: Any) -> Raw:
    """Sends a place that can move for 60 to 86,400 seconds, or for ever with 2,147,483,647.

    `more` are the method's other parameters, such as `horizontal_accuracy` (0 to 1500 metres), `heading` (1 to 360
    degrees) and `proximity_alert_radius` (1 to 100,000 metres).
    """
    place = Location(latitude=latitude, longitude=longitude)
    if seconds != FOR_EVER:
        _bound("number of seconds", seconds, 60, 86_400)
    for name, (least, most) in _LIVE.items():
        _bound(name, more.get(name, least), least, most)
    return _call("sendLocation", latitude=place.latitude, longitude=place.longitude, live_period=seconds, **more)


def video_note(file_id: str) -> Raw:
    """Sends a round film by its file id; Telegram takes no address here."""
    return _call("sendVideoNote", video_note=file_id)


def poll(question: str, options: Sequence[str], *, is_anonymous: bool = False, allows_several: bool = False) -> Raw:
    """Asks a question of 1 to 300 characters with 2 to 12 answers of 1 to 100; `telegram.PollAnswered` tells votes."""
    _bound("question", utf16_length(question), 1, MAX_QUESTION)
    _bound("number of answers", len(options), MIN_OPTIONS, MAX_OPTIONS)
    for option in options:
        _bound("answer", utf16_length(option), 1, MAX_OPTION)
    answers = [{"text": option} for option in options]
    return _call(
        "sendPoll",
        question=question,
        options=answers,
        is_anonymous=is_anonymous,
        allows_multiple_answers=allows_several,
    )


def invoice(
    title: str,
    description: str,
    payload: str,
    *,
    currency: str,
    prices: Mapping[str, int],
    provider_token: str = "",
    **more: Any,
) -> Raw:
    """Sends a bill: a title of 1 to 32 characters, a description of 1 to 255, a payload of 1 to 128 bytes.

    `prices` are amounts in the smallest unit of the currency by their labels; Telegram Stars have the currency `XTR`
    and no `provider_token`. `more` are the method's other parameters.
    """
    _bound("title", utf16_length(title), 1, 32)
    _bound("description", utf16_length(description), 1, 255)
    _bound("payload", len(payload.encode()), 1, 128)
    _bound("number of prices", len(prices), 1, 100)
    labeled = [{"label": label, "amount": amount} for label, amount in prices.items()]
    return _call(
        "sendInvoice",
        title=title,
        description=description,
        payload=payload,
        currency=currency,
        prices=labeled,
        provider_token=provider_token,
        **more,
    )


# --- answers to queries ---


def answer_button(query_id: str, text: str = "", *, is_alert: bool = False, url: str = "") -> Raw:
    """Answers a pressed button with up to 200 characters above the chat, or in a window."""
    _bound("text", utf16_length(text), 0, MAX_CALLBACK_TEXT)
    said = {name: value for name, value in {"text": text, "show_alert": is_alert, "url": url}.items() if value}
    return _answer("answerCallbackQuery", callback_query_id=query_id, **said)


def answer_inline(
    query_id: str,
    results: Sequence[Mapping[str, Any]],
    *,
    cache_seconds: int = 300,
    is_personal: bool = False,
    next_offset: str = "",
) -> Raw:
    """Answers an inline query with at most 50 results; `next_offset` (64 bytes) asks for the query's next page."""
    _bound("number of results", len(results), 0, MAX_INLINE_RESULTS)
    _bound("next_offset", len(next_offset.encode()), 0, MAX_NEXT_OFFSET)
    return _answer(
        "answerInlineQuery",
        inline_query_id=query_id,
        results=list(results),
        cache_time=cache_seconds,
        is_personal=is_personal,
        next_offset=next_offset,
    )


def article(result_id: str, title: str, text: str, *, description: str = "") -> Mapping[str, Any]:
    """Returns an inline result that sends a Markdown text; its id has 1 to 64 bytes."""
    _bound("result's id", len(result_id.encode()), 1, MAX_INLINE_RESULT_ID)
    words, entities = to_telegram(parse(text))
    _bound("text", utf16_length(words), 1, 4096)
    content = {"message_text": words, "entities": entities}
    shown = {"description": description} if description else {}
    return {"type": "article", "id": result_id, "title": title, "input_message_content": content, **shown}


def answer_shipping(query_id: str, options: Sequence[Mapping[str, Any]] = (), *, error: str = "") -> Raw:
    """Answers a shipping query with its options, or tells why there are none."""
    return _call("answerShippingQuery", shipping_query_id=query_id, **_verdict(error, shipping_options=list(options)))


def answer_pre_checkout(query_id: str, *, error: str = "") -> Raw:
    """Lets a payment through, or tells why not; Telegram waits ten seconds."""
    return _call("answerPreCheckoutQuery", pre_checkout_query_id=query_id, **_verdict(error))


def answer_guest(query_id: str, result: Mapping[str, Any]) -> Raw:
    """Answers a message of a chat that the bot is no member of."""
    return _call("answerGuestQuery", guest_query_id=query_id, result=result)


def set_commands(commands: Mapping[str, str], **more: Any) -> Raw:
    """Sets what the bot's menu offers: up to 100 commands of 1 to 32 `a-z0-9_`, described in 1 to 256 characters.

    `more` are `scope` and `language_code`.
    """
    _bound("number of commands", len(commands), 0, MAX_COMMANDS)
    for name, description in commands.items():
        if not _COMMAND_FORM.fullmatch(name):
            raise MessageError("a command has a name of 1 to 32 of a-z, 0-9 and _ for Telegram", fix="leave out the /")
        _bound("description", utf16_length(description), 1, 256)
    listed = [{"command": name, "description": description} for name, description in commands.items()]
    return _call("setMyCommands", commands=listed, **more)


def approve_join(user_id: str) -> Raw:
    """Lets somebody into the chat."""
    return _call("approveChatJoinRequest", user_id=_number(user_id))


def decline_join(user_id: str) -> Raw:
    """Keeps somebody out of the chat."""
    return _call("declineChatJoinRequest", user_id=_number(user_id))


def _verdict(error: str, **given: Any) -> dict[str, Any]:
    return {"ok": False, "error_message": error} if error else {"ok": True, **given}


def _call(method: str, **payload: Any) -> Raw:
    return Raw(channel="telegram", method=method, payload=msgspec.to_builtins(payload))


def _answer(method: str, **payload: Any) -> Raw:
    # Of no use a moment later, and nobody waits for it longer.
    return Raw(channel="telegram", method=method, payload=msgspec.to_builtins(payload), transient=True)


def _chat(identity: str) -> int | str:
    return identity if _NAME_FORM.fullmatch(identity) else _number(identity)


def _number(identity: str) -> int:
    if not _ID_FORM.fullmatch(identity):
        raise MessageError("Telegram's ids of chats, people and messages are numbers", fix="use the id of an event")
    return int(identity)


def _bound(what: str, size: float, least: int, most: int) -> None:
    if not least <= size <= most:
        raise MessageError(f"the {what} measures {size}; Telegram takes {least} to {most}")
