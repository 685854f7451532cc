"""The part of the send API's description that is about one message to many destinations."""

from collections.abc import Mapping, Sequence

from botkit.broadcast import Stage
from botkit.send_api.answers import STATUSES
from botkit.send_api.bulk import DEFAULT_PAGE, MAX_PAGE, MOVES
from botkit.send_api.bulk_answers import BulkAnswer, BulkMessages, BulkState
from botkit.send_api.bulk_orders import MAX_DESTINATION
from botkit.send_api.openapi_parts import ERRORS, IDEMPOTENCY_KEY, Item, answered, errors, operation_id, ref
from botkit.send_api.schemas import Schema, answer_schemas, message_request

#: A request for each form, as their readers take them.
BULK_EXAMPLES: Mapping[str, Item] = {
    "sms": {
        "destinations": ["+385910000001", "+385910000002"],
        "trafficAccountId": "shop-sms",
        "sms": {"text": "Open again!", "sender": "Shop"},
    },
    "failover": {
        "destinations": ["+385910000001", "+385910000002"],
        "viber": {"type": "promotional", "text": "Open again!"},
        "sms": {"text": "Open again!", "sender": "Shop"},
        "failover": {
            "type": "Timeout",
            "timeoutFailover": {
                "status": "Delivered",
                "timeoutInSeconds": 3600,
                "trafficAccounts": ["shop-viber", "shop-sms"],
            },
        },
        "id": "opening",
    },
}

_SEND = ("/messages/sendbulk", "/message/sendbulk", "/api/v1.1/Messages/sendbulk")
_BULK_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a bulk, as it was answered.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{10}$"},
}
_AFTER = {
    "name": "after",
    "in": "query",
    "description": "Where the page begins: the `next` of the one before.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"},
}
_LIMIT = {
    "name": "limit",
    "in": "query",
    "description": "How many messages there are on a page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
}
_COUNT = {"minimum": 0}
_INSTANT = {"format": "date-time"}
_TOLD: Mapping[str, Mapping[str, Schema]] = {
    "BulkState": {
        "stage": {"enum": [stage.value for stage in Stage]},
        **dict.fromkeys(("total", "sent", "failed", "skipped", "delivered", "seen", "undelivered"), _COUNT),
        **dict.fromkeys(("createdAt", "startedAt", "endedAt"), _INSTANT),
    },
    "BulkMessage": {"deliveryStatus": {"enum": [*dict.fromkeys(STATUSES.values())]}},
}
_MOVES = {
    "pause": "Stop a bulk until it is resumed",
    "resume": "Let a paused bulk go on where it stopped",
    "cancel": "End a bulk for good",
}


def bulk_paths() -> dict[str, Item]:
    """Returns what can be asked at which path."""
    return {
        **{path: {"post": _send(path)} for path in _SEND},
        "/bulk/{id}": {"get": _ask("/bulk/{id}", "How far a bulk has come", "BulkState", [_BULK_ID])},
        "/bulk/{id}/messages": {
            "get": _ask(
                "/bulk/{id}/messages",
                "What became of each destination of a bulk",
                "BulkMessages",
                [_BULK_ID, _AFTER, _LIMIT],
                "400",
            )
        },
        **{f"/bulk/{{id}}/{word}": {"post": _move(word)} for word in MOVES},
    }


def bulk_components() -> dict[str, Schema]:
    """Returns the schemas of these requests and answers, by name."""
    return {"BulkRequest": _request(), **answer_schemas((BulkAnswer, BulkState, BulkMessages), _TOLD)}


def _request() -> Schema:
    one = message_request()
    members = {name: schema for name, schema in one["properties"].items() if name not in ("destination", "useTimeDiff")}
    destination = {"type": "string", "minLength": 1, "maxLength": MAX_DESTINATION}
    return {
        **one,
        "title": "BulkRequest",
        "description": "One message to many destinations; else as a message to one.",
        "properties": {"destinations": {"type": "array", "minItems": 1, "items": destination}, **members},
        "required": ["destinations"],
    }


def _send(path: str) -> Item:
    return {
        "operationId": operation_id("send", path),
        "summary": "Send one message to many destinations",
        "description": (
            "Needs the scope `bulk`. Who is named twice gets the message once. The answer is made while destinations "
            "are written down, and the sending begins when it is whole: after one that breaks off nothing is sent, and "
            "the same request with the same `Idempotency-Key` completes it."
        ),
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": ref("BulkRequest"),
                    "examples": {name: {"value": value} for name, value in BULK_EXAMPLES.items()},
                }
            },
        },
        "responses": {
            "200": answered("Stored. Each destination has its message's id, or what is wrong with it.", ["BulkAnswer"]),
            **errors(*ERRORS),
        },
    }


def _ask(path: str, summary: str, shape: str, parameters: Sequence[Item], *others: str) -> Item:
    return {
        "operationId": operation_id("ask", path),
        "summary": summary,
        "description": "Needs the scope `read`. A bulk is known for 30 days after its end, to the key that sent it.",
        "parameters": [*parameters],
        "responses": _responses(shape, *others),
    }


def _move(word: str) -> Item:
    return {
        "operationId": operation_id(word, "/bulk"),
        "summary": _MOVES[word],
        "description": "Needs the scope `bulk`. What is about to go out by then still does: up to 200 messages.",
        "parameters": [_BULK_ID],
        "responses": {
            **_responses("BulkState"),
            "409": answered("There is no way to that from the stage that it is in.", ["ErrorAnswer"]),
        },
    }


def _responses(shape: str, *others: str) -> Item:
    return {
        "200": answered("What is known.", [shape]),
        **errors("401", "403", "429", "500", "503", *others),
        "404": answered("There is no such bulk of this key.", ["ErrorAnswer"]),
    }
