"""Which keyboards and cards the simulated Viber takes, and how a device lays them out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botkit.simulators.viber_attributes import (
    ACTIONS,
    ACTIONS_SINCE,
    BUTTON,
    KEYBOARD,
    RICH_MEDIA,
    WRONG_TYPE,
    missing,
    newest_of,
    one_of,
    problem_of,
    text,
    whole,
)
from botkit.simulators.viber_refusals import BAD_DATA, INCOMPATIBLE, RefusedError

MAX_ROWS = 24
MAX_CARDS = 6

Json = Mapping[str, Any]

#: The attributes of a keyboard and of a card, and the most rows of a button.
_FORMS = {"keyboard": (KEYBOARD, 2), "rich_media": (RICH_MEDIA, 7)}
_PICKERS = ("location-picker", "share-phone")
_PAIRS: Mapping[str, Callable[[Json], bool]] = {
    "TextBgGradientColor: only with TextVAlign top or bottom": lambda button: (
        "TextBgGradientColor" in button and button.get("TextVAlign") not in ("top", "bottom")
    ),
    "Map: required for open-map": lambda button: button.get("ActionType") == "open-map" and "Map" not in button,
}


def check_keyboard(keyboard: Any, name: str, minimum: float) -> str:
    """Checks a keyboard, or a rich_media with its larger bounds, for devices from `minimum` on.

    Returns what a device will object to, or nothing. Raises RefusedError for what has not the form of a keyboard, or
    needs newer devices.
    """
    if problem := _form_problem(keyboard, name):
        raise RefusedError(BAD_DATA, f"{name} is not valid. [{problem}]")
    version, attribute = max(
        newest_of(keyboard, _FORMS[name][0]),
        *(max(newest_of(button, BUTTON), _action_since(button)) for button in keyboard["Buttons"]),
    )
    if version > minimum:
        raise RefusedError(INCOMPATIBLE, f"{attribute} needs min_api_version {version}")
    problem = problem_of(keyboard, _FORMS[name][0]) or _first(map(_style_problem, keyboard["Buttons"]))
    return problem and f"{name} is not valid. [{problem}]"


def size_of(keyboard: Json, name: str) -> tuple[int, int]:
    """Returns the columns and the rows of a group of buttons, which are a card's."""
    return keyboard.get("ButtonsGroupColumns", 6), keyboard.get("ButtonsGroupRows", _FORMS[name][1])


def _form_problem(keyboard: Any, name: str) -> str:
    if not isinstance(keyboard, dict):
        return WRONG_TYPE
    if absent := [key for key in ("Buttons", "Type") if key not in keyboard]:
        return missing(absent)
    if problem := one_of(name)(keyboard["Type"]):
        return f"Type: {problem}"
    attributes, _ = _FORMS[name]
    if problem := problem_of(keyboard, {key: attributes[key] for key in ("ButtonsGroupColumns", "ButtonsGroupRows")}):
        return problem
    buttons = keyboard["Buttons"]
    if not isinstance(buttons, list) or not buttons:
        return "Buttons: array is too short: must have at least 1 elements"
    problem = _first(_button_problem(button, keyboard, name) for button in buttons) or _size_problem(keyboard, name)
    return problem and f"Buttons: {problem}"


def _button_problem(button: Any, keyboard: Json, name: str) -> str:
    if not isinstance(button, dict):
        return WRONG_TYPE
    action = button.get("ActionType", "reply")
    if "ActionBody" not in button:
        return missing(["ActionBody"])
    if problem := text(30_720, least=0 if action == "none" else 1)(button["ActionBody"]):
        return f"ActionBody: {problem}"
    actions = [known for known in ACTIONS if name == "keyboard" or known not in _PICKERS]
    if problem := one_of(*actions)(action):
        return f"ActionType: {problem}"
    columns, _ = size_of(keyboard, name)
    for key, most in (("Columns", columns), ("Rows", _FORMS[name][1])):
        if problem := whole(1, most)(button.get(key, 1)):
            return f"{key}: {problem}"
    return ""


def _size_problem(keyboard: Json, name: str) -> str:
    buttons, (columns, rows) = keyboard["Buttons"], size_of(keyboard, name)
    if name == "keyboard":
        height = sum(max(button.get("Rows", 1) for button in row) for row in rows_of(buttons, columns))
        return f"more than {MAX_ROWS} rows" if height > MAX_ROWS else ""
    cells = sum(button.get("Columns", columns) * button.get("Rows", 1) for button in buttons)
    return f"more than {MAX_CARDS} cards" if cells > MAX_CARDS * columns * rows else ""


def _style_problem(button: Json) -> str:
    problem = problem_of(button, BUTTON) or _first(rule for rule, breaks in _PAIRS.items() if breaks(button))
    return problem and f"Buttons: {problem}"


def _action_since(button: Json) -> tuple[int, str]:
    action = button.get("ActionType", "reply")
    return ACTIONS_SINCE(action), action


def _first(problems: Any) -> str:
    return next(filter(None, problems), "")


def rows_of(buttons: Sequence[dict[str, Any]], columns: int = 6) -> list[list[dict[str, Any]]]:
    """Lays buttons out as a device does: a row is full when the next button does not fit."""
    rows: list[list[dict[str, Any]]] = []
    free = 0
    for button in buttons:
        width = button.get("Columns", columns)
        if width > free:
            rows.append([])
            free = columns
        rows[-1].append(button)
        free -= width
    return rows
