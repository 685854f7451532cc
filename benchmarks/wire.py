"""As much of HTTP/1.1 as a load generator and a fake platform need, at a few microseconds a message."""

from urllib.parse import parse_qsl

import msgspec

_MOST = 1024 * 1024
_decode = msgspec.json.decode


class Messages:
    """Cuts the bytes of one connection into messages: of each its head, without the empty line, and its body.

    Bodies have a Content-Length or come in chunks; a message with neither has none. Raises ValueError for a head that
    cannot be read and for a message above 1 MiB.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Returns the messages that are complete now."""
        rest = self._rest + data if self._rest else data
        found: list[tuple[bytes, bytes]] = []
        while (end := rest.find(b"\r\n\r\n")) >= 0:
            head = rest[:end]
            body, after = _body(head, rest, end + 4)
            if after < 0:
                break
            found.append((head, body))
            rest = rest[after:]
        if len(rest) > _MOST:
            raise ValueError("a message of more than 1 MiB")
        self._rest = rest
        return found


def _body(head: bytes, data: bytes, start: int) -> tuple[bytes, int]:
    """The body that begins at `start`, and where it ends; -1 while it is not all there."""
    names = head.lower()
    at = names.find(b"\r\ncontent-length:")
    if at >= 0:
        end = start + int(names[at + 17 :].split(b"\r", 1)[0])
        return (data[start:end], end) if len(data) >= end else (b"", -1)
    if b"\r\ntransfer-encoding: chunked" in names:
        return _chunks(data, start)
    return b"", start


def _chunks(data: bytes, start: int) -> tuple[bytes, int]:
    parts: list[bytes] = []
    while (line := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:line].split(b";", 1)[0], 16)
        end = line + 2 + size
        if len(data) < end + 2:
            break
        if not size:
            return b"".join(parts), end + 2
        parts.append(data[line + 2 : end])
        start = end + 2
    return b"", -1


def status(head: bytes) -> int:
    """Returns the status of a response's head."""
    return int(head[9:12])


def target(head: bytes) -> bytes:
    """Returns the path of a request's head."""
    return head.split(b" ", 2)[1]


def fields(head: bytes, body: bytes) -> dict[str, str]:
    """Returns the parameters of a call: in JSON, as a form, or in parts, as different clients write them."""
    if body[:1] == b"{":
        return {name: str(value) for name, value in _decode(body).items()}
    names = head.lower()
    at = names.find(b"boundary=")
    if at >= 0:
        boundary = head[at + 9 :].split(b"\r", 1)[0].split(b";", 1)[0].strip(b'" ')
        return dict(_part(part) for part in body.split(b"--" + boundary)[1:-1])
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _part(part: bytes) -> tuple[str, str]:
    head, _, value = part.partition(b"\r\n\r\n")
    name = head.split(b'name="', 1)[-1].split(b'"', 1)[0]
    return name.decode(), value.removesuffix(b"\r\n").decode()
