"""The parameters of a call to the simulated Telegram: read in every form they may come in, refused in its own words."""

import re
from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec
from msgspec import Struct

_PREFIXES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
}


class ApiError(Exception):
    """A refusal: its code, the text without the code's prefix, and what else the service tells."""

    def __init__(self, code: int, text: str = "", **parameters: int) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.parameters = parameters

    @property
    def envelope(self) -> dict[str, Any]:
        """The body of the answer."""
        text = self.text
        if text and not (text[1:2].isupper() or text[1:2] == "_"):
            text = text[0].lower() + text[1:]
        description = ": ".join(part for part in (_PREFIXES[self.code], text) if part)
        error = {"ok": False, "error_code": self.code, "description": description}
        return error | ({"parameters": self.parameters} if self.parameters else {})


class Upload(Struct, frozen=True):
    """A file of a multipart form."""

    name: str
    mime_type: str
    content: bytes


class Parameters:
    """Named texts; what came as JSON is kept as JSON text, since Telegram takes both forms for everything.

    `uploads` are the files that came along, by the names of their parts.
    """

    def __init__(self, values: Mapping[str, Any], uploads: Mapping[str, Upload] | None = None) -> None:
        self._values = {name: _as_text(value) for name, value in values.items() if value is not None}
        self.uploads = uploads or {}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def but(self, values: Mapping[str, Any]) -> "Parameters":
        """Returns these parameters with others over them."""
        return Parameters(self._values | dict(values), self.uploads)

    def get(self, name: str, default: str = "") -> str:
        """Returns a text, the default when it is missing."""
        return self._values.get(name, default)

    def integer(self, name: str, default: int = 0) -> int:
        """Returns a whole number, or the default for anything else."""
        text = self.get(name).strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else default

    def number(self, name: str) -> float:
        """Returns a number. Raises ApiError when it is missing or none."""
        text = self.get(name).strip()
        if not text:
            raise ApiError(400, f"{name} is empty")
        try:
            return float(text)
        except ValueError:
            raise ApiError(400, f'Parameter "{name}" must be a valid number') from None

    def is_true(self, name: str) -> bool:
        """Tells whether a flag is set."""
        return self.get(name).strip().lower() in ("true", "yes", "1")

    def required(self, name: str) -> str:
        """Returns a text. Raises ApiError when it is missing or empty."""
        if not (text := self.get(name)):
            raise ApiError(400, f'Parameter "{name}" is required')
        return text

    def nested(self, name: str, complaint: str) -> Any:
        """Returns an object or array, None when it is missing. Raises ApiError with the complaint for bad JSON."""
        if not (text := self.get(name)):
            return None
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise ApiError(400, complaint) from None

    def objects(self, name: str, complaint: str) -> list[dict[str, Any]]:
        """Returns an array of objects, empty when it is missing. Raises ApiError with the complaint for others."""
        values = self.nested(name, complaint) or []
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise ApiError(400, complaint)
        return values

    def mapping(self, name: str, complaint: str) -> dict[str, Any]:
        """Returns an object, empty when it is missing. Raises ApiError with the complaint for others."""
        value = self.nested(name, complaint)
        if value is not None and not isinstance(value, dict):
            raise ApiError(400, complaint)
        return value or {}

    def filled(self, *names: str) -> dict[str, str]:
        """Returns the texts that were given, by these names."""
        return {name: text for name in names if (text := self.get(name))}

    def numbers(self, *names: str) -> dict[str, int]:
        """Returns the whole numbers that were given, by these names."""
        return {name: number for name in names if (number := self.integer(name))}

    def flags(self, *names: str) -> dict[str, bool]:
        """Returns the flags that are set, by these names."""
        return {name: True for name in names if self.is_true(name)}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def read_parameters(query: str, content_type: str, body: bytes) -> Parameters:
    """Reads a request's parameters: those of the body win over the URL's. Raises ApiError."""
    values: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        texts, uploads = _read_form(content_type, body)
        return Parameters(values | texts, uploads)
    text = _decoded(body)
    if media_type == "application/json" and text.strip():
        values |= _json_object(text)
    elif media_type == "application/x-www-form-urlencoded":
        values |= dict(parse_qsl(text, keep_blank_values=True))
    elif text.strip():
        raise ApiError(400, "this simulator takes parameters as JSON or a form only")
    return Parameters(values)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "strings must be encoded in UTF-8") from None


def _read_form(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, Upload]]:
    boundary = _header(f"content-type: {content_type}").get_boundary()
    texts: dict[str, str] = {}
    uploads: dict[str, Upload] = {}
    for part in (b"\r\n" + body).split(f"\r\n--{boundary}".encode())[1:]:
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            break
        header = _header(_decoded(head).lstrip())
        name = str(header.get_param("name", "", header="content-disposition"))
        if (filename := header.get_filename()) is None:
            texts[name] = _decoded(content)
        else:
            uploads[name] = Upload(filename, header.get_content_type(), content)
    return texts, uploads


def _header(text: str) -> EmailMessage:
    return BytesParser(_class=EmailMessage, policy=HTTP).parsebytes(text.encode(), headersonly=True)


def _json_object(text: str) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ApiError(400, "JSON object expected")
    return values


def split_url(url: str) -> SplitResult | None:
    """Returns the parts of an address, None when it is not one."""
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts if parts.port != 0 else None
    except ValueError:
        return None
