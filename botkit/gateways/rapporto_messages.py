"""What Rapporto can show of our messages on each network, and how they are written.

https://docs.rapporto.ru/ ("REST API")
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from botkit.buttons import AnyButton, Link
from botkit.capabilities import Bound, Capabilities, Support
from botkit.exceptions import MessageError, Problem
from botkit.formatting import Formatted, utf16_length
from botkit.gateways.rapporto_checks import find_problems
from botkit.gateways.rapporto_extra import encode_extra
from botkit.gateways.rapporto_types import ACTIONS, DAY, KINDS, MAX_ACTION, MAX_CAPTION, MAX_LINK, NETWORKS
from botkit.messages import AnyMessage, Edit, Image, Message, Raw, Text
from botkit.rendering import to_plain

Json = dict[str, Any]

#: The members of a request that `extra` may have beside those of the message's own data.
TOP = frozenset(
    (
        *("id", "useTimeDiff", "scheduleInfo", "shortenLinks", "extraParam", "registeredDelivery", "notifyUrl"),
        "cascadeChainLink",
    )
)
#: What is asked of a whole message, and so of each part that it becomes.
_CARRIED = (TOP - {"id", "cascadeChainLink"}) | {"serviceNumber", "ttl", "ttlUnit"}
_DATA = frozenset(("text", "link", "serviceNumber", "ttl", "ttlUnit", "instantContent"))

_MISSING = {
    "hours, weekdays and a deadline of sending": '`extra={"rapporto": {"scheduleInfo": {...}, "useTimeDiff": True}}`',
    "parameters of one's own": '`extra={"rapporto": {"extraParam": {"branch": "north"}}}`; commas are doubled for you',
    "reports of failures only": "`registeredDelivery` in `extra`, or the account's setting",
    "cascades": "a route of several accounts of one login, or `cascadeChainLink` in `extra`",
    "one-time codes and flash calls": '`Raw(channel="rapporto", payload={"message": {"type": "TGCODE", ...}})`',
}


def _size(formatted: Formatted) -> int:
    return utf16_length(to_plain(formatted))


def _is_page(button: AnyButton) -> bool:
    is_web = isinstance(button, Link) and button.url.startswith(("http://", "https://"))
    return is_web and isinstance(button, Link) and utf16_length(button.url) <= MAX_LINK


def _is_action(button: AnyButton) -> bool:
    return isinstance(button, Link) and button.url.startswith(ACTIONS) and utf16_length(button.url) <= MAX_ACTION


def _capabilities(via: str, **more: Any) -> Capabilities:
    bound = Bound(KINDS[NETWORKS[via]].most, _size, "UTF-16 units")
    texts: Mapping[type[Message], Support] = {Text: Support.NATIVE, Raw: Support.NATIVE}
    known: Json = {"messages": texts, "text": bound, "caption": bound, "captions": frozenset()}
    return Capabilities(**known | {"options": frozenset({"ttl"}), "missing": _MISSING} | more)


_PICTURES: Mapping[type[Message], Support] = dict.fromkeys((Text, Image, Raw), Support.NATIVE)
_NOTES = {"ttl": "the shortest that Rapporto allows and that is no shorter; botkit itself tells of the end"}

#: What each network shows, by the word for it in `<PREFIX>_VIA`.
CAPABILITIES: Mapping[str, Capabilities] = {
    "telegram": _capabilities(
        "telegram",
        buttons=frozenset({Link}),
        shows=_is_page,
        max_buttons={Message: 1},
        notes=_NOTES | {"Link": "one, as the address below the text; its label is not shown"},
    ),
    "whatsapp": _capabilities(
        "whatsapp", messages=_PICTURES, notes=_NOTES | {"Image": "by its address, its caption in a text after it"}
    ),
    "viber": _capabilities(
        "viber",
        messages=_PICTURES,
        buttons=frozenset({Link}),
        shows=_is_action,
        max_buttons={Message: 1},
        max_label=MAX_CAPTION,
        label_size=utf16_length,
        label_unit="UTF-16 units",
        notes=_NOTES | {"Image": "by its address; its caption in a text after it, unless there is a Link"},
    ),
    "sms": _capabilities("sms", notes=_NOTES),
    "vk": _capabilities("vk", notes=_NOTES),
}


def capabilities_for(via: str, message: AnyMessage) -> Capabilities:
    """Returns what a network shows of a message: a picture that has no address is words.

    On Viber a picture has a caption where it has a button: Rapporto has no picture with words alone.
    """
    known = CAPABILITIES[via]
    if not isinstance(message, Image) or not known.is_native(Image):
        return known
    if not message.is_url:
        return replace(known, messages={**known.messages, Image: Support.WORDS})
    if via == "viber" and message.caption and sum(_is_action(b) for row in message.buttons for b in row) == 1:
        both: frozenset[type[Message]] = frozenset({Text, Image})
        return replace(known, captions=frozenset({Image}), with_buttons=both)
    return known


def carried(whole: AnyMessage, parts: Iterable[AnyMessage]) -> tuple[AnyMessage, ...]:
    """Returns the parts of a message, each with what was asked of the whole."""
    own = {name: value for name, value in whole.extra.get("rapporto", {}).items() if name in _CARRIED}
    if not own:
        return tuple(parts)
    return tuple(
        part
        if isinstance(part, Raw)
        else replace(part, extra={**part.extra, "rapporto": own | part.extra.get("rapporto", {})})
        for part in parts
    )


def render(message: AnyMessage, via: str) -> Json:
    """Returns a request's own part for a message that was made fit: `message`, and what its `extra` asks for.

    Raises MessageError for an `extra` that has no place in a request.
    """
    if isinstance(message, Raw):
        return dict(message.payload)
    data = _data(message, via) | ttl_of(NETWORKS[via], message.ttl)
    top, more = _extra(message.extra.get("rapporto", {}))
    if "ttl" in more:
        data.pop("ttlUnit", None)
    return {"message": {"type": NETWORKS[via], "data": data | more}, **top}


def ttl_of(kind: str, seconds: float) -> Json:
    """Returns the members of data that give a message this time, or the nearest longer one that its type allows.

    Nothing for 0, but for VK, which must have one: a day, the longest.
    """
    ttl = KINDS[kind].ttl
    if ttl is None or (not seconds and kind != "VK"):
        return {}
    found = ttl.nearest(seconds or DAY)
    if found % 60:
        return {"ttl": found, "ttlUnit": "SECONDS"}
    return {"ttl": found // 60, "ttlUnit": "MINUTES"}


def _data(message: AnyMessage, via: str) -> Json:
    links = [button for row in message.buttons for button in row if isinstance(button, Link)]
    match message:
        case Text() if not isinstance(message, Edit):
            words, picture = to_plain(message.formatted), ""
        case Image():
            words, picture = to_plain(message.formatted), message.source
        case _:
            raise MessageError(f"Rapporto has no {type(message).__name__}", fix="prepare it first: it becomes words")
    if via == "telegram":
        return {"text": words} | ({"link": links[0].url} if links else {})
    if KINDS[NETWORKS[via]].content == "text":
        return {"text": words}
    return {"instantContent": _instant(words, picture, links if via == "viber" else ())}


def _instant(words: str, picture: str, links: Sequence[Link]) -> Json:
    if links and words:
        button = {"text": words, "caption": links[0].text, "action": links[0].url}
        return {"type": "BUTTON", "data": button | ({"imageURL": picture} if picture else {})}
    if picture:
        return {"type": "IMAGE_URL", "data": {"imageURL": picture}}
    return {"type": "TEXT", "data": {"text": words}}


def find_option_problems(options: Mapping[str, Any], kind: str) -> list[Problem]:
    """Returns what is wrong with the members that stand beside a message of a type that is looked at elsewhere."""
    try:
        top, _ = _extra(options)
    except MessageError as error:
        return [Problem("extraParam", error.what)]
    somebody = {"destAddr": "+79990001122", "message": {"type": kind, "data": {}}}
    found = find_problems(somebody | top, is_strict=True)
    return [problem for problem in found if not problem.path.startswith("message.data")]


def _extra(extra: Mapping[str, Any]) -> tuple[Json, Json]:
    unknown = sorted(map(str, extra.keys() - TOP - _DATA))
    if unknown:
        known = ", ".join(sorted(TOP | _DATA))
        raise MessageError(f"extra['rapporto'] has {', '.join(unknown)}, and Rapporto knows {known}")
    top = {name: value for name, value in extra.items() if name in TOP}
    if isinstance(given := top.get("extraParam"), Mapping):
        top["extraParam"] = _written(given.items())
    return top, {name: value for name, value in extra.items() if name in _DATA}


def _written(pairs: Iterable[tuple[Any, Any]]) -> str:
    try:
        return encode_extra((str(name), str(value)) for name, value in pairs)
    except ValueError as error:
        raise MessageError(f"extraParam cannot be written: {error}") from None
