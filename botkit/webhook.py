"""A webhook as the service calls it, and as the service says that it is set."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class WebhookRequest(Struct, frozen=True):
    """An inbound request as it came: header names in lower case, the body's bytes untouched.

    `kind` is the last part of a gateway's path, as `report`; empty for a channel's webhook. `raw_query` is the query
    string as it came.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    kind: str = ""
    method: str = "POST"
    raw_query: bytes = b""


class WebhookStatus(Struct, frozen=True):
    """What the service says of our webhook; an empty `url` means none is set. `details` is shown to the operator."""

    url: str
    details: Mapping[str, Any]
