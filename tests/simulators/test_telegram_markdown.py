"""The two Markdowns of the simulated Telegram: what they mark, and what they refuse where."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.formatting import utf16_length
from botkit.simulators.telegram_markdown import parse_markdown_v2, parse_old_markdown
from botkit.simulators.telegram_parameters import ApiError

RESERVED = "_*[]()~`>#+-=|{}.!\\"


def entity(kind: str, offset: int, length: int, **details: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length} | details


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*a*", "a", [entity("bold", 0, 1)]),
        ("_a_", "a", [entity("italic", 0, 1)]),
        ("__a__", "a", [entity("underline", 0, 1)]),
        ("~a~", "a", [entity("strikethrough", 0, 1)]),
        ("||a||", "a", [entity("spoiler", 0, 1)]),
        ("`a`", "a", [entity("code", 0, 1)]),
        ("```\na```", "a", [entity("pre", 0, 1)]),
        ("```py\na```", "a", [entity("pre", 0, 1, language="py")]),
        ("```a```", "a", [entity("pre", 0, 1)]),
        ("[a](https://b.example/\\)c)", "a", [entity("text_link", 0, 1, url="https://b.example/)c")]),
        ("[a](tg://user?id=5)", "a", [entity("text_mention", 0, 1, user={"id": 5})]),
        ("[b\\.example]", "b.example", [entity("text_link", 0, 9, url="http://b.example")]),
        ("[a]", "a", []),
        ("[a](http://b.example:x/)", "a", []),
        ("[a](http://\\[b)", "a", []),
        ("![👍](tg://emoji?id=5368)", "👍", [entity("custom_emoji", 0, 2, custom_emoji_id="5368")]),
        (
            "![22:45](tg://time?unix=1784000000&format=wDT)",
            "22:45",
            [entity("date_time", 0, 5, unix_time=1784000000, date_time_format="wDT")],
        ),
        ("😀*b*", "😀b", [entity("bold", 2, 1)]),
        ("*a _b_*", "a b", [entity("bold", 0, 3), entity("italic", 2, 1)]),
        ("___a_**__", "a", [entity("italic", 0, 1), entity("underline", 0, 1)]),
        ("**a", "a", []),
        ("a\\.b\\z", "a.bz", []),
        ("`a.b*`", "a.b*", [entity("code", 0, 4)]),
        (">a\n>b\nc", "a\nb\nc", [entity("blockquote", 0, 3)]),
        (">a\n>b||\nc", "a\nb\nc", [entity("expandable_blockquote", 0, 3)]),
        (">a\n**>b", "a\nb", [entity("blockquote", 0, 1), entity("blockquote", 2, 1)]),
        (">*a*", "a", [entity("blockquote", 0, 1), entity("bold", 0, 1)]),
    ],
)
def test_markdown_v2_marks(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert parse_markdown_v2(source) == (text, entities)


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("a.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a!", "Character '!' is reserved and must be escaped with the preceding '\\'"),
        ("a|b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
        ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("a]", "Character ']' is reserved and must be escaped with the preceding '\\'"),
        ("```a`b```", "Character '`' is reserved and must be escaped with the preceding '\\'"),
        ("*a", "Can't find end of Bold entity at byte offset 0"),
        ("č _a", "Can't find end of Italic entity at byte offset 3"),
        ("😀__a", "Can't find end of Underline entity at byte offset 4"),
        ("~a", "Can't find end of Strikethrough entity at byte offset 0"),
        ("||a", "Can't find end of Spoiler entity at byte offset 0"),
        ("`a", "Can't find end of Code entity at byte offset 0"),
        ("```a", "Can't find end of Pre entity at byte offset 0"),
        ("```py\na", "Can't find end of PreCode entity at byte offset 0"),
        ("[a", "Can't find end of TextUrl entity at byte offset 0"),
        ("![a", "Can't find end of CustomEmoji entity at byte offset 0"),
        (">*a\nb", "Can't find end of Bold entity at byte offset 1"),
        ("[a](b", "Can't find end of a URL at byte offset 4"),
        ("![a]", "Custom emoji entity must contain a tg://emoji URL"),
        ("![a](https://b.example)", "Custom emoji URL must have an emoji identifier"),
    ],
)
def test_markdown_v2_is_refused_with_the_place_in_bytes(source: str, description: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_markdown_v2(source)
    assert caught.value.envelope["description"] == f"Bad Request: can't parse entities: {description}"


@pytest.mark.parametrize("character", sorted(RESERVED.replace("\\", "")))
def test_every_reserved_character_needs_a_backslash(character: str) -> None:
    with pytest.raises(ApiError):
        parse_markdown_v2(f"a {character} b")
    assert parse_markdown_v2(f"a \\{character} b") == (f"a {character} b", [])


@given(st.text(st.characters(codec="utf-8")))
def test_a_text_with_every_reserved_character_escaped_comes_out_as_it_was(text: str) -> None:
    escaped = "".join(f"\\{character}" if character in RESERVED else character for character in text)
    assert parse_markdown_v2(escaped) == (text, [])


@given(st.text(st.sampled_from("ab*_~|`[]()!>\\\n 😀.")), st.sampled_from([parse_markdown_v2, parse_old_markdown]))
def test_any_text_is_parsed_or_refused_and_entities_stay_inside_it(source: str, parse: Any) -> None:
    try:
        text, entities = parse(source)
    except ApiError:
        return
    assert all(0 <= entity["offset"] < entity["offset"] + entity["length"] <= utf16_length(text) for entity in entities)


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*a* _b_ `c`", "a b c", [entity("bold", 0, 1), entity("italic", 2, 1), entity("code", 4, 1)]),
        ("```py\na```", "a", [entity("pre", 0, 1, language="py")]),
        ("```a```", "a", [entity("pre", 0, 1)]),
        ("[a](https://b.example)", "a", [entity("text_link", 0, 1, url="https://b.example")]),
        ("[a](tg://user?id=5)", "a", [entity("text_mention", 0, 1, user={"id": 5})]),
        ("[a] b", "a b", []),
        ("\\*a\\_ \\x", "*a_ \\x", []),
        ("*a_b*", "a_b", [entity("bold", 0, 3)]),
        ("a.b! ~c~ >d", "a.b! ~c~ >d", []),
    ],
)
def test_old_markdown_marks(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert parse_old_markdown(source) == (text, entities)


@pytest.mark.parametrize(("source", "place"), [("*a", 0), ("č _a", 3), ("```a``", 0), ("a [b", 2), ("a [b](c", 2)])
def test_old_markdown_is_refused_where_the_entity_starts(source: str, place: int) -> None:
    with pytest.raises(ApiError, match=f"Can't find end of the entity starting at byte offset {place}$"):
        parse_old_markdown(source)
