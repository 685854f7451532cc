"""The envelope of a request to send: from which account, to whom, what on each network, and in which order.

https://docs.mitto.ch/
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from botkit.chatapps.contents import NETWORKS, Content, encode_content, find_problems
from botkit.chatapps.reading import Reader, as_json, did_you_mean, is_blank
from botkit.exceptions import InvalidRequestError, Problem

#: Members that botkit's own send API adds; they are looked at there.
OPTIONS = frozenset({"id", "reference", "route", "scheduleInfo", "useTimeDiff", "timeZone", "notifyUrl", "ttl"})
#: What the message must have come to in time, for the next account not to be tried.
STATUSES = ("Sent", "Delivered", "Seen")
#: Seconds: a way that is not taken is forgotten after 60 days.
MAX_TIMEOUT = 60 * 86_400
MIN_ACCOUNTS = 2

_ENVELOPE = ("trafficAccountId", "destination", "destinations", "failover")
_ACCOUNTS = "failover.timeoutFailover.trafficAccounts"


class TimeoutFailover(Struct, frozen=True, rename="camel"):
    """The accounts to try in turn: the next one where `status` is not reached within so many seconds."""

    status: str
    timeout_in_seconds: int
    traffic_accounts: tuple[str, ...]


class Failover(Struct, frozen=True, rename="camel"):
    """What to do where a message does not arrive; `Timeout` is the only type."""

    type: str
    timeout_failover: TimeoutFailover


class Request(Struct, frozen=True):
    """A request to send that breaks no rule of its own.

    It has a `destination`, or `destinations` in bulk. `contents` are by network, in the order of the request: several
    only with a failover, or a route among the `options`. `traffic_account` may be empty there.
    """

    traffic_account: str
    destination: str
    destinations: tuple[str, ...]
    contents: Mapping[str, Content]
    failover: Failover | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def read_request(body: Mapping[str, Any], options: Collection[str] = (), *, is_bulk: bool = False) -> Request:
    """Returns a request to send; `is_bulk` tells that it names `destinations`.

    Members named in `options` are kept as they are. Raises InvalidRequestError with everything that is wrong.
    """
    problems: list[Problem] = []
    request = find_request_problems(body, problems, options, is_bulk=is_bulk)
    if problems:
        raise InvalidRequestError(problems)
    return request


def find_request_problems(
    body: Mapping[str, Any], problems: list[Problem], options: Collection[str] = (), *, is_bulk: bool = False
) -> Request:
    """Adds everything that is wrong with a request, and returns it as far as it can be read."""
    reader = Reader({name: body[name] for name in _ENVELOPE if name in body}, "", problems)
    given = {name: value for name, value in body.items() if name in options and not is_blank(value)}
    failover = _read_failover(reader.member("failover"))
    contents = _read_contents(body, options, problems)
    request = Request(
        traffic_account=_read_account(reader, failover, is_needed="failover" not in reader and "route" not in given),
        destination="" if is_bulk else _read_name(reader, "destination"),
        destinations=_read_names(reader, "destinations") if is_bulk else (),
        contents=contents,
        failover=failover,
        options=given,
    )
    _check_count(contents, problems, has_ways="failover" in reader or "route" in given)
    reader.finish()
    return request


def _read_account(reader: Reader, failover: Failover | None, *, is_needed: bool) -> str:
    account = _read_name(reader, "trafficAccountId", is_required=is_needed)
    first = failover.timeout_failover.traffic_accounts[:1] if failover else ()
    if account and first and account not in first:
        reader.refuse("trafficAccountId", f"is the first of {_ACCOUNTS}, or left out")
    return account


def _read_name(reader: Reader, name: str, *, is_required: bool = True) -> str:
    value = reader.text(name, is_required=is_required)
    if any(char.isspace() for char in value.strip()) and name != "destination":
        reader.refuse(name, "has no spaces")
    return value.strip()


def _read_names(reader: Reader, name: str) -> tuple[str, ...]:
    values: Sequence[object] = reader.take(name, (list, tuple), "a list of texts", is_required=True) or ()
    for number, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            reader.refuse(f"{name}[{number}]", "is a text that can be seen")
    return tuple(value.strip() for value in values if isinstance(value, str))


def _read_contents(body: Mapping[str, Any], options: Collection[str], problems: list[Problem]) -> Mapping[str, Content]:
    """Reads the networks' objects, whatever the case of their names."""
    contents: dict[str, Content] = {}
    known = (*_ENVELOPE, *NETWORKS, *sorted(options))
    for name, value in body.items():
        network = name.casefold()
        if (name in known and name not in NETWORKS) or is_blank(value):
            continue
        if network not in NETWORKS:
            problems.append(Problem(name[:64], f"there is no such member here{did_you_mean(name, known)}"))
        elif network in contents:
            problems.append(Problem(network, "stands there once, whatever the case of its letters"))
        elif (content := find_problems(network, value, problems)) is not None:
            contents[network] = content
    return contents


def _check_count(contents: Mapping[str, Content], problems: list[Problem], *, has_ways: bool) -> None:
    listed = ", ".join(NETWORKS)
    if not contents and not any(problem.path.partition(".")[0] in NETWORKS for problem in problems):
        problems.append(Problem("", f"a request has one of {listed}, not none"))
    elif len(contents) > 1 and not has_ways:
        problems.append(Problem("", f"a request without a failover has one of {listed}, not {len(contents)}"))


# --- failover ---


def _read_failover(reader: Reader | None) -> Failover | None:
    if reader is None:
        return None
    kind = reader.word("type", ("Timeout",), is_required=True)
    inner = reader.member("timeoutFailover", is_required=True)
    reader.finish()
    return Failover(kind, _read_timeout(inner)) if inner else None


def _read_timeout(reader: Reader) -> TimeoutFailover:
    status = reader.word("status", STATUSES, is_required=True)
    seconds = reader.whole("timeoutInSeconds", 1, MAX_TIMEOUT, is_required=True)
    accounts = _read_names(reader, "trafficAccounts")
    reader.finish()
    if "trafficAccounts" in reader and len(accounts) < MIN_ACCOUNTS:
        reader.refuse("trafficAccounts", f"names at least {MIN_ACCOUNTS} accounts, not {len(accounts)}")
    for number, account in enumerate(accounts):
        if account in accounts[:number]:
            reader.refuse(f"trafficAccounts[{number}]", "is named once; it stands there twice")
    return TimeoutFailover(status, seconds, accounts)


def check_ways(request: Request, networks: Mapping[str, str]) -> Sequence[Problem]:
    """Returns what is wrong between a request and the accounts that it goes from, given each account's network.

    Each account is known and has its network's object; each object has an account.
    """
    failover = request.failover.timeout_failover if request.failover else None
    accounts = failover.traffic_accounts if failover else (request.traffic_account,)
    problems = []
    for number, account in enumerate(accounts):
        path = f"{_ACCOUNTS}[{number}]" if failover else "trafficAccountId"
        network = networks.get(account)
        if network is None:
            problems.append(Problem(path, "there is no such traffic account"))
        elif network not in request.contents:
            problems.append(Problem(network, f"is needed: {path} sends it"))
    used = {networks[account] for account in accounts if account in networks}
    unused = [network for network in request.contents if network not in used]
    return [*problems, *(Problem(network, "no traffic account of the request sends it") for network in unused)]


def encode_request(request: Request) -> dict[str, Any]:
    """Returns the request as JSON in the documented order; its options stand last."""
    members: dict[str, Any] = {}
    if request.destinations:
        members["destinations"] = list(request.destinations)
    if request.traffic_account:
        members["trafficAccountId"] = request.traffic_account
    if request.destination:
        members["destination"] = request.destination
    members |= {network: encode_content(content) for network, content in request.contents.items()}
    if request.failover:
        members["failover"] = as_json(request.failover)
    return {**members, **request.options}
