"""The HTML of the simulated Telegram: its tags, and the refusals of all others."""

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.formatting import utf16_length
from botkit.simulators.telegram_html import parse_html
from botkit.simulators.telegram_parameters import ApiError


def entity(kind: str, offset: int, length: int, **details: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length} | details


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        *[(f"<{tag}>a</{tag}>", "a", [entity("bold", 0, 1)]) for tag in ("b", "strong", "B")],
        *[(f"<{tag}>a</{tag}>", "a", [entity("italic", 0, 1)]) for tag in ("i", "em")],
        *[(f"<{tag}>a</{tag}>", "a", [entity("underline", 0, 1)]) for tag in ("u", "ins")],
        *[(f"<{tag}>a</{tag}>", "a", [entity("strikethrough", 0, 1)]) for tag in ("s", "strike", "del")],
        ("<tg-spoiler>a</tg-spoiler>", "a", [entity("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">a</span>', "a", [entity("spoiler", 0, 1)]),
        (
            '<a href="https://b.example/?x=1&amp;y">a</a>',
            "a",
            [entity("text_link", 0, 1, url="https://b.example/?x=1&y")],
        ),
        ("<a href='tg://user?id=5'>a</a>", "a", [entity("text_mention", 0, 1, user={"id": 5})]),
        ("<a>b.example</a>", "b.example", [entity("text_link", 0, 9, url="http://b.example")]),
        ('<tg-emoji emoji-id="5368">👍</tg-emoji>', "👍", [entity("custom_emoji", 0, 2, custom_emoji_id="5368")]),
        ('<tg-time unix="5">a</tg-time>', "a", [entity("date_time", 0, 1, unix_time=5)]),
        ("<code>a</code>", "a", [entity("code", 0, 1)]),
        ("<pre>a</pre>", "a", [entity("pre", 0, 1)]),
        ('<pre><code class="language-py">a</code></pre>', "a", [entity("pre", 0, 1, language="py")]),
        ("<blockquote>a</blockquote>", "a", [entity("blockquote", 0, 1)]),
        ("<blockquote expandable>a</blockquote>", "a", [entity("expandable_blockquote", 0, 1)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("<code><b>a</b></code>", "a", [entity("code", 0, 1)]),
        ("<b></b>a", "a", []),
        ("<b>a</>", "a", [entity("bold", 0, 1)]),
        ("😀<b>a</b>", "😀a", [entity("bold", 2, 1)]),
        ("&lt;&gt;&amp;&quot;&#33;&#x1F600;&nbsp;&", '<>&"!😀&nbsp;&', []),
        ("&#0;&#xD800;", "&#0;&#xD800;", []),
    ],
)
def test_html_marks(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert parse_html(source) == (text, entities)


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("č <div>a</div>", 'Unsupported start tag "div" at byte offset 3'),
        ("a < b>", 'Unsupported start tag "" at byte offset 2'),
        ("č <b", "Unclosed start tag at byte offset 3"),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ("<b>č<i>a</b>", 'Unmatched end tag at byte offset 9, expected "</i>", found "</b>"'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("č<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 2'),
        ("<tg-emoji>a</tg-emoji>", "Custom emoji URL must have an emoji identifier"),
    ],
)
def test_html_is_refused_with_the_place_in_bytes(source: str, description: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_html(source)
    assert caught.value.envelope["description"] == f"Bad Request: can't parse entities: {description}"


@given(st.text(st.characters(codec="utf-8")))
def test_an_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert parse_html(html.escape(text)) == (text, [])


@given(
    st.lists(st.sampled_from(["<b>", "</b>", "<i>", "</i>", "<", ">", "&lt;", "&", "a", "😀", "<a href=x.y>", "</a>"]))
)
def test_any_text_is_parsed_or_refused_and_entities_stay_inside_it(parts: list[str]) -> None:
    try:
        text, entities = parse_html("".join(parts))
    except ApiError:
        return
    assert all(0 <= entity["offset"] < entity["offset"] + entity["length"] <= utf16_length(text) for entity in entities)
