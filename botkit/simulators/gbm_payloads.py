"""The payloads that Business Messages posts, in the shape of its samples and in every odd one that it was seen in."""

import json
import uuid
from base64 import b64encode
from collections.abc import Callable, Collection
from typing import Any, Literal

import msgspec

from botkit.channels.gbm import Entry
from botkit.simulators.gbm_files import PICTURES_HOST
from botkit.simulators.simulator import Person

Json = dict[str, Any]

#: Of what the service's own documents contradict each other in: the form of every payload, then times and order, then
#: receipts.
Oddity = Literal[
    "string_booleans",
    "short_type",
    "underscored_redirect",
    "no_context",
    "no_request_id",
    "unknown_members",
    "wrapped",
    "escaped",
    "wandering_times",
    "newest_first",
    "batched_receipts",
    "doubled_receipts",
    "early_receipts",
]


def write_payload(payload: Json, oddities: Collection[Oddity]) -> bytes:
    """Returns the body of a webhook request."""
    for oddity, change in _CHANGES.items():
        if oddity in oddities:
            payload = change(payload)
    if "escaped" in oddities:
        return json.dumps(payload, ensure_ascii=True, indent=1, separators=(" ,", " : ")).encode()
    return msgspec.json.encode(payload)


def write_context(entry: Entry, person: Person) -> Json:
    """Returns the context of a payload."""
    widget = {"url": entry.widget_url, "widgetContext": entry.widget_context}
    info = {"displayName": person.name, "userDeviceLocale": entry.device_locale or person.locale}
    context = {
        "entryPoint": entry.entry_point,
        "placeId": entry.place_id,
        "nearPlaceId": entry.near_place_id,
        "customContext": entry.custom_context,
        "widget": {name: value for name, value in widget.items() if value},
        "resolvedLocale": entry.resolved_locale or person.locale,
        "userInfo": info,
    }
    return {name: value for name, value in context.items() if value}


def picture_url() -> str:
    """Returns a signed address, as it stands in the place of the text when somebody sends a picture."""
    return (
        f"https://{PICTURES_HOST}/business-messages-simulated/42/{uuid.uuid4()}"
        f"?x-goog-algorithm=GOOG4-RSA-SHA256&x-goog-expires=604800&x-goog-signature={uuid.uuid4().hex}"
    )


def _string_booleans(payload: Json) -> Json:
    status = payload.get("userStatus")
    if not isinstance(status, dict):
        return payload
    spelled = {name: str(value).lower() if isinstance(value, bool) else value for name, value in status.items()}
    return payload | {"userStatus": spelled}


def _renamed(member: str, name: str, other: str) -> Callable[[Json], Json]:
    def rename(payload: Json) -> Json:
        inside = payload.get(member)
        if not isinstance(inside, dict) or name not in inside:
            return payload
        return payload | {member: {other if key == name else key: value for key, value in inside.items()}}

    return rename


def _without(name: str) -> Callable[[Json], Json]:
    return lambda payload: {key: value for key, value in payload.items() if key != name}


def _unknown_members(payload: Json) -> Json:
    new = {"futureMember": {"of": ["a", 1, None]}}
    return new | {name: value | new if isinstance(value, dict) else value for name, value in payload.items()}


def _wrapped(payload: Json) -> Json:
    data = b64encode(msgspec.json.encode(payload)).decode()
    return {"message": {"data": data, "messageId": str(uuid.uuid4())}, "subscription": "projects/x/subscriptions/y"}


_CHANGES: dict[Oddity, Callable[[Json], Json]] = {
    "string_booleans": _string_booleans,
    "short_type": _renamed("suggestionResponse", "suggestionType", "type"),
    "underscored_redirect": _renamed("authenticationResponse", "redirectUri", "redirect_uri"),
    "no_context": _without("context"),
    "no_request_id": _without("requestId"),
    "unknown_members": _unknown_members,
    "wrapped": _wrapped,
}
