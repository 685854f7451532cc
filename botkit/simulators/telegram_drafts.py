"""A text that the simulated Telegram takes formatting marks out of, and the refusals of its parsers."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from botkit.formatting import utf16_length
from botkit.simulators.telegram_parameters import ApiError, split_url

#: Which of two entities over the same text is the outer one.
_RANKS = ("blockquote", "expandable_blockquote", "text_link", "text_mention")


def unparsable(text: str, place: tuple[str, int] | None = None) -> ApiError:
    """Returns the refusal of a text; a place is the source and a position in it, told in bytes."""
    if place:
        source, position = place
        text = f"{text} at byte offset {len(source[:position].encode())}"
    return ApiError(400, f"can't parse entities: {text}")


class Draft:
    """The text without its marks so far, and the entities that are closed; lengths are in UTF-16 units."""

    def __init__(self) -> None:
        self.length = 0
        self.entities: list[dict[str, Any]] = []
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    def add(self, text: str) -> None:
        """Appends to the text."""
        self._parts.append(text)
        self.length += utf16_length(text)

    def since(self, start: int) -> str:
        """Returns the text from a place on."""
        return self.text.encode("utf-16-le")[2 * start :].decode("utf-16-le")

    def close(self, kind: str, start: int, **details: Any) -> None:
        """Ends an entity here; one over nothing is no entity."""
        if self.length > start:
            self.entities.append({"type": kind, "offset": start, "length": self.length - start} | details)

    def close_quote(self, start: int, *, is_folded: bool) -> None:
        """Ends a block quotation before the line break that may stand here."""
        length = self.length - start - self.text.endswith("\n")
        if length > 0:
            kind = "expandable_blockquote" if is_folded else "blockquote"
            self.entities.append({"type": kind, "offset": start, "length": length})

    def close_link(self, start: int, url: str) -> None:
        """Ends a link here: a mention for a person's address; without an address its own text is one or nothing."""
        address = url or self.since(start)
        parts = split_url(address if "://" in address else f"http://{address}")
        if not parts:
            return
        person = parse_qs(parts.query).get("id", [""])[0]
        if parts.scheme == "tg" and parts.netloc == "user" and person.isdecimal():
            self.close("text_mention", start, user={"id": int(person)})
        elif "." in parts.netloc or parts.scheme == "tg":
            self.close("text_link", start, url=address if "://" in address else f"http://{address}")

    def close_emoji(self, start: int, url: str) -> None:
        """Ends a custom emoji or a time here. Raises ApiError when the address is neither's."""
        address, _, query = url.partition("?")
        values = {name: value for name, [value, *_] in parse_qs(query).items()}
        if address == "tg://emoji" and values.get("id", "").isdecimal():
            self.close("custom_emoji", start, custom_emoji_id=values["id"])
        elif address == "tg://time" and values.get("unix", "").isdecimal():
            self.close_time(start, values)
        else:
            raise unparsable("Custom emoji URL must have an emoji identifier")

    def close_time(self, start: int, values: Mapping[str, str]) -> None:
        """Ends a time here, which has `unix` and perhaps a `format`."""
        form = {"date_time_format": values["format"]} if values.get("format") else {}
        self.close("date_time", start, unix_time=int(values["unix"]), **form)

    def finish(self) -> tuple[str, list[dict[str, Any]]]:
        """Returns the text and its entities, outer ones first; inside code nothing else is kept."""
        codes = [entity for entity in self.entities if entity["type"] in ("code", "pre")]
        kept = [entity for entity in self.entities if entity in codes or not _is_inside(entity, codes)]
        return self.text, sorted(kept, key=_order)


def _is_inside(entity: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> bool:
    start, end = entity["offset"], entity["offset"] + entity["length"]
    return any(other["offset"] <= start and end <= other["offset"] + other["length"] for other in others)


def _order(entity: Mapping[str, Any]) -> tuple[int, int, int]:
    kind = entity["type"]
    return entity["offset"], -entity["length"], _RANKS.index(kind) if kind in _RANKS else len(_RANKS)
