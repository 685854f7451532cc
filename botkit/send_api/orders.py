"""Makes of a request's members the messages that are to be sent, or a list of everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter, Joining
from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.requests import Request, TimeoutFailover, check_ways, find_request_problems
from botkit.conversation import Conversation, digest
from botkit.degradation import Prepared
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, Problem
from botkit.messages import AnyMessage
from botkit.outgoing import Hop, Outgoing, Trail
from botkit.send_api.refusals import RefusedError
from botkit.send_api.requests import VISIBLE
from botkit.submission import Submission, part_key

MAX_REFERENCE = 255

#: What a request says beside the message and whom it is for.
OPTIONS = ("id", "reference")

#: What only some services do themselves, in requests of their own form.
LATER = ("scheduleInfo", "useTimeDiff", "timeZone", "notifyUrl")

#: Credentials that a request in a service's own form may hold: the account has its own.
CREDENTIALS = frozenset({"login", "password"})

#: What a request in a service's own form says to us alone.
_OURS = CREDENTIALS | {"trafficAccountId", "reference"}

_ACCOUNTS = "failover.timeoutFailover.trafficAccounts"
_STATUSES: Mapping[str, Literal["sent", "delivered", "seen"]] = {
    "Sent": "sent",
    "Delivered": "delivered",
    "Seen": "seen",
}


class Way(Struct, frozen=True):
    """One account by which a message may go, the conversation there, what is said in it, and what is sent for that."""

    adapter: Adapter
    to: str
    message: AnyMessage
    prepared: Prepared

    @property
    def account(self) -> tuple[str, str]:
        """The account's channel and id."""
        return self.adapter.channel, self.adapter.ta

    @property
    def conversation(self) -> Conversation:
        """Where it goes."""
        return Conversation(self.adapter.account, self.to)


class Order(Struct, frozen=True):
    """A request that can be sent: the ways that it may go, in order, and `failover` if there are several.

    Of these, the first one's service looks after as many as `joined` itself. `tag` is the caller's own id for it.
    """

    ways: tuple[Way, ...]
    failover: TimeoutFailover | None = None
    joined: int = 1
    tag: str = ""
    reference: str = ""

    def submission(self, message_id: str, owner: str, fingerprint: str, created_ms: int) -> Submission:
        """Returns what is to be kept of it, under this id."""
        first = self.ways[0]
        to, prepared = first.conversation, first.prepared
        last = len(prepared.messages) - 1
        parts = [
            Outgoing(part_key(message_id, last - number), first.account, to.id, message, created_ms)
            for number, message in enumerate(prepared.messages)
        ]
        # What follows from a message follows from its last part.
        parts[-1] = replace(parts[-1], menu=prepared.menu, trail=self._trail(created_ms))
        return Submission(
            id=message_id,
            owner=owner,
            fingerprint=fingerprint,
            account=first.account,
            to=to.id,
            created_ms=created_ms,
            tag=self.tag,
            reference=self.reference,
            ways=tuple(way.account for way in self.ways) if self.failover else (),
            parts=tuple(parts),
            values=prepared.values,
        )

    def _trail(self, since_ms: int) -> Trail | None:
        if self.failover is None:
            return None
        first, seconds, status = self.ways[0], self.failover.timeout_in_seconds, _STATUSES[self.failover.status]
        hops = [Hop(way.account, way.to, seconds, status, way.message) for way in self.ways]
        # Nothing follows the last, and so nothing is waited for.
        hops[-1] = replace(hops[-1], seconds=0)
        return Trail((*first.account, first.to), tuple(hops), first.message, joined=self.joined, since_ms=since_ms)


class Orders:
    """Reads orders for the accounts of one service."""

    def __init__(self, adapters: Iterable[Adapter]) -> None:
        self._adapters = tuple(adapters)

    def read(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Order:
        """Returns what a request asks for, where the caller may use its accounts.

        Raises InvalidRequestError with every problem, and RefusedError for an account that is not there or not the
        caller's.
        """
        order = self._read_common(body, may_use) if _is_common(body) else self._read_own(body, may_use)
        return replace(order, tag=body.get("id", ""), reference=body.get("reference", ""))

    def _read_own(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Order:
        """Reads a request in a service's own form, which its adapter knows."""
        ta = body.get("trafficAccountId")
        problems = [*_option_problems(body)]
        if not isinstance(ta, str) or not ta:
            raise InvalidRequestError([Problem("trafficAccountId", "is the id of an account, a text"), *problems])
        adapter = self._find("trafficAccountId", ta, (), may_use)
        content = {name: value for name, value in body.items() if name not in _OURS}
        return _order([_way(adapter, content, problems)], problems)

    def _read_common(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Order:
        """Reads a request in the form that all accounts know: a destination and the networks' objects."""
        problems: list[Problem] = []
        request = find_request_problems(body, problems, (*OPTIONS, *LATER))
        problems += _option_problems(body)
        problems += (Problem(name, "is not available for this account") for name in LATER if name in request.options)
        failover = request.failover.timeout_failover if request.failover else None
        accounts = failover.traffic_accounts if failover else (request.traffic_account,)
        if not all(accounts) or not accounts:
            raise InvalidRequestError(problems or [Problem(_ACCOUNTS, "is needed")])
        adapters = [self._find(_path(request, n), ta, request.contents, may_use) for n, ta in enumerate(accounts)]
        problems += check_ways(request, {adapter.ta: adapter.network for adapter in adapters})
        problems += _report_problems(adapters, failover)
        ways = [_way(adapter, _content(body, adapter), problems) for adapter in adapters]
        order = replace(_order(ways, problems), failover=failover)
        return _with_joined(order) if failover else order

    def _find(self, path: str, ta: str, networks: Iterable[str], may_use: Callable[[str], bool]) -> Adapter:
        if not may_use(ta):
            raise RefusedError(403, "forbidden", f"this key may not use the account that {path} names")
        found = [adapter for adapter in self._adapters if adapter.ta == ta]
        if not found:
            raise RefusedError(404, "unknown_account", f"there is no account as {path} names it")
        # Two channels may have accounts of one name: what is to be sent tells them apart.
        meant = [adapter for adapter in found if adapter.network in networks] if len(found) > 1 else found
        if len(meant) != 1:
            raise InvalidRequestError([Problem(path, "names accounts of several channels")])
        return meant[0]


def fingerprint_of(body: Mapping[str, Any]) -> str:
    """Returns what stands for a request: the same for the same members, in whatever order they were written."""
    said = {name: value for name, value in body.items() if name not in CREDENTIALS}
    return digest(msgspec.json.encode(said, order="deterministic").decode())


def _is_common(body: Mapping[str, Any]) -> bool:
    return any(name in ("destination", "destinations", "failover") or name.casefold() in NETWORKS for name in body)


def _option_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    tag, reference = body.get("id", "-"), body.get("reference", "")
    if not isinstance(tag, str) or not VISIBLE.fullmatch(tag):
        yield Problem("id", "is a text of 1 to 255 visible ASCII characters")
    if not isinstance(reference, str) or len(reference) > MAX_REFERENCE:
        yield Problem("reference", f"is a text of at most {MAX_REFERENCE} characters")


def _path(request: Request, number: int) -> str:
    return f"{_ACCOUNTS}[{number}]" if request.failover else "trafficAccountId"


def _report_problems(adapters: Sequence[Adapter], failover: TimeoutFailover | None) -> Iterator[Problem]:
    """Yields what keeps the next way from ever being the wrong one: what is waited for must be told."""
    if failover is None or failover.status == "Sent":
        return
    for number, adapter in enumerate(adapters[:-1]):
        # Of Telegram, whichever account, it is known already.
        if not adapter.has_receipts and adapter.network != "telegram":
            yield Problem(f"{_ACCOUNTS}[{number}]", f"never tells that a message is {failover.status}")


def _content(body: Mapping[str, Any], adapter: Adapter) -> Mapping[str, Any]:
    """Returns what one way's adapter reads."""
    named = {name: value for name, value in body.items() if name.casefold() == adapter.network}
    return {"trafficAccountId": adapter.ta, "destination": body.get("destination"), **named}


def _way(adapter: Adapter, content: Mapping[str, Any], problems: list[Problem]) -> Way | None:
    """Returns a way as its adapter reads it; adds what is wrong with it."""
    try:
        addressed = adapter.read_send(content)
        prepared = adapter.prepare(addressed.message, Conversation(adapter.account, addressed.to))
    except InvalidRequestError as error:
        # What both of us look at is said once.
        known = {problem.path for problem in problems}
        problems += [problem for problem in error.problems if problem.path not in known]
        return None
    except MessageError as error:
        path = "destination" if isinstance(error, AddressError) else adapter.network
        problems.append(Problem(path, error.what))
        return None
    if not prepared.messages:
        problems.append(Problem(adapter.network, "holds nothing that this account can show"))
    return Way(adapter, addressed.to, addressed.message, prepared)


def _order(ways: Sequence[Way | None], problems: Sequence[Problem]) -> Order:
    if problems:
        raise InvalidRequestError(problems)
    return Order(tuple(way for way in ways if way))


def _with_joined(order: Order) -> Order:
    """Returns the order with as many of its first ways joined as one service looks after itself."""
    adapters = [way.adapter for way in order.ways]
    joined = 1
    while joined < len(adapters) and all(each.joins(adapters[joined]) for each in adapters[:joined]):
        joined += 1
    try:
        ways = [_rendered(way) if number < joined > 1 else way for number, way in enumerate(order.ways)]
    except MessageError:  # then it is us who go on to the next
        return order
    return replace(order, ways=tuple(ways), joined=joined)


def _rendered(way: Way) -> Way:
    """Returns a way with what is said in its service's own words; raises MessageError where that takes several."""
    if not isinstance(way.adapter, Joining) or len(way.prepared.messages) > 1:
        raise MessageError("a way that is joined to another has one message")
    return replace(way, message=way.adapter.rendered(way.prepared.messages[0]))
