"""The HTML of the simulated Telegram: its few tags, and its refusals of all others.

https://core.telegram.org/bots/api#html-style
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from botkit.simulators.telegram_drafts import Draft, unparsable

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "",
    "tg-emoji": "",
    "tg-time": "",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot));?")
_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")
_LANGUAGE = "language-"


class _Open(Struct):
    """A tag whose end is not read yet, and where its text begins."""

    name: str
    values: Mapping[str, str]
    start: int


def parse_html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text without its tags, and its entities. Raises ApiError with Telegram's text."""
    draft, opened, position = Draft(), list[_Open](), 0
    while position < len(source):
        if source.startswith("</", position):
            position = _read_end(draft, opened, source, position)
        elif source[position] == "<":
            position = _read_start(draft, opened, source, position)
        else:
            text, position = _read_character(source, position)
            draft.add(text)
    if opened:
        raise unparsable(f'Can\'t find end tag corresponding to start tag "{opened[-1].name}"')
    return draft.finish()


def _read_character(source: str, position: int) -> tuple[str, int]:
    match = _REFERENCE.match(source, position)
    if not match:
        return source[position], position + 1
    number = int(match[1], 16) if match[1] else int(match[2] or 0)
    if not match[3] and not (0 < number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF):
        return source[position], position + 1
    return _NAMED[match[3]] if match[3] else chr(number), match.end()


def _plain(value: str) -> str:
    text, position = "", 0
    while position < len(value):
        character, position = _read_character(value, position)
        text += character
    return text


def _read_start(draft: Draft, opened: list[_Open], source: str, begin: int) -> int:
    match = _NAME.match(source, begin + 1)
    position = match.end() if match else begin + 1
    if position >= len(source):
        raise unparsable("Unclosed start tag", (source, begin))
    name = source[begin + 1 : position].lower()
    if name not in _KINDS:
        raise unparsable(f'Unsupported start tag "{name}"', (source, begin))
    values: dict[str, str] = {}
    while not (end := re.compile(r"\s*>").match(source, position)):
        attribute = _ATTRIBUTE.match(source, position)
        if not attribute:
            raise unparsable("Unclosed start tag", (source, begin))
        values[attribute[1].lower()] = _plain(next(filter(None, attribute.groups()[1:]), ""))
        position = attribute.end()
    if name == "span" and values.get("class") != "tg-spoiler":
        raise unparsable('Tag "span" must have class "tg-spoiler"', (source, begin))
    opened.append(_Open(name, values, draft.length))
    return end.end()


def _read_end(draft: Draft, opened: list[_Open], source: str, begin: int) -> int:
    if not opened:
        raise unparsable("Unexpected end tag", (source, begin))
    end = source.find(">", begin)
    if end < 0:
        raise unparsable("Unclosed end tag", (source, begin))
    name, tag = source[begin + 2 : end].strip().lower(), opened.pop()
    # An end tag without a name ends whatever is open.
    if name not in ("", tag.name):
        what = f'Unmatched end tag at byte offset {len(source[:begin].encode())}, expected "</{tag.name}>"'
        raise unparsable(f'{what}, found "</{name}>"')
    _close(draft, tag, is_in_pre=bool(opened) and opened[-1].name == "pre")
    return end + 1


def _close(draft: Draft, tag: _Open, *, is_in_pre: bool) -> None:
    kind, values, start = _KINDS[tag.name], tag.values, tag.start
    if tag.name == "a":
        draft.close_link(start, values.get("href", ""))
    elif tag.name == "tg-emoji":
        draft.close_emoji(start, f"tg://emoji?id={values.get('emoji-id', '')}")
    elif tag.name == "tg-time":
        draft.close_emoji(start, f"tg://time?unix={values.get('unix', '')}&format={values.get('format', '')}")
    elif tag.name == "blockquote" and "expandable" in values:
        draft.close("expandable_blockquote", start)
    elif tag.name == "code" and is_in_pre:
        draft.close("pre", start, **_language(values))
    elif not (tag.name == "pre" and _is_covered(draft, start)):
        draft.close(kind, start)


def _language(values: Mapping[str, str]) -> dict[str, str]:
    name = values.get("class", "")
    return {"language": name.removeprefix(_LANGUAGE)} if name.startswith(_LANGUAGE) else {}


def _is_covered(draft: Draft, start: int) -> bool:
    """Whether the `code` just closed is all of its `pre`."""
    last = draft.entities[-1] if draft.entities else {}
    whole = {"type": "pre", "offset": start, "length": draft.length - start}
    return {name: last.get(name) for name in whole} == whole
