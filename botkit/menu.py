"""Choices that a typed answer can pick: a numbered menu, or the labels of buttons that are not there to be pressed."""

import re

from botkit.buttons import AGENT
from botkit.conversation import digest
from botkit.events import AgentRequested, ButtonPressed, Choice, Event, MessageReceived

#: What the token of a long value starts with; a button's own value must not.
TOKEN = "~v"  # noqa: S105 - a mark, not a secret

_NUMBER = re.compile(r"\s*([1-9]\d{0,2})\s*[.):]?\s*")


Menu = tuple[Choice, ...]


def token_of(value: str) -> str:
    """Returns the 24-character token that stands for a long value."""
    return f"{TOKEN}{digest(value)}"


def answer(event: Event, menu: Menu) -> Event:
    """Returns the press that a typed number or label stands for, else the event itself.

    A number is the place in the menu, from 1; labels are compared without case and the space around them.
    """
    if not isinstance(event, MessageReceived) or event.edited or not _is_only_text(event):
        return event
    choice = _picked(event.text, menu)
    return _pressed(event, choice) if choice else event


def _is_only_text(event: MessageReceived) -> bool:
    return bool(event.text) and event.media is None and event.location is None and event.contact is None


def _picked(text: str, menu: Menu) -> Choice | None:
    typed = text.strip().casefold()
    # A label may be a number itself: it is asked first.
    for choice in menu:
        if choice.label.strip().casefold() == typed:
            return choice
    number = _NUMBER.fullmatch(text)
    return menu[int(number[1]) - 1] if number and int(number[1]) <= len(menu) else None


def _pressed(event: MessageReceived, choice: Choice) -> Event:
    return ButtonPressed(
        id=event.id,
        at=event.at,
        conversation=event.conversation,
        user=event.user,
        raw_json=event.raw_json,
        value=choice.value,
        label=choice.label,
        message_id=event.reply_to,
    )


def asks_for_agent(event: Event) -> Event:
    """Returns `AgentRequested` for a press of the button that stands in for the service's own, else the event."""
    if not isinstance(event, ButtonPressed) or event.value != AGENT:
        return event
    return AgentRequested(
        id=event.id, at=event.at, conversation=event.conversation, user=event.user, raw_json=event.raw_json
    )
