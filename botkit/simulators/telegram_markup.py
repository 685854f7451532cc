"""What a bot may put under its message: the four kinds of `reply_markup` and all their buttons."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from botkit.formatting import utf16_length
from botkit.simulators.telegram_parameters import ApiError, Parameters

MAX_BUTTONS = 100
MAX_ROW = 8

# fmt: off
_ACTIONS = (
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
)
# fmt: on
#: What a button of a reply keyboard asks for, in private chats only, and what the refusal calls it.
_REQUESTS = {
    "request_contact": "Phone number",
    "request_location": "Location",
    "request_users": "Users",
    "request_chat": "Chats",
    "request_managed_bot": "Managed bots",
    "request_poll": "Poll",
    "web_app": "Web App buttons",
}
_LINK = re.compile(r"(?:https?|tg)://\S+", re.IGNORECASE)


class Markup(Struct, frozen=True):
    """A markup that was read; the value of an inline keyboard belongs to its message, a reply keyboard to the chat."""

    kind: Literal["", "inline", "keyboard", "remove", "force"] = ""
    value: Mapping[str, Any] = {}

    @property
    def echo(self) -> dict[str, Any]:
        """What the Message shows of it: an inline keyboard only."""
        return {"reply_markup": dict(self.value)} if self.kind == "inline" and self.value else {}


def read_markup(parameters: Parameters, kind: str = "private", *, is_inline_only: bool = False) -> Markup:
    """Returns the markup of a call in a chat of some kind. Raises ApiError."""
    markup = parameters.nested("reply_markup", "can't parse reply keyboard markup JSON object")
    if markup is None:
        return Markup()
    if not isinstance(markup, dict):
        raise ApiError(400, "object expected as reply markup")
    found = _read(markup, is_private=kind == "private")
    if (is_inline_only or kind == "channel") and found.kind not in ("", "inline"):
        raise ApiError(400, "inline keyboard expected")
    return found


def _read(markup: Mapping[str, Any], *, is_private: bool) -> Markup:
    if "keyboard" in markup:
        rows = _rows(markup["keyboard"], 'field "keyboard" must be an Array of Arrays')
        _check_placeholder(markup)
        buttons = [[_key(button, is_private=is_private) for button in row] for row in rows]
        return Markup("keyboard", {**markup, "keyboard": [row for row in buttons if row]})
    if "inline_keyboard" in markup:
        place = 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
        keys = _bounded([[_inline(button) for button in row] for row in _rows(markup["inline_keyboard"], place)])
        _check_places(keys, is_private=is_private)
        return Markup("inline", {"inline_keyboard": keys} if keys else {})
    if markup.get("remove_keyboard"):
        return Markup("remove")
    if markup.get("force_reply"):
        _check_placeholder(markup)
        return Markup("force", markup)
    return Markup()


def _rows(value: Any, complaint: str) -> list[list[Any]]:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise ApiError(400, complaint)
    return value


def _bounded(rows: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    if sum(map(len, rows)) > MAX_BUTTONS or any(len(row) > MAX_ROW for row in rows):
        raise ApiError(400, "reply markup is too long")
    return [row for row in rows if row]


def _check_placeholder(markup: Mapping[str, Any]) -> None:
    if utf16_length(str(markup.get("input_field_placeholder", ""))) > 64:
        raise ApiError(400, "reply markup is too long")


def _key(button: Any, *, is_private: bool) -> dict[str, Any]:
    key = {"text": button} if isinstance(button, str) else button
    if not isinstance(key, dict):
        raise ApiError(400, "can't parse keyboard button: expected an Object")
    if not str(key.get("text", "")).strip():
        raise ApiError(400, "keyboard button text must be non-empty")
    _check_style(key)
    for name, what in _REQUESTS.items():
        if key.get(name) and not is_private:
            raise ApiError(400, f"{what} can be requested in private chats only")
    return key


def _inline(button: Any) -> dict[str, Any]:
    if isinstance(button, str):
        raise ApiError(400, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if not isinstance(button, dict):
        raise ApiError(400, "can't parse inline keyboard button: expected an Object")
    if not str(button.get("text", "")).strip():
        raise ApiError(400, "inline keyboard button text must be non-empty")
    action = next((action for action in _ACTIONS if action in button), "")
    if not action:
        raise ApiError(400, "inline keyboard button type must be non-empty")
    _check_style(button)
    if action in _CHECKS and not _CHECKS[action](button[action]):
        raise ApiError(400, _REFUSALS.get(action, "BUTTON_TYPE_INVALID"))
    return button


def _check_style(button: Mapping[str, Any]) -> None:
    if button.get("style", "primary") not in ("danger", "success", "primary"):
        raise ApiError(400, "invalid button style specified")


def _is_address(value: Any) -> bool:
    return bool(_LINK.fullmatch(str(value)))


def _has_address(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("url", "")).lower().startswith("https://")


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "callback_data": lambda data: 1 <= len(str(data).encode()) <= 64,
    "url": _is_address,
    "web_app": _has_address,
    "login_url": _has_address,
    "copy_text": lambda value: isinstance(value, dict) and 1 <= len(str(value.get("text", ""))) <= 256,
}
_REFUSALS = {
    "callback_data": "BUTTON_DATA_INVALID",
    "url": "BUTTON_URL_INVALID",
    "web_app": "BUTTON_URL_INVALID",
    "login_url": "BUTTON_URL_INVALID",
    "copy_text": "BUTTON_COPY_TEXT_INVALID",
}


def _check_places(rows: list[list[dict[str, Any]]], *, is_private: bool) -> None:
    """Raises ApiError for a button that stands where it may not."""
    buttons = [button for row in rows for button in row]
    if any("pay" in button or "callback_game" in button for button in buttons[1:]):
        raise ApiError(400, "BUTTON_POS_INVALID")
    if not is_private and any("web_app" in button for button in buttons):
        raise ApiError(400, "BUTTON_TYPE_INVALID")
