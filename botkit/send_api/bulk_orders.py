"""Reads a request for one message to many destinations: what is said is looked at once, and told with all problems."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter
from botkit.addresses import AddressKind
from botkit.exceptions import InvalidRequestError, Problem
from botkit.messages import AnyMessage
from botkit.outgoing import Hop
from botkit.send_api.orders import Order, Orders
from botkit.send_schedule import SendSchedule

#: The longest destination, in characters.
MAX_DESTINATION = 255

# How many destinations are looked at for one that the account can write to, and how many wrong ones are told.
_TRIES = 100
_MOST_TOLD = 100


class BulkOrder(Struct, frozen=True):
    """What a request for many destinations asks for; `hops` are its ways, where it has several.

    `adapter` is that of the first way, and `tag` the caller's own id. `schedule` is when messages may go, None for at
    once; `notify_url` is told what becomes of each.
    """

    adapter: Adapter
    message: AnyMessage
    hops: tuple[Hop, ...] = ()
    tag: str = ""
    reference: str = ""
    schedule: SendSchedule | None = None
    notify_url: str = ""


def read_bulk(
    orders: Orders, body: Mapping[str, Any], may_use: Callable[[str], bool], *, has_callbacks: bool
) -> BulkOrder:
    """Returns what a request asks for, as far as it is the same for everybody.

    Raises InvalidRequestError with every problem of the content, and where no destination among the first hundred is
    one of the account's; RefusedError for an account that is not there or not the caller's.
    """
    problems = [*find_list_problems(body)]
    known = [each for each in _given(body) if isinstance(each, str) and each.strip()]
    content = {name: value for name, value in body.items() if name not in ("destination", "destinations")}
    try:
        read = partial(orders.read, may_use=may_use, has_callbacks=has_callbacks)
        order = _read(read, content, known[:_TRIES])
    except InvalidRequestError as error:
        # Without a list there is no destination to speak of.
        problems += (problem for problem in error.problems if known or problem.path != "destinations")
        raise InvalidRequestError(problems) from None
    if problems := [*problems, *_way_problems(order)]:
        raise InvalidRequestError(problems)
    first = order.ways[0]
    hops = tuple(replace(way.hop, to="") for way in order.ways) if order.is_routed else ()
    return BulkOrder(first.adapter, first.message, hops, order.tag, order.reference, order.schedule, order.notify_url)


def destinations_of(body: Mapping[str, Any]) -> Sequence[str]:
    """Returns the destinations of a request whose list has no problems, in order."""
    found: Sequence[str] = body["destinations"]
    return found


def find_list_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    """Yields what is wrong with the list of destinations itself; the first hundred of the wrong ones."""
    if "destination" in body:
        yield Problem("destination", "is for one person: many are named in destinations")
    if body.get("useTimeDiff"):
        yield Problem("useTimeDiff", "is for one destination: give timeZone")
    if not isinstance(body.get("destinations"), list) or not body["destinations"]:
        yield Problem("destinations", "is a list of at least one destination")
    wrong = (number for number, each in enumerate(_given(body)) if not _is_shown(each))
    for number, _ in zip(wrong, range(_MOST_TOLD), strict=False):
        yield Problem(f"destinations[{number}]", f"is a text of 1 to {MAX_DESTINATION} characters that can be seen")


def _given(body: Mapping[str, Any]) -> Sequence[object]:
    found = body.get("destinations")
    return found if isinstance(found, list) else ()


def _is_shown(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_DESTINATION


def _read(read: Callable[[Mapping[str, Any]], Order], content: Mapping[str, Any], destinations: Sequence[str]) -> Order:
    """Reads the request as one for the first destination that is any."""
    first: Sequence[Problem] = ()
    for destination in destinations or ("",):
        try:
            return read({**content, "destination": destination})
        except InvalidRequestError as error:
            theirs = [problem for problem in error.problems if problem.path == "destination"]
            others = [problem for problem in error.problems if problem.path != "destination"]
            if others:
                raise InvalidRequestError(others) from None
            first = first or theirs
    raise InvalidRequestError([Problem("destinations", f"none is right; of the first: {first[0].rule}")])


def _way_problems(order: Order) -> Iterator[Problem]:
    """Yields the accounts that cannot be reached by each of many destinations."""
    for way in order.ways[1:]:
        if way.to and way.adapter.address is not AddressKind.PHONE:
            yield Problem(way.step.path, "has other ids for people than the first, and no number is given")
