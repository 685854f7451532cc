"""Who answers a conversation: the bot, or a human while it is paused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from botkit.events import ConversationResumed, Event, TimerFired, encode, event_id
from botkit.exceptions import DefinitionError
from botkit.messages import AnyMessage, Joined, Left, Representative
from botkit.record import Flows, Pause
from botkit.timer import Timer

#: The shortest and the longest pause without a word, in seconds.
MIN_PAUSE, MAX_PAUSE = 60, 30 * 86_400

#: The name of the timer that ends a pause, and of the one that tells that it ended.
PAUSE_TIMER = "pause:"


class HandoffPolicy(Struct, frozen=True, kw_only=True):
    """How long a bot stays silent for a human when `ctx.pause` does not say: 60 seconds to 30 days.

    With `slides`, whatever the person writes and the human answers begins the time anew; else it runs out once it has
    begun.
    """

    seconds: float = 3600
    slides: bool = True

    def __post_init__(self) -> None:
        if not MIN_PAUSE <= self.seconds <= MAX_PAUSE:
            raise DefinitionError(
                f"a pause lasts {MIN_PAUSE} to {MAX_PAUSE} seconds, not {self.seconds:g}", fix="choose a time between"
            )


class Handoff:
    """The pause of one turn's conversation: what is decided here is written into its record.

    The signs that `pause`, `resume` and `expire` return are to be shown to the person before anything else.
    """

    def __init__(self, policy: HandoffPolicy, flows: Flows, event: Event, now: datetime) -> None:
        self._policy = policy
        self._flows = flows
        self._event = event
        self._now = now
        #: What this turn makes of the pause's timer.
        self.timer: Timer | None = None

    @property
    def is_paused(self) -> bool:
        """Whether a human answers."""
        return self._flows.pause is not None

    @property
    def representative(self) -> Representative | None:
        """The human who has joined, if one has."""
        return self._flows.pause.representative if self._flows.pause else None

    def pause(
        self, seconds: float, *, slides: bool | None = None, representative: Representative | None = None
    ) -> Sequence[AnyMessage]:
        """Begins a pause, or begins its time anew; 0 seconds stand for the policy's.

        Raises ValueError for a time out of bounds.
        """
        seconds = seconds or self._policy.seconds
        if not MIN_PAUSE <= seconds <= MAX_PAUSE:
            raise ValueError(f"a pause lasts {MIN_PAUSE} to {MAX_PAUSE} seconds, not {seconds:g}")
        before = self.representative
        who = replace(representative, kind="human") if representative else before
        if not self.is_paused:
            # What the bot offered is over: a "2" is now said to the human. What they offer ends with the pause.
            self._flows.menu = ()
        self._begin(Pause(0, seconds, self._policy.slides if slides is None else slides, who))
        return [] if who == before else [*_left(before), Joined(representative=who)]

    def resume(self) -> Sequence[AnyMessage]:
        """Ends the pause, if there is one; `ConversationResumed` follows as an event of its own."""
        return self._end(is_automatic=False)

    def expire(self, event: TimerFired) -> Sequence[AnyMessage]:
        """Ends the pause whose timer this is, as `resume` does; nothing where another decision has overtaken it."""
        pause = self._flows.pause
        is_due = pause is not None and pause.until_ms == _milliseconds(event.at)
        return self._end(is_automatic=True) if is_due else []

    def prolong(self) -> None:
        """Begins the time anew, if there is a pause that slides."""
        if self._flows.pause and self._flows.pause.slides:
            self._begin(self._flows.pause)

    def _begin(self, pause: Pause) -> None:
        due_at = self._now + timedelta(seconds=pause.seconds)
        self._flows.pause = replace(pause, until_ms=_milliseconds(due_at))
        known = self._known("expired", due_at)
        self.timer = Timer(PAUSE_TIMER, _milliseconds(due_at), encode(TimerFired(name=PAUSE_TIMER, **known)))

    def _end(self, *, is_automatic: bool) -> Sequence[AnyMessage]:
        pause, self._flows.pause = self._flows.pause, None
        if pause is None:
            return []
        self._flows.menu = ()
        # Told by an event of its own: the pause is over even if no handler can cope with that.
        resumed = ConversationResumed(is_automatic=is_automatic, **self._known("resumed", self._now))
        self.timer = Timer(PAUSE_TIMER, _milliseconds(self._now), encode(resumed))
        return _left(pause.representative)

    def _known(self, what: str, at: datetime) -> dict[str, Any]:
        conversation = self._event.conversation
        identity = event_id(conversation.account, f"{what}|{self._event.id}|{_milliseconds(at)}")
        return {"id": identity, "at": at, "conversation": conversation, "user": self._event.user}


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _left(who: Representative | None) -> list[AnyMessage]:
    return [Left(representative=who)] if who else []
