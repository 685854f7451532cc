"""What the descriptions of all requests are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from botkit.send_api.schemas import PREFIX

Item = dict[str, Any]

#: The header that makes a request safe to repeat.
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to repeat: the same key with the same body is the same message.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}

#: What each status says.
ERRORS: Mapping[str, str] = {
    "400": "The request breaks rules; `problems` lists every one, with its path.",
    "401": "No key that is known.",
    "403": "The key has no scope for this, or may not use the account.",
    "404": "There is no such account or route.",
    "408": "The body did not come in time.",
    "409": "The idempotency key stands for another request.",
    "413": "The body is too large.",
    "415": "The body is not announced as JSON in UTF-8, or is compressed.",
    "429": "The key's requests come too fast.",
    "500": "A mistake of the service's.",
    "503": "It could not be stored now, as far as is known.",
}


def errors(*statuses: str) -> Item:
    """Returns the answers of these statuses."""
    found = {status: answered(ERRORS[status], ["ErrorAnswer"]) for status in statuses}
    return {
        status: answer | {"headers": _RETRY_AFTER} if status in ("429", "503") else answer
        for status, answer in found.items()
    }


def answered(what: str, names: Sequence[str]) -> Item:
    """Returns an answer that has one of these schemas."""
    schemas = [ref(name) for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def ref(name: str) -> Item:
    """Returns what stands for a schema."""
    return {"$ref": PREFIX + name}


def operation_id(verb: str, path: str) -> str:
    """Returns the name of what is done at a path."""
    return "_".join([verb, *(part.strip("{}").replace(".", "_") for part in path.lower().split("/") if part)])
