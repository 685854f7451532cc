"""Which files of ours Telegram has already, so that each is uploaded once.

https://core.telegram.org/bots/api#sending-files
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from botkit.adapter import HttpAnswer
from botkit.channels.telegram_answers import read_answer
from botkit.channels.telegram_messages import FILES, Call
from botkit.uploads import fingerprint

_KEPT = 1000


class KnownFiles:
    """The ids of files that one bot has uploaded; a `file_id` belongs to the bot and to the kind of message.

    Kept by this process: the newest thousand.
    """

    def __init__(self) -> None:
        self._ids: OrderedDict[str, str] = OrderedDict()

    def shortened(self, call: Call) -> Call:
        """Returns the call without the upload when Telegram has the file; albums are always uploaded."""
        if call.method == "sendMediaGroup" or not call.files:
            return call
        ((name, upload),) = call.files.items()
        file_id = self._ids.get(f"{call.method}|{fingerprint(upload)}")
        return replace(call, parameters={**call.parameters, name: file_id}, files={}) if file_id else call

    def remember(self, call: Call, answer: HttpAnswer) -> None:
        """Notes what Telegram calls the file that the call uploaded."""
        if call.method == "sendMediaGroup" or not call.files:
            return
        said = read_answer(answer)
        file_id = _file_id(said.result) if said and isinstance(said.result, dict) else ""
        if file_id:
            (upload,) = call.files.values()
            self._ids[f"{call.method}|{fingerprint(upload)}"] = file_id
        while len(self._ids) > _KEPT:
            self._ids.popitem(last=False)


def _file_id(message: Mapping[str, Any]) -> str:
    for _, name in FILES.values():
        held = message.get(name)
        held = held[-1] if isinstance(held, list) and held else held
        if isinstance(held, dict) and isinstance(held.get("file_id"), str):
            return str(held["file_id"])
    return ""
