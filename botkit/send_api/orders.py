"""Makes of a request's members the messages that are to be sent, or a list of everything that is wrong with it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.chatapps.requests import Request, TimeoutFailover, check_ways, find_request_problems
from botkit.clock import Clock
from botkit.contacts import Contacts, find_conversation
from botkit.conversation import Account, digest
from botkit.delivery_route import MAX_SECONDS, DeliveryRoute
from botkit.exceptions import InvalidRequestError, Problem
from botkit.hops import joined
from botkit.outgoing import Hop, Outgoing, Trail
from botkit.send_api.options import NOTIFY, SCHEDULING, read_notify_url, read_schedule
from botkit.send_api.refusals import RefusedError
from botkit.send_api.requests import VISIBLE
from botkit.send_api.ways import Step, Way, is_common, read_way, read_ways
from botkit.send_schedule import DEFAULT_ZONE, SendSchedule
from botkit.submission import Stage, Submission, part_key

MAX_REFERENCE = 255

#: What a request says beside the message and whom it is for.
OPTIONS = ("id", "reference", "route")

#: What it says beside that of when it goes, and of who hears what becomes of it.
LATER = (*SCHEDULING, NOTIFY)

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


class Order(Struct, frozen=True):
    """A request that can be sent: the ways that it may go, in order; one of several `is_routed`.

    It begins with the way number `first`. `phone` is the person's number, as far as it is known, and `tag` the caller's
    own id for the message. `schedule` is when it may go, None for at once; `notify_url` is told what becomes of it.
    """

    ways: tuple[Way, ...]
    is_routed: bool = False
    phone: str = ""
    tag: str = ""
    reference: str = ""
    first: int = 0
    schedule: SendSchedule | None = None
    notify_url: str = ""

    def submission(
        self, message_id: str, owner: str, fingerprint: str, created_ms: int, *, notify: str = ""
    ) -> Submission:
        """Returns what is to be kept of it, under this id; `notify` names who is to hear of each step."""
        first = self.ways[self.first]
        to, prepared = first.conversation, first.prepared
        last = len(prepared.messages) - 1
        parts = [
            Outgoing(part_key(message_id, last - number), first.account, to.id, message, created_ms)
            for number, message in enumerate(prepared.messages)
        ]
        # What follows from a message follows from its last part.
        whole = replace(parts[-1], menu=prepared.menu, trail=self._trail(created_ms, notify))
        parts[-1] = joined(whole, prepared.messages, self._find_adapter)
        return Submission(
            id=message_id,
            owner=owner,
            fingerprint=fingerprint,
            account=first.account,
            to=to.id,
            created_ms=created_ms,
            tag=self.tag,
            reference=self.reference,
            ways=tuple(way.account for way in self.ways) if self.is_routed else (),
            parts=tuple(parts),
            values=prepared.values,
            notify_url=self.notify_url,
            schedule=self.schedule,
            stage=Stage.SCHEDULED if self.schedule else Stage.STARTED,
        )

    def _trail(self, since_ms: int, notify: str) -> Trail | None:
        if not (self.is_routed or notify):
            return None
        first = self.ways[self.first]
        hops = tuple(way.hop for way in self.ways) if self.is_routed else (Hop(first.account, first.to),)
        return Trail(
            home=(*first.account, first.to),
            hops=hops,
            message=first.message,
            hop=self.first,
            since_ms=since_ms,
            phone=self.phone,
            notify=notify,
        )

    def _find_adapter(self, account: Account) -> Adapter | None:
        return next((way.adapter for way in self.ways if way.adapter.account == account), None)


async def reached(order: Order, contacts: Contacts) -> Order:
    """Returns the order as it can begin: with the first way on which the person's conversation is known.

    Raises InvalidRequestError where none is.
    """
    for number, way in enumerate(order.ways):
        to = way.to or await find_conversation(contacts, way.adapter, order.phone)
        if to:
            ways = (*order.ways[:number], replace(way, to=to), *order.ways[number + 1 :])
            return replace(order, ways=ways, first=number)
    raise InvalidRequestError([Problem("destination", "is a number of which no conversation on the account is known")])


class Orders:
    """Reads orders for the accounts of one service, and for its bots' routes by their names.

    A schedule that names no time zone is in `time_zone`.
    """

    def __init__(
        self,
        adapters: Iterable[Adapter],
        routes: Mapping[str, DeliveryRoute[Adapter]] | None = None,
        *,
        clock: Clock | None = None,
        time_zone: str = DEFAULT_ZONE,
    ) -> None:
        self._adapters = tuple(adapters)
        self._routes = routes or {}
        self._clock = clock or Clock()
        self._time_zone = time_zone
        self._send_options = {name for adapter in self._adapters for name in adapter.send_options}

    def read(self, body: Mapping[str, Any], may_use: Callable[[str], bool], *, has_callbacks: bool = False) -> Order:
        """Returns what a request asks for, where the caller may use its accounts; with `has_callbacks`, be notified.

        Raises InvalidRequestError with every problem, and RefusedError for an account that is not there or not the
        caller's.
        """
        if is_common(body):
            order = self._read_common(body, may_use, has_callbacks=has_callbacks)
        else:
            order = self._read_own(body, may_use)
        return replace(order, tag=tag_of(body), reference=body.get("reference", ""))

    def _read_own(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Order:
        """Reads a request in a service's own form, which its adapter knows."""
        ta = body.get("trafficAccountId")
        problems = [*_option_problems(body)]
        if not isinstance(ta, str) or not ta:
            raise InvalidRequestError([Problem("trafficAccountId", "is the id of an account, a text"), *problems])
        adapter = self._find("trafficAccountId", ta, (), may_use)
        content = {name: value for name, value in body.items() if name not in _OURS}
        return _order([read_way(Step(adapter), content, problems)], problems)

    def _read_common(self, body: Mapping[str, Any], may_use: Callable[[str], bool], *, has_callbacks: bool) -> Order:
        """Reads a request in the form that all accounts know: a destination and the networks' objects."""
        problems: list[Problem] = []
        request = find_request_problems(body, problems, {*OPTIONS, *LATER, *self._send_options})
        problems += _option_problems(body)
        notify_url = read_notify_url(request.options, problems, has_callbacks=has_callbacks)
        steps = self._steps(request, may_use, problems)
        problems += _way_problems(request, steps)
        ways, phone = read_ways(steps, body, request, problems)
        schedule = read_schedule(
            request.options, problems, now=self._clock.now(), phone=phone, default_zone=self._time_zone
        )
        is_routed = request.failover is not None or "route" in request.options
        order = _order(ways, problems)
        return replace(order, is_routed=is_routed, phone=phone, schedule=schedule, notify_url=notify_url)

    def _steps(self, request: Request, may_use: Callable[[str], bool], problems: Sequence[Problem]) -> Sequence[Step]:
        """Returns the accounts that a request names, in order."""
        if "route" in request.options:
            return self._steps_of_route(request, may_use, problems)
        failover = request.failover.timeout_failover if request.failover else None
        accounts = failover.traffic_accounts if failover else (request.traffic_account,)
        if not all(accounts) or not accounts:
            raise InvalidRequestError(problems or [Problem(_ACCOUNTS, "is needed")])
        paths = [f"{_ACCOUNTS}[{number}]" if failover else "trafficAccountId" for number in range(len(accounts))]
        adapters = [self._find(*named, request.contents, may_use) for named in zip(paths, accounts, strict=True)]
        if failover is None:
            return [Step(adapters[0])]
        return [*_timed(adapters, paths, failover)]

    def _steps_of_route(
        self, request: Request, may_use: Callable[[str], bool], problems: Sequence[Problem]
    ) -> Sequence[Step]:
        name = request.options["route"]
        if request.failover or request.traffic_account:
            raise InvalidRequestError([*problems, Problem("route", "stands in place of trafficAccountId and failover")])
        if not isinstance(name, str):
            raise InvalidRequestError([*problems, Problem("route", "is the name of a bot's route, a text")])
        route = self._routes.get(name)
        if route is None or not all(may_use(leg.adapter.ta) for leg in route.legs):
            # To a key of some accounts, a route that is not for it is none.
            raise RefusedError(404, "unknown_route", "there is no such route for this key")
        own = {adapter.account: adapter for adapter in self._adapters}
        return [Step(own[leg.adapter.account], "route", leg.seconds, leg.status) for leg in route.legs]

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


def routes_of(bots: Iterable[Bot]) -> dict[str, DeliveryRoute[Adapter]]:
    """Returns the bots' routes by `bot:name`, and by their names alone where no two bots share one."""
    found = [(bot.name, name, route) for bot in bots for name, route in bot.routes.items()]
    names = Counter(name for _, name, _ in found)
    alone = {name: route for _, name, route in found if names[name] == 1}
    return alone | {f"{bot}:{name}": route for bot, name, route in found}


def tag_of(body: Mapping[str, Any]) -> str:
    """Returns the caller's own id for the message, or an empty text where there is none of the right form."""
    tag = body.get("id")
    return tag if isinstance(tag, str) and VISIBLE.fullmatch(tag) else ""


def fingerprint_of(body: Mapping[str, Any]) -> str:
    """Returns what stands for a request: the same for the same members, in whatever order they were written."""
    said = {name: value for name, value in body.items() if name not in CREDENTIALS}
    return digest(msgspec.json.encode(said, order="deterministic").decode())


def _option_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    reference = body.get("reference", "")
    if "id" in body and not tag_of(body):
        yield Problem("id", "is a text of 1 to 255 visible ASCII characters")
    if not isinstance(reference, str) or len(reference) > MAX_REFERENCE:
        yield Problem("reference", f"is a text of at most {MAX_REFERENCE} characters")


def _way_problems(request: Request, steps: Sequence[Step]) -> Iterator[Problem]:
    """Yields what does not fit between the accounts of a request and what it says."""
    networks = {step.adapter.ta: step.adapter.network for step in steps}
    known = {*OPTIONS, *LATER}.union(*(step.adapter.send_options for step in steps))
    yield from (Problem(name, "is nothing that this account knows") for name in request.options if name not in known)
    if "route" not in request.options:
        yield from check_ways(request, networks)
    else:
        # The first is what accounts of other networks are told.
        unused = [network for network in [*request.contents][1:] if network not in networks.values()]
        yield from (Problem(network, "is nothing that an account of the route sends") for network in unused)
    if request.failover and request.failover.timeout_failover.timeout_in_seconds > MAX_SECONDS:
        yield Problem("failover.timeoutFailover.timeoutInSeconds", f"is 1 to {MAX_SECONDS:,}")


def _timed(adapters: Sequence[Adapter], paths: Sequence[str], failover: TimeoutFailover) -> Iterator[Step]:
    for number, (adapter, path) in enumerate(zip(adapters, paths, strict=True), 1):
        # Nothing follows the last, and so nothing is waited for.
        seconds = failover.timeout_in_seconds if number < len(adapters) else 0
        yield Step(adapter, path, seconds, _STATUSES[failover.status])


def _order(ways: Sequence[Way | None], problems: Sequence[Problem]) -> Order:
    if problems:
        raise InvalidRequestError(problems)
    return Order(tuple(way for way in ways if way))
