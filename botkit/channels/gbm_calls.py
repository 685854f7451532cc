"""What only Business Messages has, as messages: `ctx.reply(gbm.survey())`."""

from collections.abc import Mapping
from typing import Any

from botkit.exceptions import MessageError
from botkit.messages import Raw

#: The `extra` of a message whose fallback is shown in place of it; for agents that are not launched yet.
FORCE_FALLBACK: Mapping[str, dict[str, Any]] = {"gbm": {"forceFallback": True}}


def survey() -> Raw:
    """Asks the questions that are set up for the agent; Google takes one survey per conversation in 24 hours."""
    return Raw(channel="gbm", method="surveys", payload={})


def read(message_id: str) -> Raw:
    """Tells the person that a message of theirs, named by `event.message_id`, was read."""
    if not message_id or any(char.isspace() for char in message_id):
        raise MessageError("a message that was read has an id without spaces", fix="use event.message_id")
    return Raw(channel="gbm", method=f"receipt:{message_id}", payload={}, transient=True)


def typing_stopped() -> Raw:
    """Takes the sign of typing away before a message does."""
    representative = {"representativeType": "BOT"}
    payload = {"eventType": "TYPING_STOPPED", "representative": representative}
    return Raw(channel="gbm", method="events", payload=payload, transient=True)
