"""What the simulated Rapporto refuses in a request, and with which code."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from botkit.simulators.rapporto_refusals import (
    BAD_DESTINATION,
    BAD_TYPE,
    INVALID_REQUEST,
    INVALID_TTL,
    NO_SENDER,
    RefusedError,
)
from botkit.simulators.rapporto_servers import TYPES, Servers
from botkit.simulators.rapporto_state import Schedule

Json = dict[str, Any]

SECONDS: Mapping[str, int] = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}
MAX_TEXT: Mapping[str, int] = {
    "TELEGRAM": 1000,
    "WHATSAPP": 1000,
    "VIBER": 1000,
    "SMS": 2000,
    "VK": 2000,
    "FLASHINGCALL": 2000,
    "TGCODE": 8,
}
#: The shortest and longest ttl in seconds; of WHATSAPP only whole days count.
TTLS: Mapping[str, tuple[int, int]] = {
    "TELEGRAM": (31, 86_400),
    "WHATSAPP": (86_400, 604_800),
    "VIBER": (30, 86_400),
    "SMS": (60, 172_800),
    "VK": (60, 86_400),
    "FLASHINGCALL": (60, 300),
}
MAX_LINK, MAX_NOTIFY_URL, MAX_CAPTION, MAX_ACTION = 256, 2048, 30, 2048
CONTENTS: Mapping[str, tuple[str, ...]] = {
    "WHATSAPP": ("TEXT", "IMAGE_URL"),
    "VIBER": ("TEXT", "IMAGE_URL", "BUTTON"),
}
SHORTENING = ("SMS", "VIBER", "PUSH", "VK", "WHATSAPP")
DAY_MINUTES = 24 * 60

_DESTINATION = re.compile(r"\+?[0-9][0-9 ()-]*")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_WEEKDAYS = re.compile(r"[1-7]{0,7}")
_DEADLINE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){2}T[0-9]{2}(?::[0-9]{2}){2}[+-][0-9]{4}")
_CODES = {
    "FLASHINGCALL": re.compile(r"(?<![0-9])(?:[0-9]{4}|[0-9]{6})(?![0-9])"),
    "TGCODE": re.compile(r"\A[0-9]{4,8}\Z"),
}
_ACTION = re.compile(r"(?:https?://|viber://|mailto:|tel:)")
_TOP: Mapping[str, type] = {
    **dict.fromkeys(("login", "password", "destAddr", "id", "extraParam", "notifyUrl"), str),
    **dict.fromkeys(("useTimeDiff", "shortenLinks"), bool),
    **dict.fromkeys(("message", "scheduleInfo", "cascadeChainLink"), dict),
    "registeredDelivery": int,
}
_MEMBERS = {
    "message": ("type", "data", "shortenLinks"),
    "data": ("text", "link", "serviceNumber", "ttl", "ttlUnit", "instantContent"),
    "link": ("state", "message", "nextLink"),
    "schedule": ("timeBegin", "timeEnd", "weekdaysSchedule", "deadline"),
}


class Order(Struct, frozen=True):
    """A request that was taken: to whom, when, and what may be told of it."""

    number: str
    schedule: Schedule
    registered: int
    extra: dict[str, str]


def check_shape(body: Json, *, is_strict: bool) -> None:
    """Refuses a request whose members are of the wrong JSON types, or that says nothing."""
    for name, kind in _TOP.items():
        if name in body and not _is(body[name], kind):
            raise RefusedError(INVALID_REQUEST, f"{name} has a wrong type")
    if "message" not in body:
        raise RefusedError(INVALID_REQUEST, "message is absent")
    if is_strict:
        _refuse_others(body, tuple(_TOP), "the request")
        _refuse_others(body.get("scheduleInfo", {}), _MEMBERS["schedule"], "scheduleInfo")


def read_order(body: Json, servers: Servers, ta: str) -> Order:
    """Returns a request that everything is right with. Raises RefusedError for any other."""
    messages = [body["message"], *(link["message"] for link in links_of(body, servers, ta))]
    for message in messages:
        _check_type(message, servers)
    number = normalised(body.get("destAddr"))
    for message in messages:
        _check_content(message, servers)
    for message in messages:
        _check_ttl(message, servers)
    for message in messages:
        _check_sender(message, servers)
    _check_cascade(body)
    _check_shortening(body, messages)
    if "id" in body and not body["id"]:
        raise RefusedError(INVALID_REQUEST, "id is empty")
    if "notifyUrl" in body and not 1 <= len(body["notifyUrl"]) <= MAX_NOTIFY_URL:
        raise RefusedError(INVALID_REQUEST, f"notifyUrl must have 1 to {MAX_NOTIFY_URL} symbols")
    if body.get("registeredDelivery", 1) not in (0, 1, 2):
        raise RefusedError(INVALID_REQUEST, "registeredDelivery must be 0, 1 or 2")
    extra = read_extra(body["extraParam"]) if "extraParam" in body else {}
    offset = servers.offset_of(number) if body.get("useTimeDiff", False) else 3
    return Order(number, _schedule(body.get("scheduleInfo", {}), offset), body.get("registeredDelivery", 1), extra)


def links_of(body: Json, servers: Servers, ta: str) -> list[Json]:
    """Returns the links of a cascade in their order. Raises RefusedError where one is no link, or cascades are off."""
    if "cascadeChainLink" in body and not servers.has_cascades(ta):
        raise RefusedError(INVALID_REQUEST, "cascades are not enabled")
    links = [*_walk(body.get("cascadeChainLink"))]
    for link in links:
        if link.get("state") not in ("DELIVERED", "READ") or not isinstance(link.get("message"), dict):
            raise RefusedError(INVALID_REQUEST, "a link of the cascade has no state or no message")
        if servers.is_strict:
            _refuse_others(link, _MEMBERS["link"], "cascadeChainLink")
    return links


def _walk(link: Any) -> Iterator[Json]:
    while link is not None:
        if not isinstance(link, dict):
            raise RefusedError(INVALID_REQUEST, "a link of the cascade is no object")
        yield link
        link = link.get("nextLink")


def normalised(number: Any) -> str:
    """Returns a number's digits, a leading 8 of 11 read as 7 where there is no plus. Raises RefusedError."""
    if not isinstance(number, str) or not _DESTINATION.fullmatch(number):
        raise RefusedError(BAD_DESTINATION)
    digits = re.sub("[^0-9]", "", number)
    if number[0] != "+" and len(digits) == 11 and digits[0] == "8":
        digits = "7" + digits[1:]
    if not 11 <= len(digits) <= 15:
        raise RefusedError(BAD_DESTINATION)
    return digits


def read_extra(text: str) -> dict[str, str]:
    """Returns the pairs of an extraParam. Raises RefusedError for a pair without a name or without a sign."""
    # What stands for one comma is put aside first: no JSON text of a client has this character.
    pairs = text.replace(",,", "\0").split(",")
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name or "\0" in name:
            raise RefusedError(INVALID_REQUEST, "extraParam has a malformed pair")
        found[name] = value.replace("\0", ",")
    return found


def content_of(message: Json) -> Json:
    """Returns what a checked message shows: `text`, `source`, `link` and `caption`."""
    data = message["data"]
    inner = data["instantContent"]["data"] if message["type"] in CONTENTS else data
    members = {"text": "text", "source": "imageURL", "link": "link", "caption": "caption"}
    shown = {name: str(inner.get(member, "")) for name, member in members.items()}
    return shown | ({"link": inner["action"]} if "action" in inner else {})


def ttl_of(message: Json) -> int:
    """Returns the seconds of a checked message's ttl, 0 for the account's own."""
    data = message["data"]
    return int(data.get("ttl", 0)) * SECONDS[data.get("ttlUnit", "MINUTES")]


# --- messages ---


def _check_type(message: Json, servers: Servers) -> None:
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in TYPES or kind not in servers.types:
        raise RefusedError(BAD_TYPE)


def _check_content(message: Json, servers: Servers) -> None:
    kind, data = message["type"], message.get("data")
    if not isinstance(data, dict):
        raise RefusedError(INVALID_REQUEST, "data is absent")
    if servers.is_strict:
        _refuse_others(message, _MEMBERS["message"], "message")
    if kind not in MAX_TEXT:
        return
    if servers.is_strict:
        _refuse_others(data, _MEMBERS["data"], "data")
    if kind in CONTENTS:
        _check_instant(kind, data.get("instantContent"))
        return
    if "instantContent" in data:
        raise RefusedError(INVALID_REQUEST, f"{kind} has no instantContent")
    _check_text(kind, data.get("text"))
    if kind in _CODES and not _CODES[kind].search(data["text"]):
        raise RefusedError(INVALID_REQUEST, f"{kind} message has no code")
    if "link" in data:
        _check_link(kind, data["link"])


def _check_text(kind: str, text: Any) -> None:
    if text is not None and not isinstance(text, str):
        raise RefusedError(INVALID_REQUEST, "text has a wrong type")
    if not text:
        raise RefusedError(INVALID_REQUEST, f"{kind.capitalize()} message is absent")
    if len(text) > MAX_TEXT[kind]:
        most = f"{kind} message max length is {MAX_TEXT[kind]} symbols."
        raise RefusedError(INVALID_REQUEST, f"Message is too long ({len(text)} symbols). {most}")


def _check_link(kind: str, link: Any) -> None:
    if kind != "TELEGRAM" or not isinstance(link, str):
        raise RefusedError(INVALID_REQUEST, "link is not expected")
    if not link:
        raise RefusedError(INVALID_REQUEST, "The value of link is missing")
    if len(link) > MAX_LINK:
        raise RefusedError(INVALID_REQUEST, f"The limit of link is exceeded: {MAX_LINK} symbols")


def _check_instant(kind: str, content: Any) -> None:
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise RefusedError(INVALID_REQUEST, "instantContent is absent")
    inner, given = content["data"], content.get("type")
    if given not in CONTENTS[kind]:
        raise RefusedError(INVALID_REQUEST, "instantContent has a wrong type")
    wanted = {"TEXT": {"text"}, "IMAGE_URL": {"imageURL"}, "BUTTON": {"text", "caption", "action"}}[given]
    known = {"text", "imageURL", "caption", "action"} & inner.keys()
    if not wanted <= known or not known <= wanted | ({"imageURL"} if given == "BUTTON" else set()):
        raise RefusedError(INVALID_REQUEST, f"{given} has {' and '.join(sorted(wanted))}")
    if not all(isinstance(inner[name], str) and inner[name] for name in known):
        raise RefusedError(INVALID_REQUEST, f"a member of {given} is no text")
    if "text" in known:
        _check_text(kind, inner["text"])
    if given == "BUTTON" and (len(inner["caption"]) > MAX_CAPTION or len(inner["action"]) > MAX_ACTION):
        raise RefusedError(INVALID_REQUEST, "the button is too long")
    if given == "BUTTON" and not _ACTION.match(inner["action"]):
        raise RefusedError(INVALID_REQUEST, "the button's action is no address")


def _check_ttl(message: Json, servers: Servers) -> None:
    kind, data = message["type"], message["data"]
    if kind not in MAX_TEXT:
        return
    if "ttlUnit" in data and ("ttl" not in data or data["ttlUnit"] not in [*SECONDS]):
        raise RefusedError(INVALID_REQUEST, "ttlUnit is wrong, or has no ttl")
    if kind == "VK" and "ttl" not in data:
        raise RefusedError(INVALID_TTL, "VK has a ttl")
    if "ttl" not in data:
        return
    if not _is(data["ttl"], int):
        raise RefusedError(INVALID_REQUEST, "ttl has a wrong type")
    seconds = ttl_of(message)
    least, most = TTLS.get(kind, (1, 10**9))
    if kind == "TELEGRAM":
        least = servers.telegram_least_ttl
    is_lenient = kind == "WHATSAPP" and servers.lenient_ttl
    is_within = (1 if is_lenient else least) <= seconds <= most
    if seconds and (not is_within or (kind == "WHATSAPP" and not is_lenient and seconds % 86_400)):
        raise RefusedError(INVALID_TTL)


def _check_sender(message: Json, servers: Servers) -> None:
    sender = message["data"].get("serviceNumber", "" if message["type"] == "VK" else servers.sender)
    if not isinstance(sender, str):
        raise RefusedError(INVALID_REQUEST, "serviceNumber has a wrong type")
    if not sender or (servers.senders is not None and sender not in servers.senders):
        raise RefusedError(NO_SENDER)


# --- the request ---


def _check_cascade(body: Json) -> None:
    previous = body["message"]
    for link in _walk(body.get("cascadeChainLink")):
        if previous["type"] == "FLASHINGCALL" and link["state"] != "DELIVERED":
            raise RefusedError(INVALID_REQUEST, "after FLASHINGCALL the state must be DELIVERED")
        previous = link["message"]


def _check_shortening(body: Json, messages: list[Json]) -> None:
    if "shortenLinks" in body and ("cascadeChainLink" in body or body["message"]["type"] not in SHORTENING):
        raise RefusedError(INVALID_REQUEST, "shortenLinks is not expected")
    for message in messages:
        if "shortenLinks" not in message:
            continue
        is_known = "cascadeChainLink" in body and message["type"] in SHORTENING
        if not is_known or not isinstance(message["shortenLinks"], bool):
            raise RefusedError(INVALID_REQUEST, "shortenLinks is not expected")


def _schedule(schedule: Json, offset: int) -> Schedule:
    checks: Mapping[str, Callable[[Any], bool]] = {
        "timeBegin": lambda text: bool(_TIME.fullmatch(text)),
        "timeEnd": lambda text: bool(_TIME.fullmatch(text)),
        "weekdaysSchedule": lambda text: bool(_WEEKDAYS.fullmatch(text)) and len(set(text)) == len(text),
        "deadline": lambda text: _instant(text) is not None,
    }
    for name, check in checks.items():
        if name in schedule and not (isinstance(schedule[name], str) and check(schedule[name])):
            raise RefusedError(INVALID_REQUEST, f"scheduleInfo.{name} is wrong")
    return Schedule(
        begin=_minutes(schedule.get("timeBegin", "00:00")),
        end=_minutes(schedule["timeEnd"]) if "timeEnd" in schedule else DAY_MINUTES,
        weekdays=schedule.get("weekdaysSchedule", ""),
        deadline=_instant(schedule["deadline"]) if "deadline" in schedule else None,
        offset=offset,
    )


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def _instant(text: str) -> float | None:
    if not _DEADLINE.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except (ValueError, OverflowError):
        return None


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _refuse_others(value: Json, known: tuple[str, ...], where: str) -> None:
    if value.keys() - set(known):
        raise RefusedError(INVALID_REQUEST, f"{where} has unknown members")
