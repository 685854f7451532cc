"""A webhook as the service calls it, and as the service says that it is set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct


class Headers(Mapping[str, str]):
    """The headers of a request by their names in lower case, each decoded when it is asked for.

    One that was sent twice is both of them with a comma between, which no signature matches.
    """

    __slots__ = ("_values",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        values = dict(raw)
        if len(values) < len(raw):
            values = {name: b", ".join(value for key, value in raw if key == name) for name in values}
        self._values = values

    def get(self, name: str, default: Any = None, /) -> Any:
        """Returns the text of a header, or the default without one."""
        value = self._values.get(name.encode())
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, name: str) -> str:
        return self._values[name.encode()].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._values)

    def __len__(self) -> int:
        return len(self._values)


class WebhookRequest(Struct, frozen=True):
    """An inbound request as it came: header names in lower case, the body's bytes untouched.

    `kind` is the last part of a gateway's path, as `report`; empty for a channel's webhook. `raw_query` is the query
    string as it came.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    kind: str = ""
    method: str = "POST"
    raw_query: bytes = b""


class WebhookStatus(Struct, frozen=True):
    """What the service says of our webhook; an empty `url` means none is set. `details` is shown to the operator."""

    url: str
    details: Mapping[str, Any]
