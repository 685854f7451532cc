"""Puts requests to Rapporto together: the account's own settings, and several ways as one cascade."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from botkit.exceptions import MessageError
from botkit.gateways.rapporto_messages import ttl_of
from botkit.gateways.rapporto_types import KINDS
from botkit.messages import Raw
from botkit.outgoing import Hop, Trail

Json = dict[str, Any]

_STATES = {"delivered": "DELIVERED", "seen": "READ"}


class Defaults(Struct, frozen=True):
    """What an account adds to a request that says nothing of it; empty or None adds nothing.

    `kind` is the type of message whose `service_number` and `shorten_links` these are.
    """

    kind: str
    id: str = ""
    service_number: str = ""
    registered_delivery: int | None = None
    notify_url: str = ""
    shorten_links: bool | None = None


def with_defaults(body: Mapping[str, Any], defaults: Defaults) -> Json:
    """Returns the request with what the account adds; what the request says itself stands."""
    whole = dict(body)
    added = {
        "id": defaults.id,
        "registeredDelivery": defaults.registered_delivery,
        "notifyUrl": defaults.notify_url,
    }
    for name, value in added.items():
        if value not in ("", None):
            whole.setdefault(name, value)
    message = whole.get("message")
    if not isinstance(message, Mapping) or message.get("type") != defaults.kind:
        return whole
    data = message.get("data")
    if defaults.service_number and isinstance(data, Mapping) and "serviceNumber" not in data:
        whole["message"] = {**message, "data": {**data, "serviceNumber": defaults.service_number}}
    if defaults.shorten_links is not None and KINDS[defaults.kind].shortens:
        _add_shortening(whole, shortens=defaults.shorten_links)
    return whole


def _add_shortening(whole: Json, *, shortens: bool) -> None:
    if "cascadeChainLink" in whole:
        whole["message"] = {"shortenLinks": shortens, **whole["message"]}
    else:
        whole.setdefault("shortenLinks", shortens)


def ways_of(body: Mapping[str, Any]) -> Iterator[str]:
    """Yields the types of the messages that a request may send: the first, and those of its cascade."""
    message, link = body.get("message"), body.get("cascadeChainLink")
    while isinstance(message, Mapping):
        yield str(message.get("type"))
        message, link = (link.get("message"), link.get("nextLink")) if isinstance(link, Mapping) else (None, None)


def as_link(body: Mapping[str, Any]) -> Json:
    """Returns the message of a request as it stands in a cascade: with `shortenLinks` inside."""
    shortening = {"shortenLinks": body["shortenLinks"]} if "shortenLinks" in body else {}
    return {**body["message"], **shortening}


def cascade(body: Mapping[str, Any], trail: Trail) -> Json:
    """Returns the request that goes the joined ways of a trail, one after the other.

    Each way has as long as its hop says, as near as its type allows. Raises MessageError for a way that is not
    rendered, or whose end Rapporto does not know: it waits for DELIVERED or READ.
    """
    if "cascadeChainLink" in body:
        raise MessageError("a message that is joined with other ways has no cascade of its own")
    hops = trail.hops[trail.hop : trail.hop + trail.joined]
    messages = [as_link(body), *(_rendered(hop) for hop in hops[1:])]
    timed = [_timed(message, hop.seconds) for message, hop in zip(messages, hops, strict=True)]
    whole = {name: value for name, value in body.items() if name not in ("message", "shortenLinks")}
    return {**whole, "message": timed[0], "cascadeChainLink": _chain(timed[1:], hops)}


def _chain(messages: Sequence[Json], hops: Sequence[Hop]) -> Json:
    link: Json = {}
    for message, previous in reversed([*zip(messages, hops, strict=False)]):
        if previous.status not in _STATES:
            raise MessageError("a cascade waits for what is delivered or seen, not for what is sent")
        link = {"state": _STATES[previous.status], "message": message} | ({"nextLink": link} if link else {})
    return link


def _rendered(hop: Hop) -> Json:
    if not isinstance(hop.message, Raw) or "message" not in hop.message.payload:
        raise MessageError("a way of the cascade is not rendered")
    return as_link(hop.message.payload)


def _timed(message: Json, seconds: float) -> Json:
    data = message.get("data")
    if not seconds or not isinstance(data, Mapping) or data.get("ttl") or message.get("type") not in KINDS:
        return message
    kept = {name: value for name, value in data.items() if name not in ("ttl", "ttlUnit")}
    return {**message, "data": {**kept, **ttl_of(message["type"], seconds)}}
