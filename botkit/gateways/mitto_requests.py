"""Requests to send, to and fro: a message of ours in the gateway's words, and a caller's request as a message.

https://docs.mitto.ch/chat-apps/
"""

from collections.abc import Callable, Mapping
from typing import Any

from botkit.adapter import Addressed
from botkit.chatapps.contents import encode_content
from botkit.chatapps.messages import content_of
from botkit.chatapps.requests import encode_request, read_request
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, Problem
from botkit.messages import AnyMessage, Raw

CHANNEL = "mitto"

_ENVELOPE = ("trafficAccountId", "destination")
# An address for checks in which only the content matters.
_SOMEBODY = "385910000001"


def addressed(payload: Mapping[str, Any], ta: str, destination: str) -> dict[str, Any]:
    """Returns the request that sends a payload; with a failover, the accounts are named there."""
    account = {} if "failover" in payload else {"trafficAccountId": ta}
    return {**account, "destination": destination, **payload}


def render(message: AnyMessage, via: str, defaults: Mapping[str, Any]) -> Raw:
    """Returns a message of ours as it is sent on a network, with the account's `defaults` where it has none.

    Raises MessageError for a kind that the network has not, InvalidRequestError for what breaks its rules.
    """
    return Raw(channel=CHANNEL, payload={via: encode_content(content_of(via, message, defaults))}, ttl=message.ttl)


def check_raw(message: Raw, ta: str, via: str) -> None:
    """Returns for a payload that an account takes: its network's content, or several with a failover.

    Raises InvalidRequestError with every problem and its path, MessageError for the Raw of somebody else.
    """
    if message.channel != CHANNEL or message.method:
        raise MessageError(f"this Raw is for {message.channel}", fix="a Raw for mitto has its channel and no method")
    if inside := [name for name in _ENVELOPE if name in message.payload]:
        raise InvalidRequestError([Problem(name, "is added when it is sent") for name in inside])
    request = read_request(addressed(message.payload, ta or "ta", _SOMEBODY))
    if via not in request.contents:
        raise InvalidRequestError([Problem(via, "is what the account sends, and is not there")])


def read_send(
    body: Mapping[str, Any], ta: str, via: str, find_address: Callable[[str], str], defaults: Mapping[str, Any]
) -> Addressed:
    """Returns the message of a request, and the conversation that its destination means.

    The account's `defaults` are added to what its own network is to send.

    Raises InvalidRequestError with every problem and its path.
    """
    request = read_request(body)
    problems = []
    accounts = request.failover.timeout_failover.traffic_accounts if request.failover else ()
    if ta not in (request.traffic_account, *accounts):
        problems.append(Problem("trafficAccountId", "is the id of another account"))
    if via not in request.contents:
        problems.append(Problem(via, "is what the account sends, and is not there"))
    to = ""
    try:
        to = find_address(request.destination)
    except AddressError as error:
        problems.append(Problem("destination", error.what))
    if problems:
        raise InvalidRequestError(problems)
    payload = {name: value for name, value in encode_request(request).items() if name not in _ENVELOPE}
    payload[via] |= {name: value for name, value in defaults.items() if name not in payload[via]}
    # With a failover, each way has a time of its own.
    ttl = 0 if request.failover else payload[via].get("ttl", 0)
    return Addressed(to, Raw(channel=CHANNEL, payload=payload, ttl=ttl))
