"""Placeholder until the real one is merged."""

from collections.abc import Callable

from botkit.formatting import Formatted


def split(formatted: Formatted, most: int, measure: Callable[[Formatted], int]) -> list[Formatted]:
    return [Formatted(formatted.text[i : i + most]) for i in range(0, len(formatted.text), most)]
