"""Where the commands and answers of Redis end in a stream of bytes."""

from collections.abc import Iterator


class Frames:
    """Splits a stream into commands, or into answers, as it comes."""

    def __init__(self) -> None:
        #: The beginning of one whose end has not come yet.
        self.unfinished = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Returns what is complete by now, piece by piece."""
        self.unfinished += data
        at = 0
        while (end := _end_of(self.unfinished, at)) is not None:
            yield self.unfinished[at:end]
            at = end
        self.unfinished = self.unfinished[at:]


def _end_of(data: bytes, at: int) -> int | None:
    """Returns where the value ends that begins there (RESP 2), None if it is not complete."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    end: int | None = line + 2
    kind = data[at : at + 1]
    if kind not in b"$*" or data[at + 1 : at + 2] == b"-":
        return end
    size = int(data[at + 1 : line])
    if kind == b"$":
        return line + 4 + size if len(data) >= line + 4 + size else None
    for _ in range(size):
        end = None if end is None else _end_of(data, end)
    return end
