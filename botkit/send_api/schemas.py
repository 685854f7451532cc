"""The JSON of the send API as schemas: made of its structs, with the bounds that their readers know."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from botkit.chatapps import gbm, sms, telegram, viber
from botkit.chatapps.requests import MIN_ACCOUNTS, STATUSES, Failover
from botkit.delivery_route import MAX_SECONDS
from botkit.messages import MAX_CARDS, MAX_TTL, MIN_CARDS, MIN_TTL
from botkit.send_api.answers import CREATED, STAGES, UNKNOWN, WAY_STATUSES, Message, MessageList, MessageState
from botkit.send_api.answers import STATUSES as DELIVERY_STATUSES
from botkit.send_api.options import MAX_NOTIFY
from botkit.send_api.orders import MAX_REFERENCE
from botkit.send_api.refusals import ErrorAnswer
from botkit.submission import Stage

Schema = dict[str, Any]

PREFIX = "#/components/schemas/"

_SHOWN = {"minLength": 1}
_WEB = {"format": "uri", "pattern": "^https?://"}
_HTTPS = {"format": "uri", "pattern": "^https://"}


def _most(length: int) -> Schema:
    return {"maxLength": length}


# What the readers of requests look at beyond the types, by schema and member.
_BOUNDS: Mapping[str, Mapping[str, Schema]] = {
    "Sms": {
        "text": _SHOWN,
        "sender": {
            "pattern": f"^(\\+?[0-9]+|[A-Za-z0-9]{{1,{sms.MAX_NAME}}})$",
            "maxLength": sms.MAX_NUMBER,
            "description": "Digits with an optional plus, which counts, or a name.",
        },
    },
    "Viber": {
        "type": {"enum": [*viber.TYPES]},
        "ttl": {"minimum": MIN_TTL, "maximum": MAX_TTL, "description": "Seconds; without it, 14 days."},
        "mediaUrl": _WEB,
        "keyboard": {"description": "A keyboard in Viber's own words."},
    },
    "Viber.Button": {"caption": _SHOWN, "action": {"description": "An address of any scheme, viber: among them."}},
    "Viber.File": {"mediaUrl": _WEB, "fileName": _most(viber.MAX_FILE_NAME)},
    "Telegram.Words": {
        "message": _SHOWN | {"description": f"1 to {telegram.MAX_TEXT} UTF-16 units without its marks."},
        "parseMode": {"enum": [*telegram.PARSE_MODES]},
    },
    "Telegram.Media": {
        "url": _WEB,
        "caption": {"description": f"At most {telegram.MAX_CAPTION} UTF-16 units without its marks."},
        "parseMode": {"enum": [*telegram.PARSE_MODES]},
    },
    "Telegram.Place": {
        "latitude": {"minimum": -90, "maximum": 90},
        "longitude": {"minimum": -180, "maximum": 180},
    },
    "Gbm": {"suggestions": {"maxItems": gbm.MAX_SUGGESTIONS}, "fallback": _most(gbm.MAX_TEXT)},
    "Gbm.Words": {"message": _SHOWN | _most(gbm.MAX_TEXT)},
    "Gbm.Picture": {"fileUrl": _HTTPS, "thumbnailUrl": _HTTPS},
    "Gbm.Reply": {"text": _SHOWN | _most(gbm.MAX_LABEL), "postbackData": _SHOWN | _most(gbm.MAX_POSTBACK)},
    "Gbm.Action": {"text": _SHOWN | _most(gbm.MAX_LABEL), "postbackData": _SHOWN | _most(gbm.MAX_POSTBACK)},
    "Gbm.Media": {"height": {"enum": [*gbm.HEIGHTS]}},
    "Gbm.CardContent": {
        "title": _most(gbm.MAX_TITLE),
        "description": _most(gbm.MAX_DESCRIPTION),
        "suggestions": {"maxItems": gbm.MAX_CARD_SUGGESTIONS},
    },
    "Gbm.CarouselCard": {
        "cardWidth": {"enum": [*gbm.WIDTHS]},
        "cardContents": {"minItems": MIN_CARDS, "maxItems": MAX_CARDS},
    },
    "Gbm.Representative": {"representativeType": {"enum": ["BOT", "HUMAN"]}},
    "Failover": {"type": {"const": "Timeout"}},
    "Failover.TimeoutFailover": {
        "status": {"enum": [*STATUSES]},
        "timeoutInSeconds": {"minimum": 1, "maximum": MAX_SECONDS},
        "trafficAccounts": {"minItems": MIN_ACCOUNTS, "uniqueItems": True},
    },
}

# What answers hold, by schema and member.
_INSTANT = {"format": "date-time"}
_ACCEPTED: Mapping[str, Schema] = {
    "createdAt": _INSTANT,
    "updatedAt": _INSTANT,
    "deliveryStatus": {"enum": [CREATED, *DELIVERY_STATUSES.values()]},
    "scheduledAt": _INSTANT,
}
_TOLD: Mapping[str, Mapping[str, Schema]] = {
    "Message": _ACCEPTED,
    "MessageState": {
        **_ACCEPTED,
        "deliveryStatus": {"enum": [CREATED, *DELIVERY_STATUSES.values(), STAGES[Stage.CANCELLED], UNKNOWN]},
        "status": {
            "description": "In the service's own words, or for one way of several its deliveryStatus in small letters."
        },
    },
    "WayState": {"deliveryStatus": {"enum": [CREATED, *dict.fromkeys(WAY_STATUSES.values())]}},
}

_WHATSAPP: Schema = {
    "title": "WhatsApp",
    "description": "A message in one of WhatsApp's forms: `type` names the member that holds it.",
    "type": "object",
    "properties": {"type": {"type": "string"}, "regular": {"$ref": f"{PREFIX}WhatsApp.Regular"}},
    "required": ["type"],
    "additionalProperties": {"type": "object"},
}

_REGULAR: Schema = {
    "title": "Regular",
    "description": "A message inside a session: `type` names the member that holds its content.",
    "type": "object",
    "properties": {"type": {"type": "string"}, "text": {"type": "string"}},
    "required": ["type"],
}

_OPTIONS: Schema = {
    "id": {
        "type": "string",
        "pattern": "^[!-~]{1,255}$",
        "description": "Your own id for the message. Without the header Idempotency-Key it is the idempotency key.",
    },
    "reference": {
        "type": "string",
        "maxLength": MAX_REFERENCE,
        "description": "A word of yours, shown with the status.",
    },
}

_TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}

#: When a message goes, and who is told what becomes of it.
_LATER: Schema = {
    "scheduleInfo": {
        "type": "object",
        "description": "It goes at the first time from now on that is between these hours on one of these days.",
        "properties": {
            "timeBegin": _TIME,
            "timeEnd": _TIME | {"description": "Before timeBegin, it is on the day after."},
            "weekdaysSchedule": {
                "type": "string",
                "pattern": "^[1-7]{0,7}$",
                "description": "1 is Monday; each at most once, none for every day.",
            },
            "deadline": {
                "type": "string",
                "description": "As 2027-05-10T16:29:30+0300: what has not gone by then does not go.",
            },
        },
        "additionalProperties": False,
    },
    "timeZone": {"type": "string", "description": "Whose hours these are, as Europe/Zagreb."},
    "useTimeDiff": {
        "type": "boolean",
        "description": "In place of timeZone: they are the recipient's, in all time zones of their number's country.",
    },
    "notifyUrl": {
        "type": "string",
        "pattern": "^https://[!-~]+$",
        "maxLength": MAX_NOTIFY,
        "description": "Is told each step of this message, signed; in place of the key's own address.",
    },
}

#: What only the accounts of one gateway know.
_OF_GATEWAYS: Schema = {
    "extraParam": {"description": "Rapporto: parameters of your own, in its words or as an object."},
    "registeredDelivery": {"type": "integer", "description": "Rapporto: which reports it sends."},
    "shortenLinks": {"type": "boolean", "description": "Rapporto: whether it shortens addresses."},
    "cascadeChainLink": {"type": "object", "description": "Rapporto: where it goes on to."},
}

_ACCOUNT: Schema = {"type": "string", "minLength": 1, "description": "The id of one of the service's accounts."}


def components() -> dict[str, Schema]:
    """Returns the schemas of all requests and answers, by name."""
    found = {
        **_schemas_of("Sms", sms.Sms),
        **_schemas_of("Gbm", gbm.Gbm),
        **_schemas_of("Viber", viber.Viber),
        **_schemas_of("Telegram", telegram.Telegram),
        "WhatsApp": _WHATSAPP,
        "WhatsApp.Regular": _REGULAR,
        **_schemas_of("Failover", Failover),
    }
    requests = {name: _closed(schema, _BOUNDS.get(name, {})) for name, schema in found.items()}
    return {
        "MessageRequest": message_request(),
        "OwnRequest": own_request(),
        **requests,
        **answer_schemas((Message, MessageState, MessageList, ErrorAnswer), _TOLD),
        "MessageIds": {
            "title": "MessageIds",
            "description": "An id for each way that a message may go, in the order of its accounts.",
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
        },
    }


def message_request() -> Schema:
    """Returns the schema of a request in the form that all accounts know."""
    networks = {"sms": "Sms", "gbm": "Gbm", "viber": "Viber", "telegram": "Telegram", "whatsapp": "WhatsApp"}
    return {
        "title": "MessageRequest",
        "description": (
            "A message to one destination, in the words of the network that its account sends on. With a failover, one "
            "such object for each network of its accounts, and no trafficAccountId. With a route, one or more: what an "
            "account is not told in its own network's words, it is told in the first of them."
        ),
        "type": "object",
        "properties": {
            "trafficAccountId": _ACCOUNT,
            "destination": {
                "type": "string",
                "minLength": 1,
                "description": "A phone number, or the service's id of a person or a chat, as the account needs it.",
            },
            **{member: {"$ref": PREFIX + name} for member, name in networks.items()},
            "failover": {"$ref": f"{PREFIX}Failover"},
            "route": {
                "type": "string",
                "minLength": 1,
                "description": "A route of a bot by its name, or as bot:name, in place of accounts.",
            },
            **_OPTIONS,
            **_LATER,
            **_OF_GATEWAYS,
        },
        "required": ["destination"],
        "anyOf": [{"required": [member]} for member in ("trafficAccountId", "failover", "route")],
        "additionalProperties": False,
    }


def own_request() -> Schema:
    """Returns the schema of a request in a gateway's own form."""
    return {
        "title": "OwnRequest",
        "description": (
            "A message in the form of the gateway that its account is on, with that gateway's members; `login` and "
            "`password` are not looked at, since the account has its own."
        ),
        "type": "object",
        "properties": {"trafficAccountId": _ACCOUNT, **_OPTIONS},
        "required": ["trafficAccountId"],
        "not": {"required": ["destination"]},
        "additionalProperties": True,
    }


def _schemas_of(root: str, kind: type) -> dict[str, Schema]:
    """Returns the schema of a struct by the name `root`, and those of the structs in it by names that begin with it."""
    _, found = msgspec.json.schema_components([kind], ref_template=f"{PREFIX}{root}.{{name}}")
    # Several modules have structs of one name, which then stand by their full names.
    return {root if name == kind.__name__ else f"{root}.{name}": _tidied(schema) for name, schema in found.items()}


def answer_schemas(kinds: Iterable[type], told: Mapping[str, Mapping[str, Schema]]) -> dict[str, Schema]:
    """Returns the schemas of answers by name, and of all that is in them; `told` adds to members what types do not."""
    _, found = msgspec.json.schema_components(kinds, ref_template=f"{PREFIX}{{name}}")
    return {name: _bounded(_tidied(schema), told.get(name, {})) for name, schema in found.items()}


def _tidied(schema: Any) -> Any:
    """Returns a schema without defaults, and with descriptions in one line."""
    if isinstance(schema, Mapping):
        kept = {name: _tidied(value) for name, value in schema.items() if name != "default"}
        if isinstance(kept.get("description"), str):
            kept["description"] = " ".join(inspect.cleandoc(kept["description"]).split())
        return kept
    return [*map(_tidied, schema)] if isinstance(schema, (list, tuple)) else schema


def _closed(schema: Schema, bounds: Mapping[str, Schema]) -> Schema:
    """Returns the schema of an object that takes no other members, with what its reader looks at."""
    return {"additionalProperties": False, **_bounded(schema, bounds)}


def _bounded(schema: Schema, bounds: Mapping[str, Schema]) -> Schema:
    members = {name: {**member, **bounds.get(name, {})} for name, member in schema.get("properties", {}).items()}
    return {**schema, "properties": members}
