"""What is given for Telegram alone is checked against its bounds, and a button does one thing."""

from typing import Any

import pytest

from botkit.buttons import Button, rows
from botkit.channels.telegram_extra import ACTIONS, check_extra
from botkit.channels.telegram_messages import check_message, render
from botkit.exceptions import MessageError
from botkit.messages import Contact, Text


def quoting(size: int) -> Text:
    return Text(text="x", extra={"telegram": {"reply_parameters": {"message_id": 1, "quote": "š" * size}}})


def with_card(size: int) -> Contact:
    return Contact(phone="+38640111222", name="Ana", extra={"telegram": {"vcard": "š" * (size // 2)}})


def copying(size: int) -> Text:
    extra: dict[str, dict[str, Any]] = {"telegram": {"copy_text": {"text": "x" * size}}}
    return Text(text="x", buttons=rows([Button("Copy", "copy", extra=extra)]))


@pytest.mark.parametrize("message", [quoting(0), quoting(1024), with_card(2048), copying(1), copying(256)])
def test_what_is_at_a_bound_is_taken(message: Text | Contact) -> None:
    check_message(message)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (quoting(1025), "quote has 1025 .* 0 to 1024"),
        (with_card(2050), "vcard has 2050 bytes.* 0 to 2048"),
        (copying(0), "text to copy has 0 .* 1 to 256"),
        (copying(257), "text to copy has 257 .* 1 to 256"),
    ],
)
def test_what_is_beyond_a_bound_is_refused_with_both_numbers(message: Text | Contact, names: str) -> None:
    with pytest.raises(MessageError, match=names):
        check_message(message)


@pytest.mark.parametrize("words", [{}, {"vcard": 7}, {"reply_parameters": None}, {"reply_parameters": {"quote": 1}}])
def test_what_is_no_text_is_left_to_telegram(words: dict[str, Any]) -> None:
    check_extra(Text(text="x", extra={"telegram": words}))


async def test_a_button_that_does_something_else_sends_no_value() -> None:
    call = await render(copying(3), {"chat_id": 1})
    assert call.parameters["reply_markup"] == {"inline_keyboard": [[{"text": "Copy", "copy_text": {"text": "xxx"}}]]}


async def test_a_button_that_only_looks_different_keeps_its_value() -> None:
    button = Button("Yes", "y", extra={"telegram": {"style": "success"}})
    call = await render(Text(text="x", buttons=rows([button])), {"chat_id": 1})
    ((key,),) = call.parameters["reply_markup"]["inline_keyboard"]
    assert key == {"text": "Yes", "callback_data": "y", "style": "success"}
    assert len(ACTIONS & key.keys()) == 1
