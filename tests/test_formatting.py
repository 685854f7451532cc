"""Markdown in, text and spans out."""

import sys
from typing import Any

import pytest
from hypothesis import example, given

from botkit.formatting import Formatted, Span, escape, parse, utf16_length
from tests.texts import ANY

# What CommonMark trims and no character reference can stand for.
UNSPEAKABLE = "\x0b\x1c\x1d\x1e\x1f\x85"


def shown(formatted: Formatted) -> list[tuple[Any, ...]]:
    return [(span.kind, formatted.text[span.start : span.end]) for span in formatted.spans]


# Reading Markdown


@pytest.mark.parametrize(
    ("markdown", "kind"),
    [
        ("**x y**", "bold"),
        ("*x y*", "italic"),
        ("_x y_", "italic"),
        ("~~x y~~", "strike"),
        ("`x y`", "code"),
        ("```\nx y\n```", "pre"),
        ("[x y](https://x.cz)", "link"),
        ("> x y", "quote"),
        ("# x y", "bold"),
        ("x y\n===", "bold"),
    ],
)
def test_each_kind_of_markup_becomes_its_span(markdown: str, kind: str) -> None:
    assert parse(markdown).text == "x y"
    assert shown(parse(markdown)) == [(kind, "x y")]


def test_the_outer_span_comes_first() -> None:
    assert shown(parse("**a *b* c** *d*")) == [("bold", "a b c"), ("italic", "b"), ("italic", "d")]


def test_a_kind_does_not_hold_itself() -> None:
    assert shown(parse("# a **b**")) == [("bold", "a b")]
    assert shown(parse("> a\n>\n> > b")) == [("quote", "a\n\nb")]


def test_a_link_holds_no_code() -> None:
    assert shown(parse("[`x`](https://x.cz)")) == [("link", "x")]


def test_the_language_of_a_fence_is_its_first_word() -> None:
    assert parse("```c++ title\nx\n```").spans == (Span("pre", 0, 1, language="c++"),)


def test_code_keeps_its_marks_and_its_indent() -> None:
    assert parse("`*a*`").text == "*a*"
    assert parse("```\n  *a*\n\n b\n```").text == "  *a*\n\n b"


def test_the_same_markdown_is_parsed_once() -> None:
    assert parse("*once*") is parse("*once*")


# Lines and blocks


@pytest.mark.parametrize("text", ["a\nb *c*", "a\n\nb *c*", "a\nb  \n*c*", "a\\\n*c*"])
def test_line_breaks_stay_line_breaks(text: str) -> None:
    expected = text.replace("*", "").replace("  \n", "\n").replace("\\", "")
    assert parse(text).text == expected


def test_every_kind_of_line_ending_is_a_line_break() -> None:
    assert parse("*a*\r\nb\rc\r\n\r\nd").text == "a\nb\nc\n\nd"
    assert parse("a\r- b").text == "a\n• b"


def test_paragraphs_are_one_blank_line_apart() -> None:
    assert parse("*a*\n\n\n\nb").text == "a\n\nb"


def test_blocks_on_the_next_line_stay_on_the_next_line() -> None:
    assert parse("# Day\nIt is:\n- Friday\n***\n```\nx\n```\nbye").text == "Day\nIt is:\n• Friday\n———\nx\nbye"


def test_blocks_typed_apart_stay_apart() -> None:
    assert parse("# Day\n\n- a\n\n***\n\n1. b\n\n> c").text == "Day\n\n• a\n\n———\n\n1. b\n\nc"


def test_bullets_become_dots() -> None:
    assert parse("- a\n- b").text == "• a\n• b"
    assert parse("+ a").text == "• a"


def test_ordered_lists_count_from_their_first_number() -> None:
    assert parse("1. a\n1. b").text == "1. a\n2. b"
    assert parse("7) a\n8) b").text == "7) a\n8) b"


def test_nested_lists_are_indented() -> None:
    assert parse("1. a\n   - b\n     c\n   - d\n2. e").text == "1. a\n  • b\n  c\n  • d\n2. e"


def test_a_list_in_a_list_item_shares_its_line() -> None:
    assert parse("- - a\n  - b").text == "• • a\n  • b"


def test_an_item_that_starts_on_the_next_line_stands_beside_its_dot() -> None:
    assert parse("-\n  a\n- b").text == "• a\n• b"


def test_a_span_does_not_hold_the_gap_before_it() -> None:
    assert shown(parse("- a\n  - **b**\n\n> c")) == [("bold", "b"), ("quote", "c")]


# Text that stays as typed


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Hello, world!",
        "  a  \n\n\n b\t\n",
        "a\r\nb",
        "50 % + 3 = x; a-b #1 (c) 1.5 2) x > y",
        "    x",
        "שלום 👍",
        "\ud83d",
    ],
)
def test_text_without_marks_comes_out_exactly(text: str) -> None:
    assert parse(text) == Formatted(text)


@pytest.mark.parametrize("text", ["<b>x</b>", "<!-- x -->", "<div>\nx\n</div>", "/set <name:value>", "<std::x>"])
def test_html_and_placeholders_stay_as_typed(text: str) -> None:
    assert parse(text) == Formatted(text)


def test_a_reference_definition_is_text() -> None:
    assert parse("[Note]: hello\n\n*b*").text == "[Note]: hello\n\nb"


def test_indented_lines_are_no_code() -> None:
    assert shown(parse("    a *b*")) == [("italic", "b")]


@pytest.mark.parametrize("markdown", ["```\n```", "#", ">", "[](/x)", ">" * 150 + "x"])
def test_markdown_that_shows_nothing_comes_out_as_typed(markdown: str) -> None:
    assert parse(markdown) == Formatted(markdown)


@pytest.mark.parametrize(("mark", "deepest"), [("> ", 19), ("- ", 9), ("01. ", 9)])
def test_blocks_nested_too_deep_come_out_as_typed(mark: str, deepest: int) -> None:
    assert parse(mark * deepest + "x").text.endswith("x")
    assert parse(mark * deepest + "x").text != mark * deepest + "x"
    assert parse("*a*\n" + mark * (deepest + 1) + "x") == Formatted("*a*\n" + mark * (deepest + 1) + "x")


@pytest.mark.parametrize(("depth", "is_link"), [(9, True), (10, False)])
def test_brackets_nest_to_a_depth_of_ten(depth: int, is_link: bool) -> None:
    spans = parse("[" * depth + "![a](https://x.cz)" + "]" * depth).spans
    assert bool(spans) is is_link


@given(ANY)
def test_only_an_empty_source_gives_an_empty_text(markdown: str) -> None:
    assert bool(parse(markdown).text) == bool(markdown)


# Links


@pytest.mark.parametrize("url", ["https://x.cz/a?b=c", "HTTP://x.cz", "tel:+420123", "viber://chat", "tg://user?id=1"])
def test_safe_links_are_kept(url: str) -> None:
    assert parse(f"[a]({url})").spans == (Span("link", 0, 1, url=url),)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "JavaScript:x", "data:text/html,x", "file:///x", "/x", "x.cz"])
def test_other_links_keep_only_their_label(url: str) -> None:
    assert parse(f"a [*b*]({url}) c") == Formatted("a b c", (Span("italic", 2, 3),))
    assert parse(f"a ![b]({url}) c") == Formatted("a b c")


def test_an_image_becomes_its_link() -> None:
    assert parse("![a *b*](https://x.cz/i.png)").spans[0] == Span("link", 0, 3, url="https://x.cz/i.png")


def test_a_link_without_label_shows_its_url() -> None:
    assert shown(parse("[](https://x.cz) ![ ](https://y.cz)")) == [("link", "https://x.cz"), ("link", "https://y.cz")]


def test_an_image_in_a_link_keeps_the_outer_link() -> None:
    assert parse("[![a](https://i.cz)](https://x.cz)").spans == (Span("link", 0, 1, url="https://x.cz"),)


def test_urls_in_angle_brackets_are_links() -> None:
    assert [span.url for span in parse("<https://x.cz> <a@b.cz>").spans] == ["https://x.cz", "mailto:a@b.cz"]


# Hostile text


def work(markdown: str) -> int:
    """Counts the functions that parsing calls."""
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    parse("*a*")
    sys.setprofile(count)
    try:
        parse(markdown)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "[",
            "![",
            "[a](",
            "[!",
            "[`",
            "[a *b ",
            "![](",
            "[a](<",
            "[a](b '",
            "*",
            "**a",
            "*a_b~~c`d[e",
            "_*a",
            "<a:b",
        ),
        *("&a", "\\", "`a``b", "- a\n", "> a\n", "a\n=\n", "```\n", "- > ", "1. - ", "# a\n"),
    ],
)
@pytest.mark.parametrize("start", ["", "> " * 19, "- " * 9])
def test_twice_the_text_is_twice_the_work(start: str, piece: str) -> None:
    once, twice = (work(start + piece * (size // len(piece))) for size in (500, 1000))
    assert twice < 2.5 * once + 100
    assert twice < 300 * 1000


def test_brackets_around_brackets_are_twice_the_work() -> None:
    once, twice = (work("[" * size + "a" + "]" * size) for size in (300, 600))
    assert twice < 2.5 * once


# Escaping


@given(ANY)
@example("1. a")
@example("  - a\n\n\n    b  ")
@example("[a]: b")
@example("a  \r\nb\r")
@example("&amp;&#10;\\*")
def test_escaped_text_comes_out_as_typed(text: str) -> None:
    assert parse(escape(text)).text.strip(UNSPEAKABLE) == text.strip(UNSPEAKABLE)


@given(ANY.filter(str.strip))
def test_escaped_text_gets_no_spans(text: str) -> None:
    assert parse(escape(text)).spans == ()


@given(ANY.filter(lambda text: text.strip() and text.strip("\x0b") == text))
def test_escaped_text_stays_in_the_markup_around_it(text: str) -> None:
    assert shown(parse(f"**{escape(text)}**")) == [("bold", text)]
    assert shown(parse(f"- a [{escape(text)}](https://x.cz)")) == [("link", text)]
    assert parse(f"# {escape(text)}\n> x").text == f"{text}\nx"


@pytest.mark.parametrize(
    ("before", "text", "after"), [("", "!", "[a](tel:1)"), ("[a]", "(tel:1)", ""), ("# a ", "#", "")]
)
def test_escaped_text_does_not_join_the_markup_beside_it(before: str, text: str, after: str) -> None:
    assert text in parse(before + escape(text) + after).text


def test_plain_words_need_no_escape() -> None:
    assert escape("Hello, world 1.5 a-b (c) = d") == "Hello, world 1.5 a-b (c) = d"


# Every span, every text


@given(ANY)
def test_spans_lie_in_the_text_and_nest(markdown: str) -> None:
    formatted = parse(markdown)
    for order, span in enumerate(formatted.spans):
        assert 0 <= span.start < span.end <= len(formatted.text)
        assert formatted.text[span.start : span.end].strip()
        for later in formatted.spans[order + 1 :]:
            assert later.start >= span.start
            assert later.end <= span.end or later.start >= span.end
            assert later.kind != span.kind or later.start >= span.end


# Counting


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("aé", 2), ("\uffff", 1), ("\U00010000", 2), ("👍🏽", 4), ("\ud83d", 1)]
)
def test_utf16_length_counts_two_beyond_the_bmp(text: str, length: int) -> None:
    assert utf16_length(text) == length
