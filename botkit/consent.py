"""The words by which people leave, and come back, where all that they have is a text message."""

# The English words are what operators and carriers of North America act on (CTIA Messaging Principles, 5.1.3).
_STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "stopp", "стоп"})
_START = frozenset({"start", "unstop", "старт"})


def consent(text: str) -> bool | None:
    """Returns False for a word that means "no more messages", True for one that takes it back, None for all else.

    The word stands alone, in any case, with nothing but white space around it: "Stop it" is a message like any other.
    """
    word = text.strip().casefold()
    if word in _STOP:
        return False
    return True if word in _START else None
