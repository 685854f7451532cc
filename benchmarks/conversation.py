"""The conversation that every bot here leads: three steps, each answered with one reply.

Each text and each reply is unlike all others of its chat, and the last two replies repeat what was said in earlier
steps: so a reply proves the step, the state and the data.
"""

STEPS = 3
DAY = "friday"


def said(turn: int, step: int) -> str:
    """Returns what a person writes at a step of their conversation number `turn`."""
    return (f"order {turn}", f"{900_000 + turn}", DAY)[step]


def reply(turn: int, step: int) -> str:
    """Returns the one right reply to it."""
    number = 900_000 + turn
    return (
        f"{turn}: what is the parcel number?",
        f"{turn}: found {number}. Which day?",
        f"{turn}: {number} comes on {DAY}.",
    )[step]
