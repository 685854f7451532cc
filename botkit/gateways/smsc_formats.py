"""The four forms in which SMSC answers, read into rows of named texts.

https://smsc.ru/api/http/contact/ and https://smsc.ru/api/http/send/: `fmt` is 0 for text, 1 for commas, 2 for XML,
3 for JSON. Neither text nor commas know any quoting: a line that can be read in two ways is refused.
"""

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.parsers import expat

import msgspec
from msgspec import Struct

from botkit.exceptions import PayloadError

#: A line of an answer, or one record of it, by the names that SMSC's JSON has.
Row = Mapping[str, str]

# A list, a record, a field; an answer to a send has a list of numbers inside.
_MAX_XML_DEPTH = 8


class Format(enum.IntEnum):
    """The form of an answer, as the parameter `fmt` asks for it."""

    TEXT = 0
    COMMA = 1
    XML = 2
    JSON = 3


class Refusal(Struct, frozen=True):
    """An error in an answer: its code, and the message's id where it is told.

    `is_crowded` tells that there were too many connections at once; `retry_after` is in seconds, where it is known.
    """

    code: int
    id: str = ""
    is_crowded: bool = False
    retry_after: float = 0


class Shape(Struct, frozen=True):
    """What an answer holds: its fields, in the order of commas, the first `least` of them always (0 = all).

    `line` matches the text form; empty, that is `name = value, ...`. `takes_rest` tells that only the last field may
    have commas in it. `aliases` are other names of fields.
    """

    fields: tuple[str, ...]
    least: int = 0
    line: str = ""
    takes_rest: bool = False
    aliases: Mapping[str, str] = {}


class Answer(Struct, frozen=True):
    """An answer's text and its form; reading it raises PayloadError, which quotes nothing of it."""

    text: str
    form: Format = Format.JSON

    @property
    def refusal(self) -> Refusal | None:
        """The error that it tells of, None where it is none: an `error_code` wins over all else."""
        match self.form:
            case Format.XML:
                return _refusal_of(_leaves(_xml(self.text)))
            case Format.COMMA:
                found = _COMMA_ERROR.fullmatch(self.text.strip())
                return _refusal(found["code"], found["id"]) if found else None
            case Format.JSON if (tree := _json(self.text)) is not None:
                return _refusal_of(_scalars(tree)) if isinstance(tree, dict) else None
        return _text_refusal(self.text)

    @property
    def tree(self) -> Any:
        """What its JSON says; None for an answer of another form."""
        return _json(self.text) if self.form is Format.JSON else None

    def one(self, shape: Shape) -> Row:
        """Returns the one record of an answer."""
        match self.form:
            case Format.JSON:
                return _named(_scalars(self.tree), shape)
            case Format.XML:
                return _named(_leaves(_xml(self.text)), shape)
        return self._line(self.text.strip("\r\n"), shape)

    def many(self, shape: Shape) -> Sequence[Row]:
        """Returns the records of a list."""
        match self.form:
            case Format.JSON:
                if not isinstance(tree := self.tree, list):
                    raise PayloadError("the answer is no list")
                return [_named(_scalars(entry), shape) for entry in tree]
            case Format.XML:
                return [_named(_leaves(entry), shape) for entry in _xml(self.text).children]
        lines = [line.rstrip("\r") for line in self.text.split("\n")]
        return [self._line(line, shape) for line in lines if line.strip()]

    def _line(self, line: str, shape: Shape) -> Row:
        if self.form is Format.COMMA:
            return _commas(line, shape)
        if not shape.line:
            return _pairs(line, shape)
        if found := re.fullmatch(shape.line, line.strip()):
            return {name: value for name, value in found.groupdict().items() if value is not None}
        raise PayloadError("the answer is not worded as expected")


def decode(body: bytes, charset: str = "utf-8") -> str:
    """Returns the text of an answer that was asked for in a character set. Raises PayloadError, also for none."""
    try:
        text = body.decode(charset)
    except UnicodeDecodeError as error:
        raise PayloadError(f"the answer is not {charset} (byte {error.start})") from None
    if not text.strip():
        raise PayloadError("the answer is empty")
    return text


# --- errors ---

_TEXT_ERROR = re.compile(r"ERROR = (?P<code>\d{1,9}) \((?P<words>.*)\)(?:, ID - (?P<id>\d{1,19}))?", re.DOTALL)
_COMMA_ERROR = re.compile(r"(?P<id>\d{1,19}),-(?P<code>\d{1,9})")
_CROWDED = "too many concurrent requests"


def _text_refusal(text: str) -> Refusal | None:
    found = _TEXT_ERROR.fullmatch(text.strip())
    return _refusal(found["code"], found["id"] or "", found["words"]) if found else None


def _refusal_of(row: Row) -> Refusal | None:
    if "error_code" not in row:
        return None
    return _refusal(row["error_code"], row.get("id", ""), row.get("error", ""))


def _refusal(code: str, identity: str, words: str = "") -> Refusal:
    if not re.fullmatch(r"[0-9]{1,9}", code):
        raise PayloadError("the answer has an error code that is no number")
    return Refusal(int(code), identity.lstrip("0"), _CROWDED in words.lower())


# --- text and commas ---


def _commas(line: str, shape: Shape) -> Row:
    most = len(shape.fields)
    values = line.split(",", most - 1) if shape.takes_rest else line.split(",")
    if not (shape.least or most) <= len(values) <= most:
        raise PayloadError(f"a line has {len(values)} fields; expected are {shape.least or most} to {most}")
    return dict(zip(shape.fields, values, strict=False))


def _pairs(line: str, shape: Shape) -> Row:
    """Returns the fields of `name = value, name = value`: each mark must stand there once, and in order."""
    marks = [_mark(line, field, number, shape) for number, field in enumerate(shape.fields)]
    places = [line.find(mark) for mark in marks]
    if places[0] != 0 or places != sorted(places) or any(line.count(mark) != 1 for mark in marks[1:]):
        raise PayloadError("a line has other fields than expected, or can be read in two ways")
    starts = [place + len(mark) for place, mark in zip(places, marks, strict=True)]
    ends = [*places[1:], len(line)]
    return {field: line[start:end] for field, start, end in zip(shape.fields, starts, ends, strict=True)}


def _mark(line: str, field: str, number: int, shape: Shape) -> str:
    names = [field, *(alias for alias, meant in shape.aliases.items() if meant == field)]
    marks = [f"{', ' if number else ''}{name} = " for name in names]
    return next((mark for mark in marks if mark in line), marks[0])


# --- JSON ---


def _json(text: str) -> Any:
    """Returns what a JSON text says, None for an answer that is an error in words instead."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        if _text_refusal(text):
            return None
        raise PayloadError("the answer is not JSON") from None


def _scalars(tree: Any) -> Row:
    if not isinstance(tree, dict):
        raise PayloadError("the answer is not made of JSON objects")
    values = {name: "" if value is None else value for name, value in tree.items()}
    return {name: str(value) for name, value in values.items() if not isinstance(value, (dict, list, bool))}


def _named(row: Row, shape: Shape) -> Row:
    known = {shape.aliases.get(name, name): value for name, value in row.items()}
    needed = shape.fields[: shape.least or len(shape.fields)]
    if missing := [name for name in needed if name not in known]:
        raise PayloadError(f"the answer lacks {', '.join(missing)}")
    return known


# --- XML ---


class _Element(Struct):
    tag: str
    text: str = ""
    children: list["_Element"] = []


def _xml(text: str) -> _Element:
    """Returns the root of a document; one with a document type, and so every one with entities of its own, is refused.

    What the document says of its encoding does not count: it has been decoded.
    """
    parser = expat.ParserCreate("utf-8")
    top = _Element("")
    # Else every line of a text is a call of its own.
    parser.buffer_text = True
    builder = _Builder(top)
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text.strip().encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError:
        raise PayloadError("the answer is not XML") from None
    return top.children[0]


class _Builder:
    def __init__(self, top: _Element) -> None:
        self._open = [top]

    def refuse(self, *_declared: object) -> None:
        raise PayloadError("the answer declares a document type")

    def start(self, tag: str, _attributes: object) -> None:
        if len(self._open) > _MAX_XML_DEPTH:
            raise PayloadError(f"the answer is nested deeper than {_MAX_XML_DEPTH} levels")
        element = _Element(tag)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].text += text


def _leaves(root: _Element) -> Row:
    """Returns the elements with nothing but text inside by their tags, the first of each, wherever they stand."""
    found: dict[str, str] = {}
    for element in _walk(root):
        if not element.children:
            found.setdefault(element.tag, element.text)
    return found


def _walk(element: _Element) -> Iterator[_Element]:
    yield element
    for child in element.children:
        yield from _walk(child)
