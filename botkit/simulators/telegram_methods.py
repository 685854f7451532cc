"""All methods of the simulated Bot API."""

from collections.abc import Callable, Mapping
from typing import Any

from botkit.simulators.telegram_administration import ADMINISTRATION
from botkit.simulators.telegram_calls import Called
from botkit.simulators.telegram_edits import EDITS
from botkit.simulators.telegram_files import FILES
from botkit.simulators.telegram_queries import ANSWERS
from botkit.simulators.telegram_sending import SENDING
from botkit.simulators.telegram_webhooks import WEBHOOKS

#: By their names in lower case: Telegram does not mind the case. A text as the result is a `description`.
METHODS: Mapping[str, Callable[[Called], Any]] = {
    **SENDING,
    **EDITS,
    **ANSWERS,
    **FILES,
    **ADMINISTRATION,
    **WEBHOOKS,
}
