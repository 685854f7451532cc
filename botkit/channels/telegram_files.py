"""Which files of ours Telegram has already, so that each is uploaded once.

https://core.telegram.org/bots/api#sending-files
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from botkit.channels.telegram_answers import read_answer
from botkit.channels.telegram_messages import FILES, Call
from botkit.http_client import HttpAnswer
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
        file_id = self._ids.get(_key(call))
        if not file_id:
            return call
        (name,) = call.files
        return replace(call, parameters={**call.parameters, name: file_id}, files={})

    def remember(self, call: Call, answer: HttpAnswer) -> None:
        """Notes what Telegram calls the file that the call uploaded."""
        said = read_answer(answer)
        file_id = _file_id(said.result) if said and isinstance(said.result, dict) else ""
        if file_id and (key := _key(call)):
            self._ids[key] = file_id
            self._ids.move_to_end(key)
        while len(self._ids) > _KEPT:
            self._ids.popitem(last=False)

    def forget(self, call: Call) -> None:
        """Drops what is known of the file that the call uploads."""
        self._ids.pop(_key(call), None)


def _key(call: Call) -> str:
    """Returns what a file is known by, nothing for a call that uploads none or several."""
    if call.method == "sendMediaGroup" or not call.files:
        return ""
    (upload,) = call.files.values()
    return f"{call.method}|{fingerprint(upload)}"


def _file_id(message: Mapping[str, Any]) -> str:
    for _, name in FILES.values():
        held = message.get(name)
        held = held[-1] if isinstance(held, list) and held else held
        if isinstance(held, dict) and isinstance(held.get("file_id"), str):
            return str(held["file_id"])
    return ""
