"""A Viber keyboard in a request to send: as far as the gateway must read it, Viber itself judges the rest.

https://developers.viber.com/docs/tools/keyboards
"""

from collections.abc import Mapping
from typing import Any

from botkit.chatapps.reading import Reader, path_to
from botkit.formatting import utf16_length

MAX_COLUMNS, MAX_ROWS, MAX_BUTTONS = 6, 2, 144
MAX_LABEL = 250
ACTIONS = ("reply", "open-url", "location-picker", "share-phone", "open-map", "none")


def check_keyboard(keyboard: Mapping[str, Any], holder: Reader) -> None:
    """Notes what is wrong with the keyboard of an object; one that is empty is none."""
    if not keyboard:
        return
    reader = Reader(keyboard, path_to(holder.path, "keyboard"), holder.problems)
    reader.word("Type", ("keyboard",), is_required=True)
    if "Buttons" not in reader:
        reader.refuse("Buttons", "is needed")
    for button in reader.members_of("Buttons", 1, MAX_BUTTONS):
        _check_button(button)


def _check_button(button: Reader) -> None:
    action = button.word("ActionType", ACTIONS)
    button.text("ActionBody", is_required=action != "none")
    button.text("Text", most=MAX_LABEL, size=utf16_length)
    button.whole("Columns", 1, MAX_COLUMNS)
    button.whole("Rows", 1, MAX_ROWS)
