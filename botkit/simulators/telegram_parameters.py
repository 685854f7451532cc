"""The parameters of a call to the simulated Telegram: read in every form they may come in, refused in its own words."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_TEXT_BYTES = 32768
MAX_BUTTONS = 100
MAX_ROW = 8

_PREFIXES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
# fmt: off
_ENTITIES = frozenset((
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji", "date_time",
))
# fmt: on
_ENTITY_NEEDS = {
    "text_link": "url",
    "text_mention": "user",
    "custom_emoji": "custom_emoji_id",
    "date_time": "unix_time",
}
_ACTIONS = ("url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
            "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay")  # fmt: skip
_LINK = re.compile(r"(?:https?|tg)://\S+", re.IGNORECASE)


class ApiError(Exception):
    """A refusal: its code, the text without the code's prefix, and what else the service tells."""

    def __init__(self, code: int, text: str = "", **parameters: int) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.parameters = parameters

    @property
    def envelope(self) -> dict[str, Any]:
        """The body of the answer."""
        text = self.text
        if text and not (text[1:2].isupper() or text[1:2] == "_"):
            text = text[0].lower() + text[1:]
        description = ": ".join(part for part in (_PREFIXES[self.code], text) if part)
        error = {"ok": False, "error_code": self.code, "description": description}
        return error | ({"parameters": self.parameters} if self.parameters else {})


class Parameters:
    """Named texts; what came as JSON is kept as JSON text, since Telegram takes both forms for everything."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name: _as_text(value) for name, value in values.items()}

    def get(self, name: str, default: str = "") -> str:
        """Returns a text, the default when it is missing."""
        return self._values.get(name, default)

    def integer(self, name: str, default: int = 0) -> int:
        """Returns a whole number, or the default for anything else."""
        text = self.get(name).strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else default

    def number(self, name: str) -> float:
        """Returns a number. Raises ApiError when it is missing or none."""
        text = self.get(name).strip()
        if not text:
            raise ApiError(400, f"{name} is empty")
        try:
            return float(text)
        except ValueError:
            raise ApiError(400, f'Parameter "{name}" must be a valid number') from None

    def is_true(self, name: str) -> bool:
        """Tells whether a flag is set."""
        return self.get(name).strip().lower() in ("true", "yes", "1")

    def required(self, name: str) -> str:
        """Returns a text. Raises ApiError when it is missing or empty."""
        if not (text := self.get(name)):
            raise ApiError(400, f'Parameter "{name}" is required')
        return text

    def nested(self, name: str, complaint: str) -> Any:
        """Returns an object or array, None when it is missing. Raises ApiError with the complaint for bad JSON."""
        if not (text := self.get(name)):
            return None
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise ApiError(400, complaint) from None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def read_parameters(query: str, content_type: str, body: bytes) -> Parameters:
    """Reads a request's parameters: those of the body win over the URL's. Raises ApiError."""
    values: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "strings must be encoded in UTF-8") from None
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" and text.strip():
        values |= _json_object(text)
    elif media_type == "application/x-www-form-urlencoded":
        values |= dict(parse_qsl(text, keep_blank_values=True))
    elif text.strip():
        raise ApiError(400, "this simulator takes parameters as JSON or a form, and no uploads")
    return Parameters(values)


def _json_object(text: str) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ApiError(400, "JSON object expected")
    return values


def read_text(parameters: Parameters) -> dict[str, Any]:
    """Returns the text of sendMessage and its entities. Raises ApiError."""
    raw = parameters.get("text")
    if not raw:
        raise ApiError(400, "message text is empty")
    if len(raw.encode()) > MAX_TEXT_BYTES:
        raise ApiError(400, "text is too long")
    text, entities = _formatted(parameters, raw, "entities")
    if not text:
        raise ApiError(400, "text must be non-empty")
    if _units(text) > MAX_TEXT:
        raise ApiError(400, "message is too long")
    return {"text": text} | ({"entities": entities} if entities else {})


def read_caption(parameters: Parameters) -> dict[str, Any]:
    """Returns the caption of a file and its entities, nothing when there is none. Raises ApiError."""
    text, entities = _formatted(parameters, parameters.get("caption"), "caption_entities")
    if _units(text) > MAX_CAPTION:
        raise ApiError(400, "message caption is too long")
    return ({"caption": text} if text else {}) | ({"caption_entities": entities} if entities else {})


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _formatted(parameters: Parameters, raw: str, name: str) -> tuple[str, list[dict[str, Any]]]:
    mode = parameters.get("parse_mode").strip().lower()
    if mode in ("html", "markdown", "markdownv2"):
        raise ApiError(400, "can't parse entities: this simulator reads entities only, no parse_mode")
    if mode not in ("", "none"):
        raise ApiError(400, "unsupported parse_mode")
    given = parameters.nested(name, "can't parse entities JSON object") or []
    if not isinstance(given, list):
        raise ApiError(400, "can't parse entities JSON object")
    entities = [_entity(value) for value in given]
    _check_places(raw, entities)
    return _trimmed(raw, entities)


def _entity(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ApiError(400, "can't parse MessageEntity: expected an Object")
    for name in ("offset", "length", "type", *filter(None, [_ENTITY_NEEDS.get(str(value.get("type")))])):
        if name not in value:
            raise ApiError(400, f"can't parse MessageEntity: Can't find field \"{name}\"")
    for name in ("offset", "length"):
        if type(value[name]) is not int:
            raise ApiError(400, f'can\'t parse MessageEntity: Field "{name}" must be of type Number')
    if value["type"] not in _ENTITIES:
        raise ApiError(400, "can't parse MessageEntity: Unsupported type specified")
    return value


def _check_places(text: str, entities: list[dict[str, Any]]) -> None:
    units = text.encode("utf-16-le")
    end_of_outer = [len(units) // 2]
    for entity in sorted(entities, key=lambda entity: (entity["offset"], -entity["length"])):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if not 0 <= start <= len(units) // 2:
            raise ApiError(400, f"Entity begins after the end of the text at UTF-16 offset {start}")
        while len(end_of_outer) > 1 and end_of_outer[-1] <= start:
            end_of_outer.pop()
        if end > end_of_outer[-1]:
            what = f"Entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
            raise ApiError(400, what)
        try:
            units[2 * start : 2 * end].decode("utf-16-le")
        except UnicodeDecodeError:
            raise ApiError(400, "Entity begins or ends in a middle of a UTF-16 symbol") from None
        end_of_outer.append(end)


def _trimmed(raw: str, entities: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    text = raw.strip()
    lead, length = _units(raw[: len(raw) - len(raw.lstrip())]), _units(text)
    shown = []
    for entity in entities:
        start = min(max(entity["offset"] - lead, 0), length)
        end = min(max(entity["offset"] + entity["length"] - lead, 0), length)
        if start < end:
            shown.append(entity | {"offset": start, "length": end - start})
    return text, shown


def read_markup(parameters: Parameters) -> dict[str, Any]:
    """Returns the inline keyboard that the message will carry, nothing for the other kinds. Raises ApiError."""
    markup = parameters.nested("reply_markup", "can't parse reply keyboard markup JSON object")
    if markup is None:
        return {}
    if not isinstance(markup, dict):
        raise ApiError(400, "object expected as reply markup")
    if "keyboard" in markup:
        _rows(markup["keyboard"], 'field "keyboard" must be an Array of Arrays')
        return {}
    if "inline_keyboard" not in markup:
        return {}
    place = 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
    rows = [[_inline_button(button) for button in row] for row in _rows(markup["inline_keyboard"], place)]
    if sum(map(len, rows)) > MAX_BUTTONS or any(len(row) > MAX_ROW for row in rows):
        raise ApiError(400, "reply markup is too long")
    rows = [row for row in rows if row]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _rows(value: Any, complaint: str) -> list[list[Any]]:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise ApiError(400, complaint)
    return value


def _inline_button(button: Any) -> dict[str, Any]:
    if isinstance(button, str):
        raise ApiError(400, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if not isinstance(button, dict):
        raise ApiError(400, "can't parse inline keyboard button: expected an Object")
    if not str(button.get("text", "")).strip():
        raise ApiError(400, "inline keyboard button text must be non-empty")
    if not any(action in button for action in _ACTIONS):
        raise ApiError(400, "inline keyboard button type must be non-empty")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise ApiError(400, "BUTTON_DATA_INVALID")
    if "url" in button and not _LINK.fullmatch(str(button["url"])):
        raise ApiError(400, "BUTTON_URL_INVALID")
    return button
