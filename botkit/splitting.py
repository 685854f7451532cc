"""Splits a text with spans into pieces that a service takes."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from enum import IntEnum
from itertools import cycle

from msgspec.structs import replace

from botkit.formatting import Formatted, Span
from botkit.rendering import to_plain

_SPACE = re.compile(r"\s*")
# No-break spaces are there to keep what they stand between together.
_BREAK = re.compile(r"[^\S\xa0\u202f]+|(?<=[。！？｡])(?![\s」』）】〉》])")
_NEWLINE = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_SENTENCE_END = re.compile(r"[.!?…。！？｡؟।]['\")\]»”’」』）]*\Z")
# Beside combining marks: joiners, jamo within a syllable, halfwidth voicing, skin tones, the letters of region flags.
_EXTENDER = re.compile("[\u200c\u200d\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_VIRAMA = 9


class _Rank(IntEnum):
    PARAGRAPH = 0
    LINE = 1
    SENTENCE = 2
    WORD = 3


def split(formatted: Formatted, most: int, measure: Callable[[Formatted], int]) -> list[Formatted]:
    """Returns the text in pieces that measure at most `most`: itself where it fits, nothing where it is blank.

    A piece ends at the last paragraph, else line, else sentence, else word in the second half of what would fit, else
    at the last word that fits, else between two characters as people see them, else between code points. It does not
    end inside a link or code that fits a piece of its own. Spans go on in the next piece. Whitespace at the cuts and at
    both ends vanishes; no piece is blank, and nothing else is lost. Only where not even one character fits together
    with its link, the link is spelled out as `label (url)` and split like any text.

    `measure` tells the length of a piece as it is rendered, such as `lambda piece: utf16_length(to_viber(piece))`. It
    should grow with the text; where it does not, pieces are still within the bound, but may be shorter than they could
    be. Raises ValueError when one bare character measures more than `most`.
    """
    if not formatted.text.strip():
        return []
    if measure(formatted) <= most:
        return [formatted]
    return [piece for piece in _Splitter(formatted, most, measure).pieces() if piece.text]


class _Splitter:
    """Walks through a text from one piece to the next.

    Measuring is what costs, so it looks only at stretches about as long as a piece: first at one of the length that
    fitted last.
    """

    def __init__(self, formatted: Formatted, most: int, measure: Callable[[Formatted], int]) -> None:
        self.text, self.spans = formatted.text, formatted.spans
        self.most, self.measure = most, measure
        self.starts = [span.start for span in formatted.spans]
        # The spans before this one have started before the piece; those of them that go on in it are open.
        self.next_span = 0
        self.open: list[Span] = []
        self.last_length = max(most, 1)

    def pieces(self) -> Iterator[Formatted]:
        start = self.advance(0)
        while start < len(self.text):
            end = self.end_of(start)
            if end is None:
                end = yield from self.spelled(start)
            else:
                yield self.piece(start, end)
            start = self.advance(end)

    def advance(self, end: int) -> int:
        """Moves to the next piece and returns its start: what is not blank after the last one's end."""
        start = _skip_space(self.text, end)
        passed = bisect_left(self.starts, start, lo=self.next_span)
        self.open = [span for span in [*self.open, *self.spans[self.next_span : passed]] if span.end > start]
        self.next_span = passed
        return start

    def overlapping(self, start: int, end: int) -> Iterator[Span]:
        """Yields the spans that share characters with a stretch of the present piece, outer ones first."""
        stop = bisect_left(self.starts, end, lo=self.next_span)
        yield from (span for span in [*self.open, *self.spans[self.next_span : stop]] if span.end > start)

    def piece(self, start: int, end: int) -> Formatted:
        text = self.text[start:end].rstrip()
        clipped = (
            replace(span, start=max(span.start - start, 0), end=min(span.end - start, len(text)))
            for span in self.overlapping(start, start + len(text))
        )
        return Formatted(text, tuple(span for span in clipped if text[span.start : span.end].strip()))

    def size(self, start: int, end: int) -> int:
        return self.measure(self.piece(start, end))

    def end_of(self, start: int) -> int | None:
        """Returns where the piece should end, None when not one code point fits."""
        above = len(self.text) + 1
        while (limit := self.reach(start, above)) > start:
            cut = self.cut(start, limit)
            if cut == limit or self.size(start, cut) <= self.most:
                self.last_length = limit - start
                return cut
            # A shorter text may be longer when it is rendered: marks come back once the character that forbade them is
            # cut off.
            above = start + (cut - start) * 7 // 8 + 1
        return None

    def reach(self, start: int, above: int) -> int:
        """Returns the last end below `above` that fits: found by proportion, or by halves where that does not help."""
        low, high = start, above
        probe = start + self.last_length
        turns = cycle((True, True, False))
        while low + 1 < high:
            # Not far beyond what is known to fit, however short whitespace made the last one.
            probe = min(max(probe, low + 1), high - 1, start + 2 * max(low - start, self.last_length))
            size = self.size(start, probe)
            low, high = (probe, high) if size <= self.most else (low, probe)
            if next(turns) and size:
                probe = start + (probe - start) * self.most // size
            else:
                probe = (low + high) // 2 if high < above else start + 2 * (low - start)
        return low

    def cut(self, start: int, limit: int) -> int:
        if limit == len(self.text):
            return limit
        solid = self.solid(start, limit)
        half = max(start + (limit - start) // 2 - 1, start)
        if best := {rank: at for at, rank in _breaks(self.text, half, limit) if not _is_inside(at, solid)}:
            return best[min(best)]
        words = [at for at, _ in _breaks(self.text, start, half) if not _is_inside(at, solid)]
        return words[-1] if words else self.cut_word(start, limit, solid)

    def cut_word(self, start: int, limit: int, solid: Sequence[Span]) -> int:
        end = solid[-1].start if _is_inside(limit, solid) else limit
        at = end
        while at > start and _is_joined(self.text, at, start):
            at -= 1
        held = next((span for span in solid if span.start < at < span.end), None)
        if held is not None:
            # What is seen as one with the end of a link goes with it, unless the piece begins with the link.
            at = held.start
        return at if at > start else end

    def solid(self, start: int, limit: int) -> list[Span]:
        """Returns the links and code that no cut should go through: all that could be in a piece as a whole."""
        spans = [span for span in self.overlapping(start, limit) if span.kind in ("link", "code", "pre")]
        if spans and spans[-1].end > limit and not self.fits_alone(spans[-1], start):
            spans.pop()
        return spans

    def fits_alone(self, span: Span, start: int) -> bool:
        # The lengths are compared first, lest the same long block of code be measured again for each of its pieces.
        is_short = start < span.start and span.end - span.start <= self.most
        return is_short and self.size(span.start, span.end) <= self.most

    def spelled(self, start: int) -> Generator[Formatted, None, int]:
        """Yields the link that starts here as bare text, or one code point without its spans; returns where it ends."""
        links = [span.end for span in self.overlapping(start, start + 1) if span.kind == "link"]
        end = links[0] if links else start + 1
        piece = self.piece(start, end)
        if not piece.spans:
            raise ValueError(f"one character measures more than {self.most}: split with a wider bound")
        yield from split(Formatted(to_plain(piece)), self.most, self.measure)
        return end


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    end = match.end() if match else at
    # A space may be what a combining mark stands on.
    return end - 1 if at < end < len(text) and _is_joined(text, end, at) else end


def _breaks(text: str, start: int, limit: int) -> Iterator[tuple[int, _Rank]]:
    """Yields the places after `start` and up to `limit` where a piece may end."""
    # A little beyond the limit, for the second line break of a paragraph.
    for match in _BREAK.finditer(text, start, min(limit + 4, len(text))):
        at, end = match.span()
        if start < at <= limit and end < len(text) and not _is_joined(text, end, start):
            yield at, _rank(text, at, match[0])


def _rank(text: str, at: int, space: str) -> _Rank:
    newlines = len(_NEWLINE.findall(space))
    if newlines:
        return _Rank.LINE if newlines == 1 else _Rank.PARAGRAPH
    return _Rank.SENTENCE if _SENTENCE_END.search(text[max(at - 3, 0) : at]) else _Rank.WORD


def _is_inside(at: int, spans: Sequence[Span]) -> bool:
    """Tells whether a cut would go through one of the spans, which do not overlap."""
    order = bisect_right(spans, at - 1, key=_start) - 1
    return order >= 0 and at < spans[order].end


def _start(span: Span) -> int:
    return span.start


def _is_joined(text: str, at: int, start: int) -> bool:
    """Tells whether the characters on both sides are seen as one; flags are counted from `start`.

    Close to the extended grapheme clusters of Unicode (UAX 29): without the letters that stand before their base, and
    with everything joined that follows a zero-width joiner.
    """
    before, after = text[at - 1], text[at : at + 1]
    if before in "\r\n" or after < "\u0300":
        return before + after == "\r\n" or (before == "\u200d" and not after.isspace())
    if before == "\u200d" or _EXTENDER.match(after) or unicodedata.category(after).startswith("M"):
        return True
    if _is_flag_half(before) and _is_flag_half(after):
        return _flag_halves(text, at, start) % 2 == 1
    return unicodedata.combining(before) == _VIRAMA and after.isalpha()


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_halves(text: str, end: int, start: int) -> int:
    """Counts the halves of flags right before `end`."""
    at = end
    while at > start and _is_flag_half(text[at - 1]):
        at -= 1
    return end - at
