"""What Telegram's parse modes say, as the simulated Telegram reads them, and our formatting as Html."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.chatapps.markup import MarkupError, parse, to_html
from botkit.formatting import Formatted, Span
from botkit.formatting import parse as parse_markdown
from botkit.rendering import to_telegram
from botkit.simulators.telegram_html import parse_html
from botkit.simulators.telegram_markdown import parse_markdown_v2, parse_old_markdown
from botkit.simulators.telegram_parameters import ApiError
from tests.texts import ANY

SIMULATED = {"Html": parse_html, "MarkdownV2": parse_markdown_v2, "Markdown": parse_old_markdown}
# fmt: off
TOKENS = {
    "Html": (
        "<b>", "</b>", "<i>", "</i>", "<s>", "</s>", "<u>", "</u>", "<code>", "</code>", "<pre>", "</pre>", "</>",
        '<code class="language-py">', '<a href="https://x.cz/?a=1&amp;b=2">', "<a href='http://x.cz'>", "<a>", "</a>",
        "<blockquote>", "<blockquote expandable>", "</blockquote>", '<span class="tg-spoiler">', "<span>", "</span>",
        "<", ">", "&", "&lt;", "&amp", "&#65;", "&#x1F600;", "&#0;", "&nbsp;", '"', "</ b >", "<B>", "<b ", "<p>",
    ),
    "MarkdownV2": (
        "*", "_", "__", "~", "||", "`", "```", "```py\n", "[", "](https://x.cz)", "](", ")", "]", "![", "\\", "\\*",
        "\\\\", ">", "**>", "\n", "\n>", "||\n", ".", "(", "!", "#", "-", "](tg://emoji?id=5)",
    ),
    "Markdown": ("*", "_", "`", "```", "```py\n", "[", "](https://x.cz)", "](", ")", "]", "\\", "\\*", "\\[", "\n"),
}
# fmt: on
WORDS = ("a", "b c", " ", "é", "😀", "1")


def sources(mode: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(TOKENS[mode] + WORDS), max_size=12).map("".join)


def entities(formatted: Formatted) -> list[tuple[str, int, int, str]]:
    _, found = to_telegram(formatted)
    return [(each["type"], each["offset"], each["length"], each.get("url", "")) for each in found]


@pytest.mark.parametrize("mode", SIMULATED)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_text_says_what_it_says_to_telegram_and_is_refused_where_telegram_refuses_it(
    mode: str, data: st.DataObject
) -> None:
    source = data.draw(sources(mode))
    try:
        text, _ = SIMULATED[mode](source)
    except ApiError as error:
        # Whether an address names an emoji is left to Telegram.
        if "Custom emoji URL" in str(error):
            return
        with pytest.raises(MarkupError):
            parse(source, mode)
        return
    assert parse(source, mode).formatted.text == text


@pytest.mark.parametrize(
    ("source", "mode", "text", "spans"),
    [
        ("<b>Hi</b> &lt;you&gt;", "Html", "Hi <you>", (Span("bold", 0, 2),)),
        ("<strong>a<em>b</em></strong>", "Html", "ab", (Span("bold", 0, 2), Span("italic", 1, 2))),
        ("<del>a</del><strike>b</strike>", "Html", "ab", (Span("strike", 0, 1), Span("strike", 1, 2))),
        ('<a href="https://x.cz/?a&amp;b">x</a>', "Html", "x", (Span("link", 0, 1, url="https://x.cz/?a&b"),)),
        ("<pre>a</pre>", "Html", "a", (Span("pre", 0, 1),)),
        ('<pre><code class="language-py">a</code></pre>', "Html", "a", (Span("pre", 0, 1, language="py"),)),
        ("<blockquote>a</blockquote>", "Html", "a", (Span("quote", 0, 1),)),
        ("<b>a<b>b</b></b>", "Html", "ab", (Span("bold", 0, 2),)),
        ("<code>a<b>b</b></code>", "Html", "ab", (Span("code", 0, 2),)),
        ("<i><b>a</b></i>", "Html", "a", (Span("italic", 0, 1), Span("bold", 0, 1))),
        ("*a* _b_ ~c~", "MarkdownV2", "a b c", (Span("bold", 0, 1), Span("italic", 2, 3), Span("strike", 4, 5))),
        ("`a`", "MarkdownV2", "a", (Span("code", 0, 1),)),
        ("[x](https://x.cz/\\))", "MarkdownV2", "x", (Span("link", 0, 1, url="https://x.cz/)"),)),
        ("```py\na```", "MarkdownV2", "a", (Span("pre", 0, 1, language="py"),)),
        (">a\n>b\nc", "MarkdownV2", "a\nb\nc", (Span("quote", 0, 4),)),
        ("*a* _b_ `c`", "Markdown", "a b c", (Span("bold", 0, 1), Span("italic", 2, 3), Span("code", 4, 5))),
        ("[x](https://x.cz) \\*", "Markdown", "x *", (Span("link", 0, 1, url="https://x.cz"),)),
        ("```py\na```", "Markdown", "a", (Span("pre", 0, 1, language="py"),)),
        ("<b>*a*</b>", "Default", "<b>*a*</b>", ()),
        ("<b>*a*</b>", "", "<b>*a*</b>", ()),
    ],
    ids=range(20),
)  # fmt: skip
def test_marks_become_spans(source: str, mode: str, text: str, spans: tuple[Span, ...]) -> None:
    parsed = parse(source, mode)
    assert parsed.formatted == Formatted(text, spans)
    assert parsed.is_whole


@pytest.mark.parametrize(
    ("source", "mode"),
    [
        ("<u>a</u>", "Html"),
        ("<tg-spoiler>a</tg-spoiler>", "Html"),
        ('<tg-emoji emoji-id="5">a</tg-emoji>', "Html"),
        ('<a href="tg://user?id=5">a</a>', "Html"),
        ("<a>x.cz</a>", "Html"),
        ("<blockquote expandable>a</blockquote>", "Html"),
        ('<a href="https://x.cz"><code>a</code></a>', "Html"),
        ('<pre>b<code class="language-py">a</code></pre>', "Html"),
        ("__a__", "MarkdownV2"),
        ("||a||", "MarkdownV2"),
        ("![a](tg://emoji?id=5)", "MarkdownV2"),
        (">a||", "MarkdownV2"),
        ("[a](tg://user?id=5)", "Markdown"),
    ],
)
def test_what_our_spans_cannot_say_is_known_not_to_be_whole(source: str, mode: str) -> None:
    assert not parse(source, mode).is_whole


@pytest.mark.parametrize(
    ("source", "mode", "what"),
    [
        ("<b>a", "Html", "a <b> that is not closed"),
        ("a</b>", "Html", "an end tag without its start"),
        ("<b>a</i>", "Html", "another end tag where </b> is needed"),
        ("<p>a</p>", "Html", "a tag that Telegram does not know"),
        ("1 <2 apples", "Html", "a < that begins no tag"),
        ("<span>a</span>", "Html", "without class"),
        ("a.", "MarkdownV2", r"a \. of its own"),
        ("*a", "MarkdownV2", r"a \* that is not closed"),
        ("*a\n>b*", "MarkdownV2", "of its own"),
        (">*a\nb*", "MarkdownV2", "that is not closed"),
        ("[a](x", "MarkdownV2", "does not end"),
        ("*a", "Markdown", "that is not closed"),
        ("[a](x", "Markdown", "does not end"),
    ],
)
def test_what_is_wrong_is_told_without_the_words(source: str, mode: str, what: str) -> None:
    with pytest.raises(MarkupError, match=what):
        parse(source, mode)


@settings(max_examples=80, deadline=None)
@given(ANY)
def test_our_formatting_as_html_is_the_same_to_telegram(text: str) -> None:
    formatted = parse_markdown(text)
    shown, expected = to_telegram(formatted)
    read, found = parse_html(to_html(formatted))
    assert read == shown
    kinds = [(each["type"], each["offset"], each["length"], each.get("language", "")) for each in found]
    links = [each for each in expected if each["type"] != "text_link"]
    for each in links:
        assert (each["type"], each["offset"], each["length"], each.get("language", "")) in kinds


@settings(max_examples=80, deadline=None)
@given(ANY)
def test_our_html_is_read_again_as_the_same_spans(text: str) -> None:
    formatted = parse_markdown(text)
    parsed = parse(to_html(formatted), "Html")
    assert parsed.formatted.text == to_telegram(formatted)[0]
    if parsed.is_whole:
        assert entities(parsed.formatted) == entities(formatted)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("part", ['a b="c" ', "<", "<b>", "a='", " ", "<a b c"])
def test_what_never_ends_is_refused_at_once(part: str) -> None:
    with pytest.raises(MarkupError):
        parse("<a " + part * 5000, "Html")
