"""What only Business Messages has, as messages: `ctx.reply(gbm.survey())`."""

from botkit.messages import Raw


def survey() -> Raw:
    """Asks the questions that are set up for the agent; Google takes one survey per conversation in 24 hours."""
    return Raw(channel="gbm", method="surveys", payload={})


def read(message_id: str) -> Raw:
    """Tells the person that a message of theirs, named by `event.message_id`, was read."""
    return Raw(channel="gbm", method=f"receipt:{message_id}", payload={}, transient=True)


def typing_stopped() -> Raw:
    """Takes the sign of typing away before a message does."""
    representative = {"representativeType": "BOT"}
    payload = {"eventType": "TYPING_STOPPED", "representative": representative}
    return Raw(channel="gbm", method="events", payload=payload, transient=True)
