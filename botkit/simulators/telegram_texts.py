"""The texts of a call to the simulated Telegram: parsed, trimmed, and then counted."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from botkit.formatting import utf16_length
from botkit.simulators.telegram_entities import check_entity, check_places, trimmed, with_found
from botkit.simulators.telegram_html import parse_html
from botkit.simulators.telegram_markdown import parse_markdown_v2, parse_old_markdown
from botkit.simulators.telegram_parameters import ApiError, Parameters

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_TEXT_BYTES = 32768

_PARSERS: Mapping[str, Callable[[str], tuple[str, list[dict[str, Any]]]]] = {
    "html": parse_html,
    "markdown": parse_old_markdown,
    "markdownv2": parse_markdown_v2,
}


class Texts(Struct, frozen=True):
    """How texts are read: who may be mentioned, and whether lengths are code points instead of UTF-16 units."""

    people: Mapping[int, Mapping[str, Any]]
    counts_code_points: bool = False

    def length(self, text: str) -> int:
        """Returns the length that is compared with the limits."""
        return len(text) if self.counts_code_points else utf16_length(text)

    def text(self, parameters: Parameters) -> dict[str, Any]:
        """Returns the text of a message and its entities. Raises ApiError."""
        raw = parameters.get("text")
        if not raw:
            raise ApiError(400, "message text is empty")
        if len(raw.encode()) > MAX_TEXT_BYTES:
            raise ApiError(400, "text is too long")
        text, entities = self.formatted(parameters, raw)
        if not text:
            raise ApiError(400, "text must be non-empty")
        if self.length(text) > MAX_TEXT:
            raise ApiError(400, "message is too long")
        return {"text": text} | ({"entities": entities} if entities else {})

    def caption(self, parameters: Parameters) -> dict[str, Any]:
        """Returns the caption of a file and its entities, nothing when there is none. Raises ApiError."""
        text, entities = self.formatted(parameters, parameters.get("caption"), "caption_entities")
        if self.length(text) > MAX_CAPTION:
            raise ApiError(400, "message caption is too long")
        shown = {"caption": text} if text else {}
        over = parameters.flags("show_caption_above_media") if text else {}
        return shown | ({"caption_entities": entities} if entities else {}) | over

    def formatted(
        self, parameters: Parameters, raw: str, entities: str = "entities", mode: str = "parse_mode"
    ) -> tuple[str, list[dict[str, Any]]]:
        """Returns a text and its entities; those given in the parameter count only without a mode. Raises ApiError."""
        name = parameters.get(mode).strip().lower()
        if name in _PARSERS:
            plain, found = trimmed(*_PARSERS[name](raw))
        elif name in ("", "none"):
            plain, found = _given(parameters, raw, entities)
        else:
            raise ApiError(400, "unsupported parse_mode")
        return plain, with_found(plain, self._known(found))

    def _known(self, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns the entities without the mentions of people whom nobody has seen."""
        known = []
        for entity in entities:
            person = self.people.get(int(entity["user"].get("id", 0))) if entity["type"] == "text_mention" else None
            if person or entity["type"] != "text_mention":
                known.append(entity | ({"user": person} if person else {}))
        return known


def _given(parameters: Parameters, raw: str, name: str) -> tuple[str, list[dict[str, Any]]]:
    given = parameters.nested(name, "can't parse entities JSON object") or []
    if not isinstance(given, list):
        raise ApiError(400, "can't parse entities JSON object")
    entities = [check_entity(value) for value in given]
    check_places(raw, entities)
    return trimmed(raw, entities)
