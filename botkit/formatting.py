"""Turns Markdown into text with spans.

The Markdown is CommonMark with `~~strike~~`, cut to a chat message: lists and rules become lines of text, headings
are bold; HTML, indented code and reference definitions mean nothing and stay as typed. A line break stays a line
break, and blocks typed apart are one blank line apart. Text without any mark stays as typed, whitespace included;
once there is a mark, the whitespace around lines and blocks is Markdown's.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

Kind = Literal["bold", "italic", "strike", "code", "pre", "link", "quote"]

_MARK = re.compile(r"[\\`*_~\[<&]|(?:^|\r)[^\S\r\n]*(?:[-+=>#]|\d+[.)])", re.MULTILINE)
_SAFE_URL = re.compile(r"(?:https?|tel|mailto|viber|tg):", re.IGNORECASE)
_LANGUAGE = re.compile(r"[\w+#.-]*")

_HOLDERS = ("blockquote_open", "bullet_list_open", "ordered_list_open", "list_item_open")
# How deep quotes and lists may nest (a list counts twice), and brackets. Every line is read again for each block around
# it, every bracket for each bracket around it: without narrow bounds 8,000 brackets take half a second.
_BLOCK_NESTING = 20
_LINK_NESTING = 10

_KINDS: dict[str, Kind] = {"strong": "bold", "em": "italic", "s": "strike", "blockquote": "quote", "a": "link"}


class Span(Struct, frozen=True):
    """A stretch of a text that is shown in one way.

    `start` and `end` count code points; `url` belongs to links, `language` to `pre`.
    """

    kind: Kind
    start: int
    end: int
    url: str = ""
    language: str = ""


class Formatted(Struct, frozen=True):
    """A text and its spans.

    No span is blank; of two spans one holds the other or they do not touch each other's characters; the outer one
    comes first. A kind never holds itself, and a link never holds code.
    """

    text: str
    spans: tuple[Span, ...] = ()


def outer_first(span: Span) -> tuple[int, int]:
    """Sorts spans as `Formatted` holds them."""
    return span.start, -span.end


@lru_cache(maxsize=512)
def parse(markdown: str) -> Formatted:
    """Reads Markdown; any text is good Markdown.

    Links to anything but http, https, tel, mailto, viber and tg keep only their label. The result is empty only when
    the source is: Markdown that would show nothing comes out as typed, as does what nests 20 blocks deep (a list is
    two) or more. Brackets 10 deep are text. The time grows with the length alone, whatever the marks.
    """
    if not _MARK.search(markdown):
        return Formatted(markdown)
    writer = _Writer()
    tokens = _markdown(_BLOCK_NESTING).parse(markdown.replace("\r\n", "\n").replace("\r", "\n"))
    # What stands inside the deepest block has been dropped.
    if any(token.level == _BLOCK_NESTING - 1 and token.type in _HOLDERS for token in tokens):
        return Formatted(markdown)
    _render(tokens, writer)
    return writer.formatted() if writer.length else Formatted(markdown)


@cache
def _markdown(nesting: int) -> "MarkdownIt":
    # Imported at first use: this library takes a third of the time botkit may take to import.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": nesting}).enable("strikethrough")
    # A definition ("[Note]: hello") would make its line vanish, and normalize would alter the user's own characters.
    parser.disable(["code", "reference", "normalize"])
    # Every link is let through here, so that the renderer can keep the label of an unsafe one.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.core.ruler.at("inline", _read_inline)
    return parser


def _read_inline(state: "StateCore") -> None:
    parser = _markdown(_LINK_NESTING)
    for token in state.tokens:
        if token.type == "inline" and token.children is not None:
            parser.inline.parse(token.content, parser, state.env, token.children)


class _Open(Struct):
    kind: Kind
    url: str = ""
    language: str = ""
    start: int = -1
    is_shown: bool = True


class _Writer:
    """Collects text and spans; a span starts with the first write inside it that is not blank."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.gap = ""
        self.last_line = 0
        self.open: list[_Open] = []
        self.spans: list[Span] = []
        self.numbers: list[int | None] = []

    @property
    def newline(self) -> str:
        """A line break and the indent of the list that is being written."""
        return "\n" + "  " * (len(self.numbers) - 1)

    def begin(self, token: "Token") -> None:
        """Starts a block, as far from the last one as in the source: same line, next line, or a blank line apart."""
        first, end = token.map or (0, 0)
        if self.length and first >= self.last_line:
            self.gap = "\n" * (first > self.last_line) + self.newline
        self.last_line = end

    def begin_item(self, token: "Token") -> None:
        self.begin(token)
        number = self.numbers[-1]
        self.write("• " if number is None else f"{number}{token.markup} ")
        self.numbers[-1] = None if number is None else number + 1

    def write(self, text: str) -> None:
        if not text:
            return
        self.length += len(self.gap)
        for span in self.open if text.strip() else ():
            span.start = self.length if span.start < 0 else span.start
        self.length += len(text)
        self.parts += (self.gap, text)
        self.gap = ""

    def enter(self, kind: Kind, url: str = "", language: str = "") -> None:
        held = any(span.kind == kind or (kind == "code" and span.kind == "link") for span in self.open)
        is_shown = not held and (kind != "link" or bool(url))
        self.open.append(_Open(kind, url, language, is_shown=is_shown))

    def leave(self) -> str:
        """Ends the innermost span, writes its URL if it had no label, and returns the URL."""
        span = self.open[-1]
        if span.start < 0:
            self.write(span.url)
        self.open.pop()
        if span.is_shown and span.start >= 0:
            self.spans.append(Span(span.kind, span.start, self.length, span.url, span.language))
        return span.url

    def formatted(self) -> Formatted:
        self.spans.reverse()
        return Formatted("".join(self.parts), tuple(sorted(self.spans, key=outer_first)))


def _render(tokens: Sequence["Token"], writer: _Writer) -> None:
    for token in tokens:
        match token.type:
            case "paragraph_open" | "heading_open" | "hr" | "fence":
                writer.begin(token)
            case "bullet_list_open" | "ordered_list_open":
                writer.numbers.append(int(token.attrs.get("start", 1)) if token.tag == "ol" else None)
            case "bullet_list_close" | "ordered_list_close":
                writer.numbers.pop()
            case "list_item_open":
                writer.begin_item(token)
        if token.nesting:
            _render_span(token, writer)
        else:
            _render_leaf(token, writer)


def _render_span(token: "Token", writer: _Writer) -> None:
    kind = "bold" if token.type.startswith("heading") else _KINDS.get(token.tag)
    if kind is None:
        return
    # "<name:value>" is a link of unknown scheme to Markdown and a placeholder to people: it keeps its brackets.
    is_typed = token.markup == "autolink"
    if token.nesting > 0:
        url = _safe_url(token.attrs.get("href", ""))
        writer.write("<" if is_typed and not url else "")
        writer.enter(kind, url)
    else:
        url = writer.leave()
        writer.write(">" if is_typed and not url else "")


def _render_leaf(token: "Token", writer: _Writer) -> None:
    match token.type:
        case "inline":
            _render(token.children or (), writer)
        case "text":
            writer.write(token.content)
        case "softbreak" | "hardbreak":
            writer.write(writer.newline)
        case "hr":
            writer.write("———")
        case "code_inline":
            writer.enter("code")
            writer.write(token.content)
            writer.leave()
        case "fence":
            writer.enter("pre", language=_LANGUAGE.findall(token.info.strip())[0])
            writer.write(token.content.removesuffix("\n"))
            writer.leave()
        case "image":
            writer.enter("link", _safe_url(token.attrs["src"]))
            _render(token.children or (), writer)
            writer.leave()


def _safe_url(url: str | float) -> str:
    return str(url) if _SAFE_URL.match(str(url)) else ""


_SPECIAL = re.compile(r"[\\`*_~\[\]<>&#]|\A[-+=(]|!\Z")
_NUMBERED = re.compile(r"\A(\d+)([.)])")
_SPACE = re.compile(r"\A\s+|\s+\Z|[\r\n]")


def escape(text: str) -> str:
    """Returns Markdown that shows the text as it is, in any place of a message but code and URLs.

    The result is a single line: line breaks, and spaces at the ends, become character references. The controls that
    have none (U+000B, U+001C to U+001F, U+0085) may be lost at the ends of the text.
    """
    escaped = _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", text))
    return _SPACE.sub(_references, escaped)


def _references(match: re.Match[str]) -> str:
    return "".join(char if char in "\v\x1c\x1d\x1e\x1f\x85" else f"&#{ord(char)};" for char in match[0])


def utf16_length(text: str) -> int:
    """Returns the length in UTF-16 units, which is what Telegram counts in."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
