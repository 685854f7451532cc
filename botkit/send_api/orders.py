"""Makes of a request's members the messages that are to be sent, or a list of everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter, Addressed
from botkit.addresses import AddressKind, is_phone, parse_phone
from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.nouns import message_of
from botkit.chatapps.requests import Request, TimeoutFailover, check_ways, find_request_problems
from botkit.contacts import Contacts, find_conversation
from botkit.conversation import Account, Conversation, digest
from botkit.degradation import Prepared
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, Problem
from botkit.hops import joined
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
    """One account by which a message may go, the conversation there, what is said in it, and what is sent for that.

    `to` is empty where only the person's number is known, and their conversation must be looked up.
    """

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

    It begins with the way number `first`. `phone` is the person's number, as far as it is known, and `tag` the caller's
    own id for the message.
    """

    ways: tuple[Way, ...]
    failover: TimeoutFailover | None = None
    phone: str = ""
    tag: str = ""
    reference: str = ""
    first: int = 0

    def submission(self, message_id: str, owner: str, fingerprint: str, created_ms: int) -> Submission:
        """Returns what is to be kept of it, under this id."""
        first = self.ways[self.first]
        to, prepared = first.conversation, first.prepared
        last = len(prepared.messages) - 1
        parts = [
            Outgoing(part_key(message_id, last - number), first.account, to.id, message, created_ms)
            for number, message in enumerate(prepared.messages)
        ]
        # What follows from a message follows from its last part.
        whole = replace(parts[-1], menu=prepared.menu, trail=self._trail(created_ms))
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
            ways=tuple(way.account for way in self.ways) if self.failover else (),
            parts=tuple(parts),
            values=prepared.values,
        )

    def _trail(self, since_ms: int) -> Trail | None:
        if self.failover is None:
            return None
        seconds, status = self.failover.timeout_in_seconds, _STATUSES[self.failover.status]
        hops = [Hop(way.account, way.to, seconds, status, way.message) for way in self.ways]
        # Nothing follows the last, and so nothing is waited for.
        hops[-1] = replace(hops[-1], seconds=0)
        first = self.ways[self.first]
        return Trail(
            home=(*first.account, first.to),
            hops=tuple(hops),
            message=first.message,
            hop=self.first,
            since_ms=since_ms,
            phone=self.phone,
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
    """Reads orders for the accounts of one service."""

    def __init__(self, adapters: Iterable[Adapter]) -> None:
        self._adapters = tuple(adapters)

    def read(self, body: Mapping[str, Any], may_use: Callable[[str], bool]) -> Order:
        """Returns what a request asks for, where the caller may use its accounts.

        Raises InvalidRequestError with every problem, and RefusedError for an account that is not there or not the
        caller's.
        """
        order = self._read_common(body, may_use) if _is_common(body) else self._read_own(body, may_use)
        return replace(order, tag=tag_of(body), reference=body.get("reference", ""))

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
        phone = _phone(request.destination, adapters)
        problems += _address_problems(request.destination, adapters, phone)
        ways = [
            _way_to_person(adapter, request, problems)
            if phone and not _takes_number(adapter, phone)
            else _way(adapter, _content(body, adapter), problems)
            for adapter in adapters
        ]
        return replace(_order(ways, problems), failover=failover, phone=phone)

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


def tag_of(body: Mapping[str, Any]) -> str:
    """Returns the caller's own id for the message, or an empty text where there is none of the right form."""
    tag = body.get("id")
    return tag if isinstance(tag, str) and VISIBLE.fullmatch(tag) else ""


def fingerprint_of(body: Mapping[str, Any]) -> str:
    """Returns what stands for a request: the same for the same members, in whatever order they were written."""
    said = {name: value for name, value in body.items() if name not in CREDENTIALS}
    return digest(msgspec.json.encode(said, order="deterministic").decode())


def _is_common(body: Mapping[str, Any]) -> bool:
    # A service's own form may have a word such as `viber` as well, which is no object then.
    return any(
        name in ("destination", "destinations", "failover")
        or (name.casefold() in NETWORKS and isinstance(value, Mapping))
        for name, value in body.items()
    )


def _option_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    reference = body.get("reference", "")
    if "id" in body and not tag_of(body):
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
        if not adapter.has_receipts:
            yield Problem(f"{_ACCOUNTS}[{number}]", f"never tells that a message is {failover.status}")


def _content(body: Mapping[str, Any], adapter: Adapter) -> Mapping[str, Any]:
    """Returns what one way's adapter reads."""
    if "failover" not in body:
        return {name: value for name, value in body.items() if name not in (*OPTIONS, *LATER)}
    named = {name: value for name, value in body.items() if name.casefold() == adapter.network}
    return {"trafficAccountId": adapter.ta, "destination": body.get("destination"), **named}


def _phone(destination: str, adapters: Sequence[Adapter]) -> str:
    """Returns the number that a destination is, in E.164; an empty text for the id of a person or a chat."""
    is_number = is_phone(destination) or any(adapter.address is AddressKind.PHONE for adapter in adapters)
    try:
        return parse_phone(destination) if is_number else ""
    except AddressError:  # which the accounts that write to numbers tell
        return ""


def _address_problems(destination: str, adapters: Sequence[Adapter], phone: str) -> Iterator[Problem]:
    """Yields why a destination is none for one of the accounts, if it is none."""
    for adapter in adapters:
        try:
            if destination and not (phone and not _takes_number(adapter, phone)):
                adapter.find_address(destination)
        except AddressError as error:
            yield Problem("destination", f"{error.what}: {error.fix}" if error.fix else error.what)
            return


def _takes_number(adapter: Adapter, phone: str) -> bool:
    """Whether an account writes to a number itself; else the person's conversation there must be looked up."""
    if adapter.address is AddressKind.PHONE:
        return True
    if type(adapter).find_address is Adapter.find_address:
        # Of ids that may be anything, nobody can tell that a number is none.
        return False
    try:
        return bool(adapter.find_address(phone))
    except AddressError:
        return False


def _way(adapter: Adapter, content: Mapping[str, Any], problems: list[Problem]) -> Way | None:
    """Returns a way as its adapter reads it; adds what is wrong with it."""
    return _checked(adapter, lambda: adapter.read_send(content), problems)


def _way_to_person(adapter: Adapter, request: Request, problems: list[Problem]) -> Way | None:
    """Returns the way to the conversation of a person of whom the number is known; adds what is wrong with it."""
    content = request.contents.get(adapter.network)
    if content is None or problems:
        return None
    return _checked(adapter, lambda: Addressed("", message_of(content)), problems)


def _checked(adapter: Adapter, read: Callable[[], Addressed], problems: list[Problem]) -> Way | None:
    try:
        addressed = read()
        prepared = adapter.prepare(addressed.message, Conversation(adapter.account, addressed.to or "anybody"))
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
