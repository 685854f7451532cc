"""The envelope of a request to the simulated Mitto: whose account, to whom, on which network, and what if it fails."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from botkit.redaction import Secret
from botkit.simulators.mitto_contents import Bounds, check_content
from botkit.simulators.mitto_fields import Json, check_names, join, read_object, read_text, read_texts, read_whole
from botkit.simulators.mitto_refusals import invalid
from botkit.simulators.mitto_state import NETWORKS

_ADDRESSES: Mapping[str, re.Pattern[str]] = {
    "telegram": re.compile(r"-?[1-9][0-9]{0,19}"),
    "gbm": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
#: What a failover may wait for.
_GOALS = ("Sent", "Delivered", "Seen")


class TrafficAccount(Struct, frozen=True):
    """One sender on one network, as it was opened; several may share a key.

    `callback_url` is where the SMS API reports what names no address of its own. The keys sign what callbacks carry.
    """

    ta: str
    via: str
    key: Secret
    sender: str = ""
    callback_url: str = ""
    report_keys: tuple[Secret, ...] = ()
    inbound_keys: tuple[Secret, ...] = ()


class Rules(Struct, frozen=True):
    """What a request is judged by: the accounts of its key, and the bounds."""

    accounts: Mapping[str, TrafficAccount]
    bounds: Bounds


class Part(Struct, frozen=True):
    """What one account is to send."""

    account: TrafficAccount
    content: dict[str, Any]


class Order(Struct, frozen=True):
    """A request that was found right: to each of `destinations` the first part, or else the next after `seconds`."""

    destinations: Sequence[str]
    parts: Sequence[Part]
    status: str = ""
    seconds: float = 0
    reference: str = ""


def read_order(body: Json, rules: Rules, *, is_bulk: bool = False, path: str = "") -> Order:
    """Returns what a request asks for. Raises RefusedError at the first thing that Mitto would not take."""
    whom = "destinations" if is_bulk else "destination"
    contents = _contents(body, path)
    tag = ("reference",) if rules.bounds.takes_reference else ()
    check_names(body, {whom, "trafficAccountId", "failover", *NETWORKS, "whatsApp", *tag}, path)
    reference = read_text(body, "reference", path) if "reference" in body else ""
    destinations = read_texts(body, whom, path) if is_bulk else [read_text(body, whom, path)]
    if len(destinations) > rules.bounds.destinations:
        raise invalid(f"{len(destinations)} are too many, at most {rules.bounds.destinations}", join(path, whom))
    order = _with_failover(body, contents, rules) if body.get("failover") else _plain(body, contents, rules, path)
    for destination in destinations:
        for part in order.parts:
            _check_destination(part.account.via, destination, join(path, whom))
    return Order(destinations, order.parts, order.status, order.seconds, reference)


def read_orders(body: Json, rules: Rules) -> Sequence[Order]:
    """Returns what a request with several messages asks for. Raises RefusedError."""
    check_names(body, {"messages"})
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(item, dict) for item in messages):
        raise invalid("a list of messages is required", "messages")
    if len(messages) > rules.bounds.destinations:
        raise invalid(f"{len(messages)} are too many, at most {rules.bounds.destinations}", "messages")
    return [read_order(item, rules, path=f"messages.{number}") for number, item in enumerate(messages)]


def address_of(via: str, destination: str) -> str:
    """Returns a destination in the one spelling that screens go by."""
    return destination.lower() if via in _ADDRESSES else destination.removeprefix("+")


def _contents(body: Json, path: str) -> dict[str, dict[str, Any]]:
    """Returns the content of each network that is there; an empty one is none."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in body.items():
        via = "whatsapp" if name == "whatsApp" else name
        if via not in NETWORKS or value is None or value == {}:
            continue
        if not isinstance(value, dict):
            raise invalid("an object is required", join(path, name))
        found[via] = value
    return found


def _plain(body: Json, contents: Mapping[str, dict[str, Any]], rules: Rules, path: str) -> Order:
    account = _account(read_text(body, "trafficAccountId", path), rules, join(path, "trafficAccountId"))
    if len(contents) != 1:
        raise invalid(f"exactly one of {', '.join(NETWORKS)} is required, {len(contents)} are there", path)
    return Order((), [_part(account, contents, rules, join(path, "trafficAccountId"))])


def _with_failover(body: Json, contents: Mapping[str, dict[str, Any]], rules: Rules) -> Order:
    if body.get("trafficAccountId") is not None:
        raise invalid("a failover names its accounts itself", "trafficAccountId")
    failover = read_object(body, "failover")
    check_names(failover, {"type", "timeoutFailover"}, "failover")
    if failover.get("type") != "Timeout":
        raise invalid("Timeout is required", "failover.type")
    inside, path = read_object(failover, "timeoutFailover", "failover"), "failover.timeoutFailover"
    check_names(inside, {"status", "timeoutInSeconds", "trafficAccounts"}, path)
    status = read_text(inside, "status", path)
    if status not in _GOALS:
        raise invalid(f"one of {', '.join(_GOALS)} is required", join(path, "status"))
    seconds = float(read_whole(inside, "timeoutInSeconds", path, 1))
    return Order((), _steps(inside, contents, rules), status, seconds)


def _steps(failover: Json, contents: Mapping[str, dict[str, Any]], rules: Rules) -> list[Part]:
    path = "failover.timeoutFailover.trafficAccounts"
    ids = read_texts(failover, "trafficAccounts", "failover.timeoutFailover")
    if len(ids) < 2 or len(set(ids)) < len(ids):
        raise invalid("two accounts at least are required, each of them once", path)
    accounts = [_account(ta, rules, path) for ta in ids]
    if unused := contents.keys() - {account.via for account in accounts}:
        raise invalid("no account of the failover sends this", min(unused))
    return [_part(account, contents, rules, path) for account in accounts]


def _account(ta: str, rules: Rules, path: str) -> TrafficAccount:
    if ta not in rules.accounts:
        raise invalid("there is no such traffic account", path)
    return rules.accounts[ta]


def _part(account: TrafficAccount, contents: Mapping[str, dict[str, Any]], rules: Rules, path: str) -> Part:
    if account.via not in contents:
        raise invalid(f"the traffic account sends {account.via}, which is not there", path)
    check_content(account.via, contents[account.via], rules.bounds)
    return Part(account, contents[account.via])


def _check_destination(via: str, destination: str, path: str) -> None:
    if not _ADDRESSES.get(via, _PHONE).fullmatch(destination):
        raise invalid(f"it is no address of {via}", path)
