"""The description of the send API for programs: an OpenAPI 3.1 document."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from botkit.send_api.schemas import PREFIX, components

Item = dict[str, Any]

_DESCRIPTION = """\
Sends messages through the accounts of a running botkit service: bots and gateways alike.

Every request shows a key in the header `X-Botkit-Key`. What is answered with 200 is stored, and is sent once. An answer
of 503, or none at all, means that nobody knows: the same request again with the same `Idempotency-Key` is safe for at
least 48 hours, and is answered the same.

Paths may be written in letters of either case.
"""

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to repeat: the same key with the same body is the same message.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

_MESSAGE_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a message, as it was answered.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}00(\\.[0-9]{1,2})?$"},
}

_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}

_ERRORS: Mapping[str, str] = {
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

#: A request for each network, and one of several, as their readers take them.
EXAMPLES: Mapping[str, Item] = {
    "sms": {
        "trafficAccountId": "shop-sms",
        "destination": "+385910000001",
        "sms": {"text": "Your parcel is here.", "sender": "Shop"},
    },
    "viber": {
        "trafficAccountId": "shop-viber",
        "destination": "+385910000001",
        "viber": {
            "type": "promotional",
            "ttl": 3600,
            "text": "Sale today",
            "mediaUrl": "https://cdn.example.org/sale.png",
            "button": {"caption": "Open", "action": "https://shop.example.org/sale"},
        },
    },
    "viber file": {
        "trafficAccountId": "shop-viber",
        "destination": "+385910000001",
        "viber": {"type": "session", "file": {"mediaUrl": "https://cdn.example.org/7", "fileName": "invoice.pdf"}},
    },
    "telegram": {
        "trafficAccountId": "shop-telegram",
        "destination": "1861000001",
        "telegram": {"silent": True, "text": {"message": "<b>Hello</b>", "parseMode": "Html", "noPreview": True}},
    },
    "telegram place": {
        "trafficAccountId": "shop-telegram",
        "destination": "1861000001",
        "telegram": {"location": {"latitude": 45.815, "longitude": 15.982}},
    },
    "gbm": {
        "trafficAccountId": "shop-gbm",
        "destination": "6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01",
        "gbm": {
            "text": {"message": "Pick **one**", "containsRichText": True},
            "suggestions": [{"reply": {"text": "One", "postbackData": "pick:1"}}],
            "fallback": "Reply 1 or 2",
            "representative": {"representativeType": "BOT", "displayName": "Shop"},
        },
    },
    "whatsapp": {
        "trafficAccountId": "shop-whatsapp",
        "destination": "+385910000001",
        "whatsapp": {"type": "regular", "regular": {"type": "text", "text": "Hello"}},
    },
    "failover": {
        "destination": "+385910000001",
        "whatsapp": {"type": "regular", "regular": {"type": "text", "text": "Your parcel is here."}},
        "sms": {"text": "Your parcel is here.", "sender": "Shop"},
        "failover": {
            "type": "Timeout",
            "timeoutFailover": {
                "status": "Delivered",
                "timeoutInSeconds": 45,
                "trafficAccounts": ["shop-whatsapp", "shop-sms"],
            },
        },
        "id": "order-20417",
        "reference": "parcels",
    },
    "route": {"route": "urgent", "destination": "+385910000001", "sms": {"text": "Your parcel is here."}},
}


@functools.cache
def document() -> bytes:
    """Returns the document as JSON."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "botkit send API", "version": "1.1", "description": _DESCRIPTION},
            "security": [{"key": []}],
            "paths": {
                **{path: {"post": _send(path, "Message")} for path in ("/messages/send", "/message/send")},
                "/api/v1/Messages/send": {"post": _send("/api/v1/Messages/send", "Message")},
                "/api/v1.1/Messages/send": {"post": _send("/api/v1.1/Messages/send", "MessageList")},
                **{path: {"get": _ask(path)} for path in _ASKED},
            },
            "components": {
                "schemas": components(),
                "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Botkit-Key"}},
            },
        }
    )


_ASKED = ("/messages/{id}", "/api/v1/Messages/{id}", "/api/v1.1/Messages/{id}")


def _send(path: str, answered: str) -> Item:
    return {
        "operationId": _name("send", path),
        "summary": "Send a message",
        "description": "Needs the scope `send`.",
        "parameters": [_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [_ref("MessageRequest"), _ref("OwnRequest")]},
                    "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
                }
            },
        },
        "responses": {
            "200": _json("Stored. With a failover, an id for each way.", [answered, "MessageIds"]),
            **_errors(*_ERRORS),
        },
    }


def _ask(path: str) -> Item:
    return {
        "operationId": _name("ask", path),
        "summary": "What became of a message",
        "description": "Needs the scope `read`. A message is known for 30 days, to the key that sent it.",
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": _json("What is known.", ["MessageState"]),
            **_errors("401", "403", "429", "500", "503"),
            "404": _json("There is no such message of this key.", ["ErrorAnswer"]),
        },
    }


def _errors(*statuses: str) -> Item:
    found = {status: _json(_ERRORS[status], ["ErrorAnswer"]) for status in statuses}
    return {
        status: answer | {"headers": _RETRY_AFTER} if status in ("429", "503") else answer
        for status, answer in found.items()
    }


def _json(what: str, names: Sequence[str]) -> Item:
    schemas = [_ref(name) for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Item:
    return {"$ref": PREFIX + name}


def _name(verb: str, path: str) -> str:
    return "_".join([verb, *(part.strip("{}").replace(".", "_") for part in path.lower().split("/") if part)])
