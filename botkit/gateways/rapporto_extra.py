"""Rapporto's `extraParam`: pairs of a name and a value, where two commas stand for one in a value."""

import re
from collections.abc import Iterable

Pair = tuple[str, str]

# Read from the left, of three commas the first two are one in the value, and the third ends the pair.
_VALUE = re.compile(r"(?:[^,]|,,)*")


def encode_extra(pairs: Iterable[Pair]) -> str:
    """Returns the pairs as Rapporto takes them.

    Raises ValueError without a pair, and for a name that is empty or has a comma or an equals sign, which nothing can
    stand for.
    """
    written = [f"{_name(name)}={value.replace(',', ',,')}" for name, value in pairs]
    if not written:
        raise ValueError("there is no pair of a name and a value")
    return ",".join(written)


def decode_extra(text: str) -> tuple[Pair, ...]:
    """Returns the pairs in their order, a name as often as it is there; spaces are kept.

    Raises ValueError that counts to the first pair without an equals sign or without a name.
    """
    pairs = []
    for number, part in enumerate(_parts(text), start=1):
        name, sign, value = part.partition("=")
        if not sign or not name or "," in name:
            raise ValueError(f"pair {number} is not name=value with a name that has no comma")
        pairs.append((name, value.replace(",,", ",")))
    return tuple(pairs)


def _name(name: str) -> str:
    if not name or "," in name or "=" in name:
        raise ValueError("a name is empty, or has a comma or an equals sign")
    return name


def _parts(text: str) -> list[str]:
    parts, at = [], 0
    while True:
        match = _VALUE.match(text, at)
        end = match.end() if match else at
        parts.append(text[at:end])
        if end == len(text):
            return parts
        at = end + 1
