"""Judges replies: whether each came, once, in order, and was the right one for its chat and step."""

from msgspec import Struct


class Verdict(Struct, frozen=True):
    """How many replies were right, and how many were not, by what was wrong.

    `lost` never came; `double` came before; `wrong` is none that the chat was due; `reordered` came after one that
    answers a later message of the same chat.
    """

    right: int
    lost: int
    double: int
    wrong: int
    reordered: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults

    @property
    def faults(self) -> int:
        """How much was wrong."""
        return self.lost + self.double + self.wrong + self.reordered


class _Due(Struct):
    number: int
    at: float
    has_come: bool = False


class Checker:
    """Knows which replies are due. Instants are of any one clock, in seconds."""

    def __init__(self) -> None:
        self._due: dict[int, dict[str, _Due]] = {}
        self._last: dict[int, int] = {}
        self._expected = self._right = self._double = self._wrong = self._reordered = 0

    def expect(self, chat: int, text: str, at: float) -> None:
        """Notes that a message was sent whose reply is `text`, after all those expected before in its chat."""
        due = self._due.setdefault(chat, {})
        self._expected += text not in due
        due[text] = _Due(len(due), at)

    def reply(self, chat: int, text: str) -> float | None:
        """Judges a reply; returns the instant of the message it answers, or None where it counts for nothing."""
        due = self._due.get(chat, {}).get(text)
        if due is None:
            self._wrong += 1
            return None
        if due.has_come:
            self._double += 1
            return None
        due.has_come = True
        self._right += 1
        if due.number < self._last.get(chat, 0):
            self._reordered += 1
        self._last[chat] = max(due.number, self._last.get(chat, 0))
        return due.at

    @property
    def missing(self) -> int:
        """How many replies are due and have not come."""
        return self._expected - self._right

    def verdict(self) -> Verdict:
        """Judges all that came, and did not."""
        return Verdict(self._right, self.missing, self._double, self._wrong, self._reordered)
