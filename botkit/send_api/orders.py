"""Makes of a request's members the messages that are to be sent, or a list of everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter, Addressed
from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.requests import Request, TimeoutFailover, check_ways, find_request_problems
from botkit.conversation import Conversation, digest
from botkit.degradation import Prepared
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, Problem
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

#: The gateways that look after a failover themselves, where all its ways are theirs.
_WITH_FAILOVER = frozenset({"mitto"})

_ACCOUNTS = "failover.timeoutFailover.trafficAccounts"
_STATUSES = {"Sent": "sent", "Delivered": "delivered", "Seen": "seen"}


class Way(Struct, frozen=True):
    """One account by which a message may go, its conversation there, and what is said in it."""

    adapter: Adapter
    addressed: Addressed

    @property
    def conversation(self) -> Conversation:
        """Where it goes."""
        return Conversation(self.adapter.account, self.addressed.to)


class Order(Struct, frozen=True):
    """A request that can be sent: the ways that it may go, and the messages that it becomes on the first.

    `failover` says when the next way is taken, and `joined` how many ways the first one's service looks after itself.
    `tag` is the caller's own id for it.
    """

    ways: tuple[Way, ...]
    prepared: Prepared
    failover: TimeoutFailover | None = None
    joined: int = 1
    tag: str = ""
    reference: str = ""

    def submission(self, message_id: str, owner: str, fingerprint: str, created_ms: int) -> Submission:
        """Returns what is to be kept of it, under this id."""
        to = self.ways[0].conversation
        account = (to.account.channel, to.account.ta)
        last = len(self.prepared.messages) - 1
        parts = [
            Outgoing(part_key(message_id, last - number), account, to.id, message, created_ms)
            for number, message in enumerate(self.prepared.messages)
        ]
        # What follows from a message follows from its last part.
        parts[-1] = replace(parts[-1], menu=self.prepared.menu, trail=self._trail(created_ms))
        return Submission(
            id=message_id,
            owner=owner,
            fingerprint=fingerprint,
            account=account,
            to=to.id,
            created_ms=created_ms,
            tag=self.tag,
            reference=self.reference,
            ways=tuple(_account_of(way) for way in self.ways) if self.failover else (),
            parts=tuple(parts),
            values=self.prepared.values,
        )

    def _trail(self, since_ms: int) -> Trail | None:
        if self.failover is None:
            return None
        first = self.ways[0]
        return Trail(
            home=(*_account_of(first), first.addressed.to),
            hops=tuple(_hop(way, self.failover) for way in self.ways),
            message=first.addressed.message,
            joined=self.joined,
            since_ms=since_ms,
        )


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
        way = _way(adapter, content, problems)
        prepared = _prepared(way, problems) if way else None
        return _order([way], prepared, problems)

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
        joined = len(adapters) if failover and _is_one_gateway(adapters) else 1
        found = [
            _way(adapter, _content(body, adapter, is_whole=joined > 1 and not number), problems)
            for number, adapter in enumerate(adapters)
        ]
        prepared = [_prepared(way, problems) if way else None for way in found]
        return replace(_order(found, prepared[0], problems), failover=failover, joined=joined)

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


def _is_one_gateway(adapters: Sequence[Adapter]) -> bool:
    first = adapters[0]
    return first.channel in _WITH_FAILOVER and all(
        (each.channel, each.api_url, [*each.secrets()]) == (first.channel, first.api_url, [*first.secrets()])
        for each in adapters
    )


def _content(body: Mapping[str, Any], adapter: Adapter, *, is_whole: bool) -> Mapping[str, Any]:
    """Returns what one way's adapter reads: its network's object, or all of them where it looks after the failover."""
    if is_whole:
        return {name: value for name, value in body.items() if name not in (*OPTIONS, *LATER)}
    named = {name: value for name, value in body.items() if name.casefold() == adapter.network}
    return {"trafficAccountId": adapter.ta, "destination": body.get("destination"), **named}


def _way(adapter: Adapter, content: Mapping[str, Any], problems: list[Problem]) -> Way | None:
    """Returns a way as its adapter reads it; adds what is wrong with it."""
    try:
        return Way(adapter, adapter.read_send(content))
    except InvalidRequestError as error:
        # What both of us look at is said once.
        problems += (problem for problem in error.problems if problem not in problems)
    except MessageError as error:
        path = "destination" if isinstance(error, AddressError) else adapter.network
        problems.append(Problem(path, error.what))
    return None


def _prepared(way: Way, problems: list[Problem]) -> Prepared | None:
    """Returns what will be sent this way; adds what no degradation can mend."""
    try:
        prepared = way.adapter.prepare(way.addressed.message, way.conversation)
    except MessageError as error:
        problems.append(Problem(way.adapter.network, error.what))
        return None
    if not prepared.messages:
        problems.append(Problem(way.adapter.network, "holds nothing that this account can show"))
    return prepared


def _order(ways: Sequence[Way | None], prepared: Prepared | None, problems: Sequence[Problem]) -> Order:
    found = tuple(way for way in ways if way)
    if problems or prepared is None or len(found) < len(ways):
        raise InvalidRequestError(problems)
    return Order(found, prepared)


def _account_of(way: Way) -> tuple[str, str]:
    return (way.adapter.channel, way.adapter.ta)


def _hop(way: Way, failover: TimeoutFailover) -> Hop:
    status = _STATUSES[failover.status]
    message = way.addressed.message
    return Hop(_account_of(way), way.addressed.to, failover.timeout_in_seconds, status, message)  # type: ignore[arg-type]
