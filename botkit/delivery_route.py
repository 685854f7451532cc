"""The ways that a message may go, one after the other: `viber.within(60) | mitto | smsc`."""

from collections.abc import Sequence
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from botkit.conversation import Account
from botkit.exceptions import DefinitionError

#: The longest that one way may be given, in seconds: what is known of a message is kept for four days.
MAX_SECONDS = 3 * 86_400


class Speaker(Protocol):
    """Who can be a way: an adapter."""

    ta: str

    @property
    def account(self) -> Account:
        """The identity it speaks for."""
        ...

    @property
    def has_receipts(self) -> bool:
        """Whether its service reports what became of a message."""
        ...


S = TypeVar("S", bound=Speaker)


class Leg(Struct, Generic[S], frozen=True):
    """One way: an account, and for how long it is waited there until a message has come as far as `status`.

    With `seconds` 0 it is waited without end: the next way is taken on a refusal alone. Raises ValueError for more
    than three days, and DefinitionError for what the account's service never reports.
    """

    adapter: S
    seconds: float = 0
    status: Literal["sent", "delivered", "seen"] = "delivered"

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= MAX_SECONDS:
            raise ValueError(f"a way has up to {MAX_SECONDS} seconds, or 0 for no end")
        if self.seconds and self.status != "sent" and not self.adapter.has_receipts:
            account = self.adapter.account
            raise DefinitionError(
                f"{account.channel} does not report what became of a message: it is never known as {self.status}",
                fix='wait for status "sent", or for a refusal alone',
            )

    def __or__(self, other: "S | Leg[S] | DeliveryRoute[S]") -> "DeliveryRoute[S]":
        return route_of(self) | other


class DeliveryRoute(Struct, Generic[S], frozen=True):
    """Several ways in order, each account once. Raises DefinitionError for an account that is there twice."""

    legs: Sequence[Leg[S]]

    def __post_init__(self) -> None:
        if len({id(leg.adapter) for leg in self.legs}) < len(self.legs):
            raise DefinitionError("a route has the same account twice", fix="name each account once")

    def __or__(self, other: "S | Leg[S] | DeliveryRoute[S]") -> "DeliveryRoute[S]":
        return DeliveryRoute((*self.legs, *route_of(other).legs))


def route_of(given: S | Leg[S] | DeliveryRoute[S]) -> DeliveryRoute[S]:
    """Returns a route of what may stand for one: an account, a leg, or a route itself."""
    if isinstance(given, DeliveryRoute):
        return given
    return DeliveryRoute((given if isinstance(given, Leg) else Leg(given),))
