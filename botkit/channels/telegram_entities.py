"""The parts of a Telegram message's text that have a meaning, counted as Telegram counts."""

from typing import Any

from msgspec import Struct

from botkit.events import Event

__all__ = ["Entity", "entities_of"]


class Entity(Struct, frozen=True, omit_defaults=True):
    """A part of a text with a meaning, such as `bot_command`, `mention` or `text_link`.

    `offset` and `length` are in UTF-16 units, as Telegram counts; `text` is the part itself.
    """

    kind: str
    text: str
    offset: int
    length: int
    url: str = ""
    user_id: str = ""


def entities_of(event: Event) -> tuple[Entity, ...]:
    """Returns the entities of a message's text or caption, in their order; of other events none."""
    message = message_of(event)
    text = message.get("text") or message.get("caption") or ""
    units = text.encode("utf-16-le", "surrogatepass")
    found = message.get("entities") or message.get("caption_entities") or ()
    return tuple(_entity(units, entity) for entity in found)


def _entity(units: bytes, entity: dict[str, Any]) -> Entity:
    offset, length = entity["offset"], entity["length"]
    return Entity(
        kind=entity["type"],
        text=units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "surrogatepass"),
        offset=offset,
        length=length,
        url=entity.get("url", ""),
        user_id=str(entity["user"]["id"]) if "user" in entity else "",
    )


def message_of(event: Event) -> dict[str, Any]:
    """Returns Telegram's own message of an event, decoded anew at each call; empty where there is none."""
    update = event.raw
    values = update.values() if isinstance(update, dict) else ()
    return next((value for value in values if isinstance(value, dict) and "message_id" in value), {})
