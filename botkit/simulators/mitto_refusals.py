"""How the simulated Mitto says no: the statuses, and the bodies that different parts of it answer with."""

import json
from typing import Any, Literal
from uuid import uuid4

#: How a refusal is written.
Style = Literal["message", "error", "problem"]


class RefusedError(Exception):
    """A call is refused: the HTTP status, what is wrong, and the path of the member that is."""

    def __init__(self, status: int, text: str, path: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.path = path

    def body(self, style: Style) -> dict[str, Any]:
        """Returns the answer's body."""
        text = f"{self.path}: {self.text}" if self.path else self.text
        if style == "problem":
            return self._problem
        return {style: text}

    @property
    def _problem(self) -> dict[str, Any]:
        known = {"type": "about:blank", "status": self.status, "traceId": f"00-{uuid4().hex}-{uuid4().hex[:16]}-00"}
        if self.status != 400:
            return {"title": self.text, **known}
        return {"title": "One or more validation errors occurred.", **known, "errors": {self.path or "$": [self.text]}}


def invalid(text: str, path: str = "") -> RefusedError:
    """Returns the refusal of a malformed request."""
    return RefusedError(400, text, path)


def read_json(body: bytes, content_type: str) -> dict[str, Any]:
    """Returns the object that a request is; raises RefusedError for another type (415) and for bad JSON (400)."""
    _check_type(content_type)
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise invalid("the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    if not isinstance(found, dict):
        raise invalid("the body is not an object")
    return found


def _check_type(content_type: str) -> None:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.partition("=")[2].strip('" ') for part in parameters if part.startswith("charset")]
    if media != "application/json" or any(charset != "utf-8" for charset in charsets):
        raise RefusedError(415, "the content type must be application/json in UTF-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len({name.casefold() for name in found}) < len(pairs):
        raise invalid("a member is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)
