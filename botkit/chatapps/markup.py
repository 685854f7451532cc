"""Telegram's Html, MarkdownV2 and old Markdown: what a text says without its marks, and our formatting as Html.

https://core.telegram.org/bots/api#formatting-options
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from itertools import pairwise
from typing import get_args

from msgspec import Struct

from botkit.formatting import Formatted, Kind, Span, outer_first
from botkit.rendering import to_telegram

_KINDS = frozenset(get_args(Kind))
_CODE = ("code", "pre")
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)


class MarkupError(ValueError):
    """Marks that Telegram would not read; the text says which, and nothing of the words between them."""


class Parsed(Struct, frozen=True):
    """A text without its marks; `is_whole` tells that our spans say all that the marks said."""

    formatted: Formatted
    is_whole: bool


def parse(text: str, mode: str) -> Parsed:
    """Reads a text in one of the parse modes. Raises MarkupError where Telegram would refuse it."""
    return _PARSERS[mode](text)


def to_html(formatted: Formatted) -> str:
    """Returns a text with its formatting as Telegram's Html, without whitespace at its ends."""
    text, entities = to_telegram(formatted)
    # Places are UTF-16 units, of two bytes each.
    units = text.encode("utf-16-le")
    before: dict[int, str] = {}
    after: dict[int, str] = {}
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        opening, closing = _tags(entity)
        before[start] = before.get(start, "") + opening
        after[end] = closing + after.get(end, "")
    places = sorted({0, len(units) // 2, *before, *after})
    parts = [after.get(0, "") + before.get(0, "")]
    for start, end in pairwise(places):
        parts += [escape(units[2 * start : 2 * end].decode("utf-16-le"), quote=False), after.get(end, "")]
        parts.append(before.get(end, ""))
    return "".join(parts)


_TAGS = {"bold": "b", "italic": "i", "strikethrough": "s", "code": "code", "blockquote": "blockquote"}


def _tags(entity: Mapping[str, object]) -> tuple[str, str]:
    match entity:
        case {"type": "text_link", "url": str(url)}:
            return f'<a href="{escape(url)}">', "</a>"
        case {"type": "pre", "language": str(language)}:
            return f'<pre><code class="language-{escape(language)}">', "</code></pre>"
        case {"type": "pre"}:
            return "<pre>", "</pre>"
    name = _TAGS[str(entity["type"])]
    return f"<{name}>", f"</{name}>"


class _Open(Struct):
    """A mark whose end is not read yet, and where its text begins."""

    mark: str
    start: int
    url: str = ""
    language: str = ""


class _Writer:
    """A text without its marks so far, with the spans that are closed."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.is_whole = True
        self._spans: list[Span] = []

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def enter(self, mark: str, url: str = "", language: str = "") -> None:
        self.open.append(_Open(mark, self.length, url, language))

    def add(self, kind: str, start: int, url: str = "", language: str = "") -> None:
        """Adds a span from a place to the present one."""
        if kind == "link" and not _WEB.fullmatch(url):
            self.is_whole = False
        elif kind in _KINDS:
            self._spans.append(Span(kind, start, self.length, url, language))  # type: ignore[arg-type]  # one of them
        else:
            self.is_whole = False

    def parsed(self) -> Parsed:
        text = "".join(self.parts)
        kept: list[Span] = []
        around: list[Span] = []
        # One that was closed later is the outer one of two over the same words.
        self._spans.reverse()
        for span in sorted(self._spans, key=outer_first):
            around = [outer for outer in around if outer.end > span.start]
            if not text[span.start : span.end].strip() or any(_swallows(outer, span) for outer in around):
                continue
            self.is_whole &= not (span.kind in _CODE and any(outer.kind == "link" for outer in around))
            kept.append(span)
            around.append(span)
        return Parsed(Formatted(text, tuple(kept)), self.is_whole)


def _swallows(outer: Span, span: Span) -> bool:
    # Nothing stands in code, and what is bold already cannot get bolder.
    return outer.kind in _CODE or outer.kind == span.kind


# --- Html ---

# fmt: off
_HTML_KINDS: Mapping[str, str] = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "s": "strike", "strike": "strike", "del": "strike",
    "code": "code", "pre": "pre", "a": "link", "blockquote": "quote", "u": "underline", "ins": "underline",
    "tg-spoiler": "spoiler", "span": "spoiler", "tg-emoji": "emoji", "tg-time": "time",
}
# fmt: on
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot));?")
_VALUE = r"""\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*))"""
_ATTRIBUTE = re.compile(rf"\s*+([^\s=>]++)(?>{_VALUE})?+")
# Everything is read once and never given back, whatever was left open.
_HTML = re.compile(
    rf"(?P<text>[^<]++)|</(?P<end>[^>]*+)>|<(?P<start>[^\s>]*+)(?P<attributes>(?:{_ATTRIBUTE.pattern})*+)\s*+>"
)


def _parse_html(source: str) -> Parsed:
    writer, position = _Writer(), 0
    while position < len(source):
        token = _HTML.match(source, position)
        if token is None:
            raise MarkupError("has a < that begins no tag; write &lt;")
        if token["text"] is not None:
            writer.write(_unescape(token["text"]))
        elif token["end"] is not None:
            _end_tag(writer, token["end"].strip().lower())
        else:
            _start_tag(writer, token["start"].lower(), _attributes(token["attributes"]))
        position = token.end()
    if writer.open:
        raise MarkupError(f"has a <{writer.open[-1].mark}> that is not closed")
    return writer.parsed()


def _unescape(text: str) -> str:
    return _REFERENCE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    number = int(match[1], 16) if match[1] else int(match[2])
    is_character = 0 < number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_character else match[0]


def _attributes(text: str) -> Mapping[str, str]:
    found = _ATTRIBUTE.finditer(text)
    return {match[1].lower(): _unescape(next(filter(None, match.groups()[1:]), "")) for match in found}


def _start_tag(writer: _Writer, name: str, attributes: Mapping[str, str]) -> None:
    if name not in _HTML_KINDS:
        raise MarkupError("has a tag that Telegram does not know; write &lt; for a < of your own")
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise MarkupError('has a <span> without class="tg-spoiler"')
    writer.is_whole &= "expandable" not in attributes
    language = attributes.get("class", "") if name == "code" else ""
    is_named = language.startswith("language-")
    writer.enter(name, attributes.get("href", ""), language.removeprefix("language-") if is_named else "")


def _end_tag(writer: _Writer, name: str) -> None:
    if not writer.open:
        raise MarkupError("has an end tag without its start")
    tag = writer.open.pop()
    # An end tag without a name ends whatever is open.
    if name not in ("", tag.mark):
        raise MarkupError(f"has another end tag where </{tag.mark}> is needed")
    if tag.mark == "code" and writer.open and writer.open[-1].mark == "pre":
        _name_language(writer, tag)
    else:
        writer.add(_HTML_KINDS[tag.mark], tag.start, tag.url, tag.language if tag.mark == "pre" else "")


def _name_language(writer: _Writer, code: _Open) -> None:
    outer = writer.open[-1]
    writer.is_whole &= code.start == outer.start and not outer.language
    outer.language = code.language


# --- MarkdownV2 ---

# fmt: off
_V2_KINDS = {
    "*": "bold", "_": "italic", "~": "strike", "`": "code", "```": "pre", "[": "link",
    "__": "underline", "||": "spoiler", "![": "emoji",
}
# fmt: on
_V2 = re.compile(r"\\([\x01-\x7e])|(```|__|\|\||!\[|[_*\[\]()~`>#+=|{}.!-])|\n|\\|[^\\\n_*\[\]()~`>#+=|{}.!-]++")
_V2_CODE = re.compile(r"\\([\x01-\x7e])|(```|`)|\\|[^\\`]++")
_V2_URL = re.compile(r"\(((?:\\[\x01-\x7e]|[^)])*+)\)", re.DOTALL)
# A word up to a space or the end of its line is the language.
_LANGUAGE = re.compile(r"([^\s`]++)(?=\s)(?:\r?\n)?|(?:\r?\n)?")
_QUOTE = re.compile(r"(\*\*)?>")


def _parse_v2(source: str) -> Parsed:
    return _MarkdownV2(source).parse()


class _MarkdownV2:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.writer = _Writer()
        self.quote: int | None = None

    @property
    def top(self) -> str:
        """The mark that was opened last."""
        return self.writer.open[-1].mark if self.writer.open else ""

    def parse(self) -> Parsed:
        while self.position < len(self.source):
            is_code = self.top in ("`", "```")
            if not is_code and (self.position == 0 or self.source[self.position - 1] == "\n"):
                self.begin_line()
            token = (_V2_CODE if is_code else _V2).match(self.source, self.position)
            if token is None:
                break
            self.position = token.end()
            if token[2]:
                self.read_mark(token[2], is_code=is_code)
            else:
                self.writer.write(token[1] or token[0])
        self.end_quote()
        return self.writer.parsed()

    def begin_line(self) -> None:
        mark = _QUOTE.match(self.source, self.position)
        goes_on = bool(mark) and self.quote is not None and not (mark and mark[1])
        if self.quote is not None and not goes_on:
            self.end_quote()
        if mark and not goes_on and not self.writer.open:
            self.quote = self.writer.length
        if mark and self.quote is not None:
            self.position = mark.end()

    def end_quote(self) -> None:
        if self.writer.open:
            raise MarkupError(f"has a {self.top} that is not closed")
        if self.quote is not None:
            self.writer.add("quote", self.quote)
        self.quote = None

    def read_mark(self, mark: str, *, is_code: bool) -> None:
        if mark == self.top:
            self.close(self.writer.open.pop())
        elif mark == "||" and self.is_folding():
            # The quotation is shown folded, which has no word here.
            self.writer.is_whole = False
        elif mark == "]" and self.top in ("[", "!["):
            self.close_link(self.writer.open.pop())
        elif mark in _V2_KINDS and not is_code:
            self.writer.enter(mark, language=self.language() if mark == "```" else "")
        else:
            raise MarkupError(f"has a {mark} of its own; write \\{mark}")

    def is_folding(self) -> bool:
        is_last = self.source[self.position : self.position + 1] in ("", "\n")
        return self.quote is not None and not self.writer.open and is_last

    def language(self) -> str:
        found = _LANGUAGE.match(self.source, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found[1] or ""

    def close(self, entity: _Open) -> None:
        self.writer.add(_V2_KINDS[entity.mark], entity.start, entity.url, entity.language)

    def close_link(self, entity: _Open) -> None:
        url = _V2_URL.match(self.source, self.position)
        if url:
            self.position = url.end()
            entity.url = re.sub(r"\\([\x01-\x7e])", r"\1", url[1], flags=re.DOTALL)
        elif entity.mark == "![" or self.source.startswith("(", self.position):
            raise MarkupError("has a link whose address is missing or does not end")
        self.close(entity)


# --- the old Markdown, which never nests ---

_OLD_KINDS = {"*": "bold", "_": "italic", "`": "code", "```": "pre", "[": "link"}
_OLD = re.compile(r"\\([_*`\[])|(```|[_*`\[])|\\|[^\\_*`\[]++")
_OLD_LANGUAGE = re.compile(r"([^\s`]*)(?:\r?\n)")


def _parse_old(source: str) -> Parsed:
    writer, position = _Writer(), 0
    while token := _OLD.match(source, position):
        position = token.end()
        if token[2]:
            position = _read_old(writer, source, token[2], position)
        else:
            writer.write(token[1] or token[0])
    return writer.parsed()


def _read_old(writer: _Writer, source: str, mark: str, inside: int) -> int:
    """Takes one entity over, and returns where it ends."""
    language = _OLD_LANGUAGE.match(source, inside) if mark == "```" else None
    inside = language.end() if language else inside
    closing = "]" if mark == "[" else mark
    end = source.find(closing, inside)
    if end < 0:
        raise MarkupError(f"has a {mark} that is not closed; write \\{mark} for one of your own")
    start = writer.length
    writer.write(source[inside:end])
    end += len(closing)
    url = ""
    if mark == "[" and source.startswith("(", end):
        close = source.find(")", end)
        if close < 0:
            raise MarkupError("has a link whose address does not end")
        url, end = source[end + 1 : close], close + 1
    writer.add(_OLD_KINDS[mark], start, url, language[1] if language else "")
    return end


def _parse_plain(source: str) -> Parsed:
    return Parsed(Formatted(source), is_whole=True)


_PARSERS: Mapping[str, Callable[[str], Parsed]] = {
    "": _parse_plain,
    "Default": _parse_plain,
    "Html": _parse_html,
    "Markdown": _parse_old,
    "MarkdownV2": _parse_v2,
}
