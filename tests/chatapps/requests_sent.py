"""The recorded requests to send, and what is told of a bad one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from botkit.chatapps.contents import find_problems
from botkit.exceptions import Problem

PAYLOADS = {
    path.stem: path.read_bytes().strip() for path in sorted((Path(__file__).parent / "payloads").glob("*.json"))
}
BODIES: Mapping[str, dict[str, Any]] = {name: msgspec.json.decode(body) for name, body in PAYLOADS.items()}


def told(network: str, value: object) -> dict[str, str]:
    """Returns the rules that a network's object breaks, by path; each path breaks one."""
    problems: list[Problem] = []
    find_problems(network, value, problems)
    found = {problem.path: problem.rule for problem in problems}
    assert len(found) == len(problems), "a path is told twice"
    return found
