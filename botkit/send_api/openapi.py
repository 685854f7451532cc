"""The description of the send API for programs: an OpenAPI 3.1 document."""

import functools
from collections.abc import Mapping

import msgspec

from botkit.send_api.bulk_openapi import bulk_components, bulk_paths
from botkit.send_api.openapi_parts import ERRORS, IDEMPOTENCY_KEY, Item, answered, errors, operation_id, ref
from botkit.send_api.schemas import components

_DESCRIPTION = """\
Sends messages through the accounts of a running botkit service: bots and gateways alike.

Every request shows a key in the header `X-Botkit-Key`. What is answered with 200 is stored, and is sent once. An answer
of 503, or none at all, means that nobody knows: the same request again with the same `Idempotency-Key` is safe for at
least 48 hours, and is answered the same.

Paths may be written in letters of either case.
"""

_MESSAGE_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a message, as it was answered.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}00(\\.[0-9]{1,2})?$"},
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
    "scheduled": {
        "trafficAccountId": "shop-sms",
        "destination": "+385910000001",
        "sms": {"text": "Your parcel is here."},
        "scheduleInfo": {"timeBegin": "09:00", "timeEnd": "20:00", "weekdaysSchedule": "12345"},
        "timeZone": "Europe/Zagreb",
        "notifyUrl": "https://shop.example.org/reports",
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
                **{path: {"get": _ask(path), "delete": _cancel(path)} for path in _ASKED},
                **bulk_paths(),
            },
            "components": {
                "schemas": {**components(), **bulk_components()},
                "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Botkit-Key"}},
            },
        }
    )


_ASKED = ("/messages/{id}", "/api/v1/Messages/{id}", "/api/v1.1/Messages/{id}")


def _send(path: str, shape: str) -> Item:
    return {
        "operationId": operation_id("send", path),
        "summary": "Send a message",
        "description": "Needs the scope `send`.",
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [ref("MessageRequest"), ref("OwnRequest")]},
                    "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
                }
            },
        },
        "responses": {
            "200": answered("Stored. With a failover, an id for each way.", [shape, "MessageIds"]),
            **errors(*ERRORS),
        },
    }


def _ask(path: str) -> Item:
    return {
        "operationId": operation_id("ask", path),
        "summary": "What became of a message",
        "description": "Needs the scope `read`. A message is known for 30 days, to the key that sent it.",
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": answered("What is known.", ["MessageState"]),
            **errors("401", "403", "429", "500", "503"),
            "404": answered("There is no such message of this key.", ["ErrorAnswer"]),
        },
    }


def _cancel(path: str) -> Item:
    return {
        "operationId": operation_id("cancel", path),
        "summary": "Cancel a message that still waits for its time",
        "description": "Needs the scope `send`. May be repeated: what was cancelled already is answered the same.",
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": answered("It was cancelled, and will not go.", ["MessageState"]),
            **errors("401", "403", "429", "500", "503"),
            "404": answered("There is no such message of this key.", ["ErrorAnswer"]),
            "409": answered("It does not wait for its time, or not any more.", ["ErrorAnswer"]),
        },
    }
