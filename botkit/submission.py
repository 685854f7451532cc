"""A request to send, as it is kept: who asked, for what, and which messages it became."""

import enum
import secrets
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from botkit.conversation import Account, Conversation, digest
from botkit.outgoing import Outgoing
from botkit.send_schedule import SendSchedule

# No number of parts is added here: the last part of a message has this one.
_LAST = "00"


class Stage(enum.Enum):
    """How far a submission is; of the last three only one is ever reached."""

    SCHEDULED = "scheduled"  # it waits for its time, and can be cancelled
    STARTED = "started"  # it goes out, whatever its schedule says later
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # its time never came before its deadline


class Submission(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one request asked for; `id` is the key of the last of its messages.

    `owner` is who asked, and `fingerprint` stands for all that was said. `tag` and `reference` are the caller's own id
    and word for it. `ways` are the accounts of one that may go several ways, in order. `parts` are the messages that
    may not be in their outbox yet, and `values` the long values of their buttons; both are empty once they all are, or
    never will be. `schedule` says when they may go, and `decided_ms` when its waiting ended. Reports go to
    `notify_url`, if it names an address of its own.
    """

    id: str
    owner: str
    fingerprint: str
    account: tuple[str, str]
    to: str
    created_ms: int
    tag: str = ""
    reference: str = ""
    ways: tuple[tuple[str, str], ...] = ()
    parts: tuple[Outgoing, ...] = ()
    values: Mapping[str, str] = {}
    notify_url: str = ""
    schedule: SendSchedule | None = None
    stage: Stage = Stage.STARTED
    decided_ms: int = 0

    @property
    def conversation(self) -> Conversation:
        """Where it goes, or of several ways the first."""
        return Conversation(Account(*self.account), self.to)


class Submissions(Protocol):
    """What was asked for, for 30 days. All calls raise StoreUnavailableError."""

    async def keep(self, submission: Submission) -> Submission:
        """Keeps a submission and returns it, or the one that is kept under this id already."""
        ...

    async def settle(self, submission: Submission) -> None:
        """Notes that nothing is left to do: all its messages are in their outbox, or never will be."""
        ...

    async def arm(self, submission: Submission, name: str, due_ms: int, event: bytes) -> bool:
        """Sets a timer in its conversation that delivers the event, once by its name; False if too many wait there.

        The name is `LATER` of the store and the event's id. With `due_ms` 0 it is taken back.
        """
        ...

    async def decide(self, submission_id: str, stage: Stage, *, at_ms: int) -> Submission | None:
        """Ends its waiting, if it is scheduled, in one step that one caller makes; returns it as it stands then.

        Cancelled, it holds no messages any more. None if there is none (any more).
        """
        ...

    async def load(self, submission_id: str) -> Submission | None:
        """Returns a submission; None if there is none (any more)."""
        ...


def message_id(owner: str, idempotency_key: str = "") -> str:
    """Returns the id of what somebody asks for: the same for the same key of theirs, without one a new one."""
    name = digest(f"submission|{owner}|{idempotency_key}") if idempotency_key else secrets.token_urlsafe(16)
    return name + _LAST


def part_key(submission_id: str, after: int) -> str:
    """Returns the key of the part of a message that has so many parts after it."""
    return f"{submission_id.removesuffix(_LAST)}{after:02}"
