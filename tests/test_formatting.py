"""Markdown in, what each service shows out."""

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from botkit.formatting import (
    Formatted,
    Span,
    escape,
    parse,
    to_gbm,
    to_plain,
    to_telegram,
    to_viber,
    utf16_length,
)

# Text as people write it, with every mark, so that spans happen; and any text at all, lone surrogates included.
PIECES = (
    *(
        "*",
        "**",
        "_",
        "~~",
        "`",
        "```",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "[",
        "](https://x.cz)",
        "](tel:1)",
        "![",
    ),
    *(
        "<",
        ">",
        "<https://x.cz/_>",
        "<a:b>",
        "](javascript:x)",
        "&#10;",
        "&amp;",
        "\\",
        "---",
        "\r\n",
        "\t",
        " ",
        "    ",
    ),
    *("a", "é", "ש", "e\u0301", "👍", ".", "\ud83d", "\ude00", "\0", "\x0b", "\x1c"),
)
MARKED = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
ANY = st.text(st.characters(exclude_categories=())) | MARKED
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


def test_quotes_are_read_to_a_depth_of_a_hundred() -> None:
    assert parse(">" * 99 + "x").text == "x"


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


@given(ANY)
def test_what_is_sent_has_no_lone_surrogates(markdown: str) -> None:
    formatted = parse(markdown)
    text, entities = to_telegram(formatted)
    sent = [text, str(entities), to_viber(formatted), to_gbm(formatted)[0], to_plain(formatted)]
    assert not any("\ud800" <= char <= "\udfff" for char in "".join(sent))


# Telegram


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("aé", 2), ("\uffff", 1), ("\U00010000", 2), ("👍🏽", 4), ("\ud83d", 1)]
)
def test_utf16_length_counts_two_beyond_the_bmp(text: str, length: int) -> None:
    assert utf16_length(text) == length


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


# Viber


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


# Plain text


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
