"""What all conversations of an account share, as the engine asks for it."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from botkit.conversation import Account
from botkit.pace import Pace


class Bucket(Struct, frozen=True):
    """One of an account's rates, by name; `left` of its burst are not for the message at hand."""

    name: str
    pace: Pace
    left: int = 0


class Poll(Struct, frozen=True):
    """A turn at asking a service: it is the caller's if `wait` is 0, else there are so many seconds to the next one.

    `cursor` is what was kept of the last time.
    """

    wait: float
    cursor: bytes = b""


class Rates(Protocol):
    """What all processes together may ask of the services. All calls raise StoreUnavailableError."""

    async def take(self, account: Account, buckets: Sequence[Bucket]) -> tuple[float, float]:
        """Takes one from each bucket; returns the seconds to rest and to wait, of which one is 0.

        Both are 0 if the message may go out, and only then anything was taken. Not idempotent: a repeat takes again.
        """
        ...

    async def rest(self, account: Account, seconds: float) -> None:
        """Lets the account rest for that long, in every process; a longer rest is not shortened."""
        ...


class Accounts(Rates, Protocol):
    """What all conversations of an account share. All calls raise StoreUnavailableError."""

    async def remember(self, account: Account, receipt_id: str, conversation_id: str) -> None:
        """Keeps, for four days, in which conversation the message is that the service's id stands for."""
        ...

    async def find(self, account: Account, receipt_id: str) -> str:
        """Returns the id of the conversation of a message; an empty string if the service's id is not known."""
        ...

    async def begin_poll(self, account: Account, token: str, *, every: float, lease: float) -> Poll:
        """Takes the account's turn at asking its service, unless it is not due or another process is at it."""
        ...

    async def end_poll(self, account: Account, token: str, *, every: float, cursor: bytes | None) -> None:
        """Gives the turn back, due again after `every` seconds; None leaves the cursor as it is."""
        ...

    async def load_cursor(self, account: Account) -> bytes:
        """Returns what was kept of the last poll; nothing if there was none."""
        ...
