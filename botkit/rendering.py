"""Turns text with spans into what each service shows.

Every renderer takes any text, in time that grows with its length and the number of its spans.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any
from urllib.parse import unquote

from msgspec.structs import replace

from botkit.formatting import Formatted, Span, outer_first, utf16_length

#: Telegram drops the entities after these without a word.
MAX_ENTITIES = 100

_SURROGATE = re.compile("[\ud800-\udfff]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_TELEGRAM_TYPES = {"strike": "strikethrough", "link": "text_link", "quote": "blockquote"}
_VIBER_MARKS = {"bold": "*", "italic": "_", "strike": "~", "code": "```", "pre": "```"}
_GBM_SPECIAL = re.compile(r"[*_\[\]\\]")


def to_telegram(formatted: Formatted) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text without whitespace at its ends, and its MessageEntity objects.

    Offsets and lengths are in UTF-16 units. Links that Telegram cannot open from a text (`tel:`, `mailto:`, `viber:`)
    are spelled out.
    """
    if not formatted.spans:
        text = formatted.text
        return (text if text.isascii() else _SURROGATE.sub("\ufffd", text)).strip(), []
    shown = _spell_links(formatted, keep=("http:", "https:", "tg:"))
    text = shown.text.strip()
    lead = len(shown.text) - len(shown.text.lstrip())
    astral = [match.start() for match in _ASTRAL.finditer(text)]
    entities = []
    for span in _apart_from_code(shown.spans):
        start, end = max(span.start - lead, 0), min(span.end - lead, len(text))
        if start >= end or not text[start:end].strip():
            continue
        # One more unit for each character beyond the BMP before it.
        offset = start + bisect_left(astral, start)
        length = end + bisect_left(astral, end) - offset
        entity = {"type": _TELEGRAM_TYPES.get(span.kind, span.kind), "offset": offset, "length": length}
        extra = {"url": span.url, "language": span.language}
        entities.append(entity | {name: value for name, value in extra.items() if value})
    return text, entities


def telegram_size(formatted: Formatted, most: int) -> int:
    """Returns how much of a bound of `most` UTF-16 units the text takes on Telegram.

    A text with more than `MAX_ENTITIES` entities takes more than the bound, however short it is.
    """
    text, entities = to_telegram(formatted)
    return max(utf16_length(text), -(-len(entities) * most // MAX_ENTITIES))


def to_viber(formatted: Formatted) -> str:
    """Returns the text with Viber's marks, links spelled out.

    Viber reads a mark only beside a space or an edge and has no escape. So a mark is left out inside a word, where it
    would touch another mark, and everywhere when the text itself has that character.
    """
    shown = _spell_links(formatted)
    marks = {kind: mark for kind, mark in _VIBER_MARKS.items() if mark not in formatted.text}
    wraps: list[tuple[Span, str, str]] = []
    taken: set[int] = set()
    for span in _trimmed(shown.text, _apart_from_code(shown.spans)):
        is_free = taken.isdisjoint((span.start, span.end)) and not "".join(_sides(shown.text, span)).strip()
        if span.kind in marks and is_free:
            taken |= {span.start, span.end}
            wraps.append((span, marks[span.kind], marks[span.kind]))
    return _wrap(shown.text, wraps)


def to_gbm(formatted: Formatted) -> tuple[str, bool]:
    """Returns the text for Business Messages and whether it `containsRichText`: bold, italic and links.

    Nothing can be escaped there and bad markup is refused. So a text that has `*`, `_`, brackets or a backslash of its
    own, or marks over several lines, is sent plain; a mark inside a word is left out.
    """
    text = _SURROGATE.sub("\ufffd", formatted.text)
    wraps: list[tuple[Span, str, str]] = []
    ends: set[int] = set()
    for span in _trimmed(text, [span for span in formatted.spans if span.kind in ("bold", "italic", "link")]):
        mark = "**" if span.kind == "bold" else "*"
        if span.kind == "link":
            wraps.append((span, "[", f"]({span.url.replace('(', '%28').replace(')', '%29')})"))
        elif span.start not in ends and not any(side.isalnum() for side in _sides(text, span)):
            wraps.append((span, mark, mark))
        else:
            continue
        ends.add(span.end)
    if not wraps or _GBM_SPECIAL.search(text) or any("\n" in text[span.start : span.end] for span, *_ in wraps):
        return to_plain(formatted), False
    return _wrap(text, wraps), True


def to_plain(formatted: Formatted) -> str:
    """Returns the bare text, links as `label (url)`."""
    return _spell_links(formatted).text


def _spell_links(formatted: Formatted, keep: tuple[str, ...] = ()) -> Formatted:
    """Writes the URL behind each label, but for links that start with `keep`; replaces lone surrogates, too.

    A lone surrogate has no UTF-8, so no service can be sent one.
    """
    text = _SURROGATE.sub("\ufffd", formatted.text)
    spelled = {
        order: "" if _shows_url(text[span.start : span.end], span.url) else f" ({span.url})"
        for order, span in enumerate(formatted.spans)
        if span.kind == "link" and not span.url.lower().startswith(keep)
    }
    if not spelled:
        return Formatted(text, formatted.spans)
    # Links do not nest, so their ends stand in the order of the spans.
    places = [(formatted.spans[order].end, -order) for order in spelled]
    totals = [0, *accumulate(map(len, spelled.values()))]
    others = ((order, span) for order, span in enumerate(formatted.spans) if order not in spelled)
    spans = tuple(_moved(span, order, places, totals) for order, span in others)
    wraps = [(formatted.spans[order], "", addition) for order, addition in spelled.items()]
    return Formatted(_wrap(text, wraps), spans)


def _shows_url(label: str, url: str) -> bool:
    bare = re.sub(r"\A(?:mailto|tel):", "", url, flags=re.IGNORECASE)
    return unquote(label) in (unquote(url), unquote(bare))


def _moved(span: Span, order: int, places: Sequence[tuple[int, int]], totals: Sequence[int]) -> Span:
    """Returns the span where its characters are once something stands at each place; totals are running sums."""
    before = totals[bisect_right(places, (span.start, 1))]
    # What is added at the very end belongs to the span only if the link is inside it, and so comes after it.
    within = totals[bisect_left(places, (span.end, -order))]
    return replace(span, start=span.start + before, end=span.end + within)


def _apart_from_code(spans: Sequence[Span]) -> list[Span]:
    """Cuts bold, italic and strike where they hold code, which cannot be inside them; pieces may be empty."""
    codes = [span for span in spans if span.kind in ("code", "pre")]
    if not codes:
        return list(spans)
    pieces: list[Span] = []
    for span in spans:
        start = span.start
        for code in _inside(span, codes) if span.kind in ("bold", "italic", "strike") else ():
            pieces.append(replace(span, start=start, end=code.start))
            start = code.end
        pieces.append(replace(span, start=start))
    return sorted(pieces, key=outer_first)


def _inside(span: Span, codes: Sequence[Span]) -> Sequence[Span]:
    first = bisect_left(codes, span.start, key=_start)
    return codes[first : bisect_left(codes, span.end, lo=first, key=_start)]


def _start(span: Span) -> int:
    return span.start


def _trimmed(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Yields the spans without whitespace at their ends, where a mark would not work; blank ones are left out."""
    for span in spans:
        inside = text[span.start : span.end]
        start = span.start + len(inside) - len(inside.lstrip())
        if inside.strip():
            yield replace(span, start=start, end=start + len(inside.strip()))


def _sides(text: str, span: Span) -> tuple[str, str]:
    return text[span.start - 1 : span.start] if span.start else "", text[span.end : span.end + 1]


def _wrap(text: str, wraps: Iterable[tuple[Span, str, str]]) -> str:
    """Puts one string before and one after each span; outer spans must come first."""
    before: dict[int, str] = {}
    after: dict[int, str] = {}
    for span, start, end in wraps:
        before[span.start] = before.get(span.start, "") + start
        after[span.end] = end + after.get(span.end, "")
    places = sorted({0, len(text), *before, *after})
    parts = [text[start:end] + after.get(end, "") + before.get(end, "") for start, end in pairwise(places)]
    return before.get(0, "") + "".join(parts)
