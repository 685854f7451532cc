"""What each service shows of a text."""

import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from botkit.formatting import Formatted, Span, escape, parse, utf16_length
from botkit.rendering import MAX_ENTITIES, telegram_size, to_gbm, to_plain, to_telegram, to_viber
from tests.texts import ANY, MARKED

# As Viber reads marks: beside a space or an edge outside, beside a character inside, code before all else.
VIBER_CODE = re.compile(r"(?<!\S)```(.+?)```(?!\S)", re.DOTALL)
VIBER_MARKS = [re.compile(rf"(?<!\S){mark}(?!\s)([^{mark}]+)(?<!\s){mark}(?!\S)") for mark in (r"\*", "_", "~")]


def read_viber(text: str) -> str:
    """Returns what Viber shows: without the marks that it reads, which may stand in each other."""
    for mark in (VIBER_CODE, *VIBER_MARKS):
        text = mark.sub(r"\1", text)
    return text


@given(ANY)
def test_what_is_sent_has_no_lone_surrogates(markdown: str) -> None:
    formatted = parse(markdown)
    text, entities = to_telegram(formatted)
    sent = [text, str(entities), to_viber(formatted), to_gbm(formatted)[0], to_plain(formatted)]
    assert not any("\ud800" <= char <= "\udfff" for char in "".join(sent))


def work(render: Callable[[Formatted], object], formatted: Formatted) -> int:
    """Counts the functions that rendering calls, and the steps of generators."""
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        render(formatted)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("render", [to_telegram, to_viber, to_gbm, to_plain])
def test_twice_the_spans_are_twice_the_work(render: Callable[[Formatted], object]) -> None:
    once, twice = (work(render, parse("**a `b` c** [d](tel:1) _e_ " * count)) for count in (40, 80))
    assert twice < 2.2 * once


# Telegram


def test_telegram_gets_entities_in_utf16_units() -> None:
    text, entities = to_telegram(parse("👍 **a👍** ~~b~~ [c](https://x.cz)\n> q"))
    assert text == "👍 a👍 b c\nq"
    assert entities == [
        {"type": "bold", "offset": 3, "length": 3},
        {"type": "strikethrough", "offset": 7, "length": 1},
        {"type": "text_link", "offset": 9, "length": 1, "url": "https://x.cz"},
        {"type": "blockquote", "offset": 11, "length": 1},
    ]


def test_telegram_gets_the_language_of_code() -> None:
    assert to_telegram(parse("```py\nx\n```"))[1] == [{"type": "pre", "offset": 0, "length": 1, "language": "py"}]


def test_telegram_text_is_trimmed_and_the_offsets_move_with_it() -> None:
    assert to_telegram(parse("&#10; &#32;**a** b&#32;&#10;")) == ("a b", [{"type": "bold", "offset": 0, "length": 1}])


def test_telegram_entities_are_trimmed_with_the_text() -> None:
    formatted = Formatted("  a  ", (Span("bold", 0, 1), Span("italic", 1, 5)))
    assert to_telegram(formatted) == ("a", [{"type": "italic", "offset": 0, "length": 1}])


def test_telegram_code_is_cut_out_of_the_marks_around_it() -> None:
    kinds = [(entity["type"], entity["offset"], entity["length"]) for entity in to_telegram(parse("**a `b` c**"))[1]]
    assert kinds == [("bold", 0, 2), ("code", 2, 1), ("bold", 3, 2)]


def test_telegram_marks_that_hold_only_code_and_spaces_are_left_out() -> None:
    assert [entity["type"] for entity in to_telegram(parse("**`a` `b`**"))[1]] == ["code", "code"]


def test_telegram_links_it_cannot_open_are_spelled_out() -> None:
    text, entities = to_telegram(parse("[call](tel:1) *now* [me](tg://user?id=1)"))
    assert text == "call (tel:1) now me"
    assert [(entity["type"], entity["offset"]) for entity in entities] == [("italic", 13), ("text_link", 17)]


def test_marks_around_a_spelled_link_hold_its_url_and_marks_inside_do_not() -> None:
    outer = to_telegram(parse("**[a](tel:1)** b"))[1]
    inner = to_telegram(parse("[**a**](tel:1) b"))[1]
    assert [outer[0]["length"], inner[0]["length"]] == [len("a (tel:1)"), len("a")]


def test_marks_right_after_a_spelled_link_come_after_its_url() -> None:
    text, entities = to_telegram(parse("[a](tel:1)*.b*"))
    assert (text, entities) == ("a (tel:1).b", [{"type": "italic", "offset": 9, "length": 2}])


@given(ANY)
def test_a_telegram_entity_cuts_out_whole_characters(markdown: str) -> None:
    text, entities = to_telegram(parse(markdown))
    units = text.encode("utf-16-le")
    assert text == text.strip()
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        assert 0 <= start < end <= utf16_length(text)
        assert units[2 * start : 2 * end].decode("utf-16-le").strip()


@given(ANY)
def test_a_telegram_entity_cuts_out_the_text_of_its_span(markdown: str) -> None:
    formatted = parse(markdown)
    links = [span for span in formatted.spans if span.kind in ("link", "code", "pre")]
    assume(formatted.text == formatted.text.strip() and not any(span.url.startswith("tel:") for span in links))
    text, entities = to_telegram(formatted)
    units = text.encode("utf-16-le")
    whole = [entity for entity in entities if entity["type"] in ("text_link", "code", "pre")]
    cut = [units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])] for entity in whole]
    expected = [text[span.start : span.end].encode("utf-16-le") for span in links]
    assert cut == expected


@given(ANY)
def test_telegram_code_shares_no_character_with_other_marks(markdown: str) -> None:
    entities = to_telegram(parse(markdown))[1]
    codes = [entity for entity in entities if entity["type"] in ("code", "pre")]
    others = [entity for entity in entities if entity["type"] in ("bold", "italic", "strikethrough", "text_link")]
    for code in codes:
        for other in others:
            assert (
                other["offset"] + other["length"] <= code["offset"]
                or other["offset"] >= code["offset"] + code["length"]
            )


@given(ANY)
def test_a_telegram_entity_shows_every_character_as_its_spans_do(markdown: str) -> None:
    formatted = parse(markdown)
    assume(not any(span.url.startswith("tel:") for span in formatted.spans))
    text, entities = to_telegram(formatted)
    lead = len(formatted.text) - len(formatted.text.lstrip())
    units = text.encode("utf-16-le")
    for kind in ("code", "pre", "link", "quote"):
        name = {"link": "text_link", "quote": "blockquote"}.get(kind, kind)
        sent = [(entity["offset"], entity["length"]) for entity in entities if entity["type"] == name]
        spans = [text[max(s.start - lead, 0) : s.end - lead] for s in formatted.spans if s.kind == kind]
        found = [units[2 * offset : 2 * (offset + length)].decode("utf-16-le") for offset, length in sent]
        assert found == [span for span in spans if span.strip()]


def test_telegram_takes_a_hundred_entities_and_one_more_is_above_any_bound() -> None:
    full = Formatted("a" * 200, tuple(Span("bold", at, at + 1) for at in range(MAX_ENTITIES)))
    over = Formatted("a" * 200, (*full.spans, Span("bold", 150, 151)))
    for most in (1, 99, 1024, 4096):
        assert telegram_size(full, most) <= max(most, 200)
        assert telegram_size(over, most) > most


def test_the_telegram_size_counts_the_text_that_is_sent() -> None:
    assert telegram_size(Formatted(" a👍 "), 4096) == 3
    assert telegram_size(parse("[a](tel:1)"), 4096) == len("a (tel:1)")


# Viber


@given(ANY)
def test_viber_reads_every_mark_and_shows_the_rest_as_it_is(markdown: str) -> None:
    formatted = parse(markdown)
    assert read_viber(to_viber(formatted)) == read_viber(to_plain(formatted))


@given(ANY)
def test_a_text_without_spans_goes_to_every_service_without_marks(text: str) -> None:
    plain = Formatted(text)
    assert to_viber(plain) == to_gbm(plain)[0] == to_plain(plain)
    assert to_telegram(plain) == (to_plain(plain).strip(), [])


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**a b** c", "*a b* c"),
        ("a *b*\nc", "a _b_\nc"),
        ("~~a~~", "~a~"),
        ("`a` b", "```a``` b"),
        ("```py\na\n```", "```a```"),
        ("**a *b* c**", "*a _b_ c*"),
        ("**a `b`** c", "*a* ```b``` c"),
        ("[**a**](https://x.cz)", "*a* (https://x.cz)"),
        ("**[a](https://x.cz)**", "*a (https://x.cz)*"),
        ("*a&#32;* b", "_a_  b"),
        ("a *&#32;b*", "a  _b_"),
        ("**`a`&#32;**", "```a``` "),
    ],
)
def test_viber_marks_stand_between_spaces_and_edges(markdown: str, text: str) -> None:
    assert to_viber(parse(markdown)) == text


@pytest.mark.parametrize("markdown", ["un**believ**able", "**a**, b", "b:*c*", "**a**&#8203;"])
def test_viber_marks_beside_a_character_are_left_out(markdown: str) -> None:
    assert to_viber(parse(markdown)) == parse(markdown).text


def test_viber_marks_do_not_touch_each_other() -> None:
    assert to_viber(parse("**a *b*** c")) == "*a b* c"


def test_viber_marks_that_stand_in_the_text_are_left_out() -> None:
    assert to_viber(parse(r"**a** *b* 2 \* 2")) == "a _b_ 2 * 2"
    assert to_viber(parse("**a** *b* x_y")) == "*a* b x_y"


def test_a_url_does_not_take_a_viber_mark_away() -> None:
    assert to_viber(parse("*a* [b](https://x.cz/c_d)")) == "_a_ b (https://x.cz/c_d)"


# Business Messages


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**a b**: c", "**a b**: c"),
        ("a (*b*)", "a (*b*)"),
        ("[a](https://x.cz/b_c)", "[a](https://x.cz/b_c)"),
        ("[a](https://x.cz/(b))", "[a](https://x.cz/%28b%29)"),
        ("**[a](https://x.cz)**", "**[a](https://x.cz)**"),
        ("**a *b* c**", "**a *b* c**"),
        ("**a** ~~b~~ `c`", "**a** b c"),
        ("# a", "**a**"),
    ],
)
def test_gbm_gets_bold_italic_and_links(markdown: str, text: str) -> None:
    assert to_gbm(parse(markdown)) == (text, True)


@pytest.mark.parametrize("markdown", ["a", "~~a~~ `b`", "- a", "un**believ**able"])
def test_gbm_text_without_marks_is_not_rich(markdown: str) -> None:
    assert to_gbm(parse(markdown)) == (parse(markdown).text, False)


@pytest.mark.parametrize("char", ["*", "_", "[", "]", "\\"])
def test_gbm_text_with_a_literal_mark_is_sent_plain(char: str) -> None:
    markdown = f"**a** [b](https://x.cz) {escape(char)}"
    assert to_gbm(parse(markdown)) == (f"a b (https://x.cz) {char}", False)


def test_gbm_marks_over_several_lines_are_sent_plain() -> None:
    assert to_gbm(parse("**a\nb**")) == ("a\nb", False)


def test_gbm_marks_side_by_side_are_not_run_together() -> None:
    assert to_gbm(parse("**a.**_(b)_")) == ("**a.**(b)", True)


@given(st.lists(st.sampled_from(["*", "**", "[", "](https://x.cz)", "# ", " ", "a", "é", "(", ".", "👍"])).map("".join))
def test_gbm_markup_reads_back_as_the_same_text(markdown: str) -> None:
    formatted = parse(markdown)
    text, is_rich = to_gbm(formatted)
    assert not is_rich or parse(text).text.strip() == formatted.text.strip()


@given(ANY)
def test_gbm_markup_has_only_marks_that_are_closed_on_their_line(markdown: str) -> None:
    formatted = parse(markdown)
    text, is_rich = to_gbm(formatted)
    if not is_rich:
        assert text == to_plain(formatted)
        return
    assert not set("*_[]\\") & set(formatted.text)
    for line in re.sub(r"\]\([^()]*\)", "]", text).split("\n"):
        assert line.count("[") == line.count("]")
        assert line.count("*") % 2 == 0


# Plain text


@given(MARKED)
def test_plain_text_is_the_bare_text_and_the_addresses_of_links(markdown: str) -> None:
    formatted = parse(markdown)
    bare = to_plain(formatted)
    for span in formatted.spans:
        bare = bare.replace(f" ({span.url})", "", 1) if span.url else bare
    assert bare == to_plain(Formatted(formatted.text))


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**a** _b_ ~~c~~ `d`", "a b c d"),
        ("[a](https://x.cz), b", "a (https://x.cz), b"),
        ("[https://x.cz](https://x.cz)", "https://x.cz"),
        ("<https://x.cz/é>", "https://x.cz/é"),
        ("<a@b.cz> [+420](tel:+420)", "a@b.cz +420"),
        ("![a](https://x.cz/i.png)", "a (https://x.cz/i.png)"),
        ("[a](https://x.cz) [b](https://y.cz)", "a (https://x.cz) b (https://y.cz)"),
    ],
)
def test_plain_text_spells_links_out(markdown: str, text: str) -> None:
    assert to_plain(parse(markdown)) == text


def test_plain_text_replaces_lone_surrogates() -> None:
    assert to_plain(parse("a\ud83d")) == "a\ufffd"
