"""Attempts that may not be made twice blindly: which are noted before they are made, and what became of one."""

import structlog

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.conversation import Conversation
from botkit.exceptions import NotSentError, ServiceError, UnknownOutcomeError
from botkit.http_client import HttpClient
from botkit.outgoing import Outgoing
from botkit.redaction import frames

#: What is known of an attempt whose process ended before it told.
CUT_SHORT = Receipt(Outcome.UNKNOWN, reason="the process that sent it ended before it knew")

log = structlog.get_logger("botkit.attempts")


def is_noted(adapter: Adapter, outgoing: Outgoing) -> bool:
    """Whether it is noted before an attempt that there is one.

    So it is where it must not be repeated, where the service can be asked what became of it, and where a message has
    several ways: it is told then whether it may have gone two of them.
    """
    can_look_up = type(adapter).look_up is not Adapter.look_up
    has_ways = outgoing.trail is not None and len(outgoing.trail.hops) > 1
    return adapter.max_repeats == 0 or can_look_up or has_ways


async def look_up(adapter: Adapter, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt | None:
    """Asks what became of an attempt; None where the service cannot tell, and UNKNOWN where it did not answer."""
    try:
        return await adapter.look_up(outgoing, to, client)
    except (NotSentError, UnknownOutcomeError, ServiceError) as error:
        return Receipt(Outcome.UNKNOWN, reason=error.what)
    except Exception as error:  # an adapter's own mistake
        log.error("the adapter failed", account=adapter.ta, error=type(error).__name__, frames=frames(error))
        return Receipt(Outcome.UNKNOWN, reason=f"{type(error).__name__} in the adapter")
