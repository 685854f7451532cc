"""One text in pieces that a service takes."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botkit.formatting import Formatted, Span, parse, utf16_length
from botkit.rendering import MAX_ENTITIES, telegram_size, to_gbm, to_plain, to_telegram, to_viber
from botkit.splitting import split
from tests.texts import ANY, MARKED

Measure = Callable[[Formatted], int]

# What people see as one character.
CHARACTERS = (
    *("a", " ", "e\u0301", "a\u0300\u0316\u0489", "ש\u05b8", "नि", "क्षि", "각", "가", "か\u3099", "ｶﾞ"),
    *(
        "👍",
        "👍🏽",
        "❤\ufe0f",
        "👨\u200d👩\u200d👧",
        "🇨🇿",
        "🇸🇮",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e007f",
        "👩🏾\u200d🚀",
    ),
)
URL = "https://x.cz"


def length(piece: Formatted) -> int:
    return len(piece.text)


def viber_size(piece: Formatted) -> int:
    return utf16_length(to_viber(piece))


def gbm_size(piece: Formatted) -> int:
    return len(to_gbm(piece)[0])


def plain_size(piece: Formatted) -> int:
    return len(to_plain(piece))


def texts(text: str, most: int) -> list[str]:
    return [piece.text for piece in split(Formatted(text), most, length)]


def shown(piece: Formatted) -> list[tuple[str, str]]:
    return [(span.kind, piece.text[span.start : span.end]) for span in piece.spans]


def styles(formatted: Formatted) -> Iterator[tuple[str, frozenset[tuple[str, str, str]]]]:
    """Yields each character that is not blank with how it is shown."""
    for at, char in enumerate(formatted.text):
        if not char.isspace():
            spans = (span for span in formatted.spans if span.start <= at < span.end)
            yield char, frozenset((span.kind, span.url, span.language) for span in spans)


# Where a piece ends


def test_a_text_that_fits_is_one_piece_as_it_is() -> None:
    formatted = parse(" *abc*\n")
    assert split(formatted, len(formatted.text), length) == [formatted]
    assert len(split(Formatted("a b"), 2, length)) == 2


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n" * 50, "\u2003\xa0" * 50])
def test_a_blank_text_has_no_pieces(text: str) -> None:
    assert split(Formatted(text), 10, length) == []


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("aaaaaaaa.\n\nb.\nc. d. e", ["aaaaaaaa.", "b.\nc. d. e"]),
        ("aaaaaaa.\r\n \r\nb\nc. d", ["aaaaaaa.", "b\nc. d"]),
        ("aaaaaaa.\nb. c. ddd eee", ["aaaaaaa.", "b. c. ddd eee"]),
        ("aaaaaaaa. b cc ddd eee", ["aaaaaaaa.", "b cc ddd eee"]),
        ("(aaaaaaa!”) b cc ddd", ["(aaaaaaa!”)", "b cc ddd"]),
        ("aaa bbb ccc ddd eee", ["aaa bbb ccc ddd", "eee"]),
        ("aa\xa0bb cc\xa0dd ee\xa0ff", ["aa\xa0bb cc\xa0dd", "ee\xa0ff"]),
        ("字字字字字字字字。字字字字字字字字", ["字字字字字字字字。", "字字字字字字字字"]),
        ("字字字字字字字字。」字字字字字字字字", ["字字字字字字字字。」字字字字字", "字字字"]),
    ],
)
def test_a_piece_ends_at_a_paragraph_else_a_line_else_a_sentence_else_a_word(text: str, pieces: list[str]) -> None:
    assert texts(text, 15) == pieces


def test_a_piece_ends_at_a_line_only_where_that_leaves_it_half_full() -> None:
    assert texts("aaaaaaa\nb b b b b b", 14)[0] == "aaaaaaa"
    assert texts("aaaaaa\nb b b b b b", 14)[0] == "aaaaaa\nb b b b"


def test_a_word_that_fits_a_piece_stays_whole() -> None:
    assert texts("a bbbbbbbbb", 10) == ["a", "bbbbbbbbb"]


def test_a_word_longer_than_a_piece_is_cut() -> None:
    assert texts("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_whitespace_at_the_cuts_and_at_both_ends_vanishes() -> None:
    assert texts("  aaaa \n \n  bbbb\t\u2003cccc  ", 5) == ["aaaa", "bbbb", "cccc"]


def test_whitespace_within_a_piece_stays() -> None:
    assert texts("a  b\n\n\nc dddddd", 10) == ["a  b\n\n\nc", "dddddd"]


@pytest.mark.parametrize("character", [char for char in CHARACTERS if len(char) > 1])
def test_no_cut_goes_through_what_is_seen_as_one_character(character: str) -> None:
    assert texts(character * 7, 4 * len(character) - 1) == [character * 3, character * 3, character]


@given(st.lists(st.sampled_from(CHARACTERS), max_size=40), st.integers(8, 20))
def test_cuts_stand_between_characters_as_people_see_them(characters: list[str], most: int) -> None:
    text = "".join(characters)
    edges = {sum(map(len, characters[:count])) for count in range(len(characters) + 1)}
    at = 0
    for piece in texts(text, most):
        at = text.index(piece, at)
        assert {at, at + len(piece)} <= edges
        at += len(piece)


def test_a_character_longer_than_a_piece_is_cut_between_code_points() -> None:
    assert texts("a" + "\u0301" * 24, 10) == ["a" + "\u0301" * 9, "\u0301" * 10, "\u0301" * 5]


def test_a_space_that_holds_a_combining_mark_is_no_place_for_a_cut() -> None:
    assert texts("aaaa bbb \u0301cccc", 10) == ["aaaa", "bbb \u0301cccc"]


# Spans


def test_a_span_goes_on_in_the_next_piece() -> None:
    pieces = split(parse("**aaa *bbb ccc* ddd**"), 8, length)
    assert list(map(shown, pieces)) == [
        [("bold", "aaa bbb"), ("italic", "bbb")],
        [("bold", "ccc ddd"), ("italic", "ccc")],
    ]


def test_code_keeps_its_language_in_every_piece() -> None:
    pieces = split(parse("```py\n" + "pass\n" * 5 + "```"), 10, length)
    assert [piece.spans for piece in pieces] == [
        (Span("pre", 0, 9, language="py"),),
        (Span("pre", 0, 9, language="py"),),
        (Span("pre", 0, 4, language="py"),),
    ]


@pytest.mark.parametrize("markdown", [f"[bb bb bb]({URL})", "`bb bb bb`", "```\nbb bb bb\n```"])
def test_links_and_code_that_fit_a_piece_are_not_cut(markdown: str) -> None:
    assert [piece.text for piece in split(parse(f"aaa\n{markdown}\nccc"), 8, length)] == ["aaa", "bb bb bb", "ccc"]
    assert [piece.text for piece in split(parse(f"a\n{markdown}\nc"), 8, length)] == ["a", "bb bb bb", "c"]


def test_a_link_inside_a_word_is_not_cut() -> None:
    assert [piece.text for piece in split(parse(f"aaaa[bbbb]({URL})cccc"), 7, length)] == ["aaaa", "bbbbccc", "c"]


def test_code_longer_than_a_piece_starts_where_it_stands_and_is_cut_at_its_lines() -> None:
    pieces = split(parse("aaa\n```\nb b\nc c\nd d d\n```"), 11, length)
    assert [piece.text for piece in pieces] == ["aaa\nb b\nc c", "d d d"]


def test_a_link_longer_than_a_piece_is_a_link_in_every_piece() -> None:
    pieces = split(parse(f"[aaa bbb ccc]({URL})"), 7, length)
    assert [piece.spans for piece in pieces] == [(Span("link", 0, 7, url=URL),), (Span("link", 0, 3, url=URL),)]


def test_a_link_that_its_address_makes_longer_than_a_piece_is_cut_with_the_address_in_every_piece() -> None:
    assert list(map(to_plain, split(parse(f"[aaa bbb ccc]({URL})"), 22, plain_size))) == [
        f"aaa bbb ({URL})",
        f"ccc ({URL})",
    ]


def test_a_link_whose_address_is_longer_than_a_piece_is_spelled_out() -> None:
    pieces = split(parse(f"say **[aaa]({URL})** now"), 10, plain_size)
    assert [piece.text for piece in pieces] == ["say", "aaa", "(https://x", ".cz)", "now"]
    assert not any(piece.spans for piece in pieces)


def test_an_address_longer_than_a_piece_is_spelled_out_once() -> None:
    assert [piece.text for piece in split(parse(f"<{URL}>"), 10, plain_size)] == ["https://x.", "cz"]


def test_a_bound_that_takes_no_character_with_its_marks_takes_it_without() -> None:
    assert [piece.text for piece in split(parse("`ab`"), 2, viber_size)] == ["a", "b"]


@pytest.mark.parametrize(("text", "most"), [("ab", 0), ("👍a", 1)])
def test_a_bound_that_takes_no_character_is_refused(text: str, most: int) -> None:
    with pytest.raises(ValueError, match=f"more than {most}: split with a wider bound"):
        split(Formatted(text), most, viber_size)


# The services


def test_a_telegram_text_has_at_most_a_hundred_entities() -> None:
    assert len(split(parse("*a* " * MAX_ENTITIES), 4096, lambda piece: telegram_size(piece, 4096))) == 1
    pieces = split(parse("*a* " * (MAX_ENTITIES + 1)), 4096, lambda piece: telegram_size(piece, 4096))
    assert [len(to_telegram(piece)[1]) for piece in pieces] == [MAX_ENTITIES, 1]


def test_a_piece_that_grows_when_it_is_cut_is_cut_again() -> None:
    # The star at the end forbids the marks in the whole text, and in the piece that still holds it.
    formatted = parse("**a** " * 12 + "\\* b b b b b b")
    pieces = split(formatted, 26, viber_size)
    assert all(viber_size(piece) <= 26 for piece in pieces)
    assert " ".join(piece.text for piece in pieces) == formatted.text


BOUNDS: list[tuple[int, Measure]] = [
    (4096, lambda piece: telegram_size(piece, 4096)),
    (1024, lambda piece: telegram_size(piece, 1024)),
    (7000, viber_size),
    (768, viber_size),
    (3072, gbm_size),
    (2000, plain_size),
]


@pytest.mark.parametrize(("most", "measure"), BOUNDS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_every_piece_is_within_the_bound_of_its_service_and_nothing_is_lost(
    most: int, measure: Measure, data: st.DataObject
) -> None:
    text = data.draw(MARKED.filter(str.strip))
    formatted = parse(text * (2 * most // len(text)))
    pieces = split(formatted, most, measure)
    assert all(measure(piece) <= most for piece in pieces)
    assert all(piece.text.strip() for piece in pieces)
    assert_nothing_is_lost(formatted, pieces)


@given(ANY, st.integers(40, 80), st.sampled_from([telegram_size, viber_size, gbm_size, plain_size]))
@example("*" + "a " * 50 + "\\* *b*", 40, viber_size)
def test_however_narrow_the_bound_every_piece_is_within(markdown: str, most: int, size: Callable[..., int]) -> None:
    formatted = parse(markdown)
    measure: Measure = partial(size, most=most) if size is telegram_size else size
    pieces = split(formatted, most, measure)
    assert all(measure(piece) <= most for piece in pieces)
    assert_nothing_is_lost(formatted, pieces)


def assert_nothing_is_lost(formatted: Formatted, pieces: list[Formatted]) -> None:
    at = 0
    for piece in pieces:
        found = formatted.text.index(piece.text, at)
        assert not formatted.text[at:found].strip()
        at = found + len(piece.text)
    assert not formatted.text[at:].strip()


@given(ANY, st.integers(1, 30))
def test_every_character_is_shown_in_its_piece_as_in_the_whole(markdown: str, most: int) -> None:
    formatted = parse(markdown)
    pieces = split(formatted, most, length)
    assert [style for piece in pieces for style in styles(piece)] == list(styles(formatted))


@given(ANY, st.integers(1, 30))
def test_the_spans_of_every_piece_lie_in_it_and_nest(markdown: str, most: int) -> None:
    for piece in split(parse(markdown), most, length):
        assert all(text.strip() for _, text in shown(piece))
        for order, span in enumerate(piece.spans):
            assert 0 <= span.start < span.end <= len(piece.text)
            for later in piece.spans[order + 1 :]:
                assert later.start >= span.start
                assert later.end <= span.end or later.start >= span.end


@given(MARKED, st.integers(10, 30))
@example("*******<https://x.cz/_>\u200d", 21)
def test_every_link_that_fits_is_in_one_piece(markdown: str, most: int) -> None:
    formatted = parse(markdown)
    pieces = split(formatted, most, length)
    links = [
        formatted.text[s.start : s.end].strip() for s in formatted.spans if s.kind == "link" and s.end - s.start <= most
    ]
    found = [text.strip() for piece in pieces for kind, text in shown(piece) if kind == "link"]
    assert all(link in found for link in links)


@given(st.lists(st.text("ab", min_size=1, max_size=9), min_size=1).map(" ".join), st.integers(9, 30))
def test_the_next_word_would_not_have_fitted(text: str, most: int) -> None:
    pieces = texts(text, most)
    for piece, following in pairwise(pieces):
        assert len(piece) + 1 + len(following.split()[0]) > most


@pytest.mark.parametrize(
    "formatted",
    [
        *(
            Formatted(text * (20_000 // len(text)))
            for text in ("a", "a b. ", "a" + " " * 99, "👍 ", "a\u0301\u0301", "🇨🇿")
        ),
        Formatted("a b\n" * 5_000, (Span("quote", 0, 20_000), Span("pre", 0, 20_000))),
        parse("*a* " * 5_000),
        parse("[a](https://x.cz) " * 1_000),
    ],
)
@pytest.mark.parametrize(("most", "measure"), [(100, viber_size), (1024, lambda piece: telegram_size(piece, 1024))])
def test_what_is_measured_is_a_few_times_the_text(formatted: Formatted, most: int, measure: Measure) -> None:
    measured = 0

    def count(piece: Formatted) -> int:
        nonlocal measured
        measured += len(piece.text)
        return measure(piece)

    split(formatted, most, count)
    assert measured < 16 * len(formatted.text)
