"""The Lua scripts: their files, the head they share, and the hashes Redis knows them by."""

import hashlib
import re
from functools import cache
from pathlib import Path

from msgspec import Struct

NAMES = (
    "ingest",
    "claim",
    "renew",
    "commit",
    "sent",
    "count",
    "buy",
    "reset",
    "retry",
    "suspect",
    "fail",
    "enqueue",
    "forget",
    "replay",
    "peek",
    "check",
    "bucket",
    "rest",
    "poll",
    "polled",
    "receipt",
    "status",
    "park",
    "draft",
    "stage",
    "lead",
    "enlist",
    "feed",
    "fate",
    "step",
    "begin",
    "arm",
    "swap",
)

#: The scripts that bring in new work: without memory they are refused before their first write, and told so to whoever
#: brought it. All others finish what is there, which frees more than it takes; refused, nothing could ever be freed.
NEW_WORK = frozenset({"ingest", "enqueue", "draft", "stage", "enlist"})


# A function of the head stands behind its comment, and uses none but those before it.
_FUNCTION = re.compile(r"^(?=--)(?<!\S\n)", re.MULTILINE)
_NAME = re.compile(r"^local function (\w+)", re.MULTILINE)


class Script(Struct, frozen=True):
    """A script's whole text and its SHA-1."""

    text: str
    sha: str


@cache
def load_scripts(*, shebang: bool) -> dict[str, Script]:
    """Returns every script by name.

    With `shebang` (Redis 7.0 and later) the server refuses access to keys of another slot, and new work as a whole when
    it is out of memory; older servers do not know that line.
    """
    folder = Path(__file__).parent / "lua"
    head = (folder / "head.lua").read_text()
    bodies = {name: (folder / f"{name}.lua").read_text() for name in NAMES}
    texts = {name: _shebang(name) * shebang + compose(head, body) for name, body in bodies.items()}
    return {name: Script(text, hashlib.sha1(text.encode()).hexdigest()) for name, text in texts.items()}  # noqa: S324


def name_of(script: object) -> str:
    """Returns the name of a script by its hash or its text; empty for none of ours."""
    known = [*load_scripts(shebang=True).items(), *load_scripts(shebang=False).items()]
    return next((name for name, kept in known if script in (kept.sha, kept.text)), "")


def compose(head: str, body: str) -> str:
    """Returns a script behind what it needs of the head: Redis makes every function in its text anew for each call."""
    time, *functions = _FUNCTION.split(head)
    for function in reversed(functions):
        if f"{_NAME.findall(function)[0]}(" in body:
            body = function + body
    return time + body


def _shebang(name: str) -> str:
    return "#!lua\n" if name in NEW_WORK else "#!lua flags=allow-oom\n"
