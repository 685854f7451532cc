"""The entities of a text: those that a bot gives are checked, those that Telegram finds itself are found."""

import re
from collections.abc import Mapping
from typing import Any

from botkit.formatting import utf16_length
from botkit.simulators.telegram_parameters import ApiError

# fmt: off
_KINDS = frozenset((
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji", "date_time",
))
# fmt: on
_NEEDS = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id", "date_time": "unix_time"}
#: Those that stand for their own text are left to Telegram, which finds them anyway.
_FOUND = ("url", "email", "bot_command", "mention", "hashtag", "cashtag", "phone_number")
_PATTERN = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)])"
    r"|(?<![\w.+-])(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w/@])(?P<bot_command>/[A-Za-z0-9_]{1,32}(?:@\w{3,32})?)(?![\w/])"
    r"|(?<![\w@])(?P<mention>@[A-Za-z]\w{2,31})(?![\w@])"
    r"|(?<!\w)(?P<hashtag>\#\w*[^\W\d]\w*)"
    r"|(?<!\w)(?P<cashtag>\$[A-Z]{3,8})(?!\w)"
    r"|(?<!\w)(?P<phone_number>\+[0-9]{8,15})(?!\w)"
)


def find_entities(text: str) -> list[dict[str, Any]]:
    """Returns the addresses, commands, mentions, tags and numbers of a text, as Telegram marks them by itself."""
    found = []
    for match in _PATTERN.finditer(text):
        place = {"offset": utf16_length(text[: match.start()]), "length": utf16_length(match[0])}
        found.append({"type": str(match.lastgroup)} | place)
    return found


def with_found(text: str, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the entities and those that Telegram finds, where they do not meet a link or code."""
    taken = [entity for entity in entities if entity["type"] in ("text_link", "text_mention", "code", "pre")]
    found = [entity for entity in find_entities(text) if not any(_meet(entity, other) for other in taken)]
    given = [entity for entity in entities if entity["type"] not in _FOUND]
    return sorted([*given, *found], key=lambda entity: (entity["offset"], -entity["length"]))


def _meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    ends = min(one["offset"] + one["length"], other["offset"] + other["length"])
    return bool(max(one["offset"], other["offset"]) < ends)


def check_entity(value: Any) -> dict[str, Any]:
    """Returns an entity of a bot. Raises ApiError for one that is not whole or not known."""
    if not isinstance(value, dict):
        raise ApiError(400, "can't parse MessageEntity: expected an Object")
    for name in ("offset", "length", "type", *filter(None, [_NEEDS.get(str(value.get("type")))])):
        if name not in value:
            raise ApiError(400, f"can't parse MessageEntity: Can't find field \"{name}\"")
    for name in ("offset", "length"):
        if type(value[name]) is not int:
            raise ApiError(400, f'can\'t parse MessageEntity: Field "{name}" must be of type Number')
    if value["type"] not in _KINDS:
        raise ApiError(400, "can't parse MessageEntity: Unsupported type specified")
    return value


def check_places(text: str, entities: list[dict[str, Any]]) -> None:
    """Raises ApiError for an entity outside of the text, across another one or in the middle of a letter."""
    places = text.encode("utf-16-le")
    end_of_outer = [len(places) // 2]
    for entity in sorted(entities, key=lambda entity: (entity["offset"], -entity["length"])):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if not 0 <= start <= len(places) // 2:
            raise ApiError(400, f"Entity begins after the end of the text at UTF-16 offset {start}")
        while len(end_of_outer) > 1 and end_of_outer[-1] <= start:
            end_of_outer.pop()
        if end > end_of_outer[-1]:
            what = f"Entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
            raise ApiError(400, what)
        try:
            places[2 * start : 2 * end].decode("utf-16-le")
        except UnicodeDecodeError:
            raise ApiError(400, "Entity begins or ends in a middle of a UTF-16 symbol") from None
        end_of_outer.append(end)


def trimmed(raw: str, entities: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text without space at its ends, and the entities moved along; those over nothing are gone."""
    text = raw.strip()
    lead, length = utf16_length(raw[: len(raw) - len(raw.lstrip())]), utf16_length(text)
    shown = []
    for entity in entities:
        start = min(max(entity["offset"] - lead, 0), length)
        end = min(max(entity["offset"] + entity["length"] - lead, 0), length)
        if start < end:
            shown.append(entity | {"offset": start, "length": end - start})
    return text, shown
