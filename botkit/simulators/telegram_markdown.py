"""The two Markdowns of the simulated Telegram: MarkdownV2 and the old one.

https://core.telegram.org/bots/api#formatting-options
"""

import re
from typing import Any

from msgspec import Struct

from botkit.simulators.telegram_drafts import Draft, unparsable

_RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
#: What opens (and, but for the last two, closes) an entity; longer ones are looked for first.
_MARKS = ("```", "__", "||", "_", "*", "~", "`", "![", "[")
# Its name in Telegram's refusals and in a Message.
_NAMES = {
    "```": ("Pre", "pre"),
    "__": ("Underline", "underline"),
    "||": ("Spoiler", "spoiler"),
    "_": ("Italic", "italic"),
    "*": ("Bold", "bold"),
    "~": ("Strikethrough", "strikethrough"),
    "`": ("Code", "code"),
    "![": ("CustomEmoji", "custom_emoji"),
    "[": ("TextUrl", "text_link"),
}
_LANGUAGE = re.compile(r"([^\s`]*)(\r?\n)?")


class _Open(Struct):
    """An entity whose end is not read yet: its mark, its place in the source and in the text."""

    mark: str
    position: int
    start: int
    language: str = ""

    @property
    def name(self) -> str:
        return "PreCode" if self.language else _NAMES[self.mark][0]


def parse_markdown_v2(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text without its marks, and its entities. Raises ApiError with Telegram's text."""
    return _MarkdownV2(source).parse()


class _MarkdownV2:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.draft = Draft()
        self.open: list[_Open] = []
        #: Where the block quotation began, and whether it folds; below zero there is none.
        self.quote = -1
        self.is_folded = False

    def parse(self) -> tuple[str, list[dict[str, Any]]]:
        while self.position < len(self.source):
            if not self._is_in_code and self.source[self.position - 1 : self.position] in ("", "\n"):
                self._read_line_start()
            if self.position < len(self.source):
                self._read()
        if self.open:
            raise self._unclosed(self.open[-1])
        self._end_quote()
        return self.draft.finish()

    @property
    def _is_in_code(self) -> bool:
        return bool(self.open) and self.open[-1].mark in ("`", "```")

    def _unclosed(self, entity: _Open) -> Exception:
        return unparsable(f"Can't find end of {entity.name} entity", (self.source, entity.position))

    def _read_line_start(self) -> None:
        new = self.source.startswith("**>", self.position)
        goes_on = self.quote >= 0 and self.source.startswith(">", self.position)
        if self.quote >= 0 and not goes_on:
            if self.open:
                raise self._unclosed(self.open[-1])
            self._end_quote()
        if not goes_on and not self.open and (new or self.source.startswith(">", self.position)):
            self.quote = self.draft.length
        if goes_on or self.quote >= 0:
            self.position += 3 if new else 1

    def _end_quote(self) -> None:
        if self.quote < 0:
            return
        self.draft.close_quote(self.quote, is_folded=self.is_folded)
        self.quote, self.is_folded = -1, False

    def _read(self) -> None:
        character, following = self.source[self.position], self.source[self.position + 1 : self.position + 2]
        if character == "\\" and following and 1 <= ord(following) <= 126:
            self.draft.add(following)
            self.position += 2
        elif character not in ("`" if self._is_in_code else _RESERVED):
            self.draft.add(character)
            self.position += 1
        elif character == "]" and self.open and self.open[-1].mark in ("[", "!["):
            self._close_link(self.open.pop())
        else:
            self._read_mark(character)

    def _read_mark(self, character: str) -> None:
        mark = next((mark for mark in _MARKS if self.source.startswith(mark, self.position)), "")
        if mark == "||" and self._is_folding:
            self.is_folded = True
            self.position += 2
        elif self.open and self.open[-1].mark == mark:
            self._close(self.open.pop())
        elif mark and not self._is_in_code:
            self._enter(mark)
        else:
            raise unparsable(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")

    @property
    def _is_folding(self) -> bool:
        is_last = self.source[self.position + 2 : self.position + 3] in ("", "\n")
        return self.quote >= 0 and not self.open and is_last

    def _enter(self, mark: str) -> None:
        entity = _Open(mark, self.position, self.draft.length)
        self.position += len(mark)
        if mark == "```" and (match := _LANGUAGE.match(self.source, self.position)):
            # A word up to the end of its line, or to a space, is the language.
            is_language = bool(match[1]) and self.source[match.end(1) : match.end(1) + 1] not in ("", "`")
            entity.language = match[1] if is_language else ""
            self.position = match.end() if is_language or not match[1] else self.position
        self.open.append(entity)

    def _close(self, entity: _Open) -> None:
        self.position += len(entity.mark)
        details = {"language": entity.language} if entity.language else {}
        self.draft.close(_NAMES[entity.mark][1], entity.start, **details)

    def _close_link(self, entity: _Open) -> None:
        self.position += 1
        url = ""
        if self.source.startswith("(", self.position):
            url = self._read_address()
        elif entity.mark == "![":
            raise unparsable("Custom emoji entity must contain a tg://emoji URL")
        if entity.mark == "![":
            self.draft.close_emoji(entity.start, url)
        else:
            self.draft.close_link(entity.start, url)

    def _read_address(self) -> str:
        match = re.compile(r"\(((?:\\[\x01-\x7e]|[^)])*)\)", re.DOTALL).match(self.source, self.position)
        if not match:
            raise unparsable("Can't find end of a URL", (self.source, self.position + 1))
        self.position = match.end()
        return re.sub(r"\\([\x01-\x7e])", r"\1", match[1], flags=re.DOTALL)


_OLD_ENDS = {"*": ("*", "bold"), "_": ("_", "italic"), "`": ("`", "code"), "```": ("```", "pre"), "[": ("]", "")}


def parse_old_markdown(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text without its marks, and its entities, which never nest. Raises ApiError with Telegram's text."""
    draft, position = Draft(), 0
    while position < len(source):
        character = source[position]
        if character == "\\" and source[position + 1 : position + 2] in tuple("_*`["):
            draft.add(source[position + 1])
            position += 2
        elif character in "_*`[":
            position = _read_old(draft, source, position)
        else:
            draft.add(character)
            position += 1
    return draft.finish()


def _read_old(draft: Draft, source: str, begin: int) -> int:
    """Takes one entity over, and returns where it ends."""
    mark = "```" if source.startswith("```", begin) else source[begin]
    end, kind = _OLD_ENDS[mark]
    inside, details = begin + len(mark), {}
    if mark == "```" and (match := _LANGUAGE.match(source, inside)) and match[2]:
        inside = match.end()
        details = {"language": match[1]} if match[1] else {}
    found = source.find(end, inside)
    if found < 0:
        raise unparsable("Can't find end of the entity starting", (source, begin))
    start = draft.length
    draft.add(source[inside:found])
    position = found + len(end)
    if mark != "[":
        draft.close(kind, start, **details)
        return position
    url, position = _read_old_address(source, position, begin)
    draft.close_link(start, url)
    return position


def _read_old_address(source: str, position: int, begin: int) -> tuple[str, int]:
    if not source.startswith("(", position):
        return "", position
    end = source.find(")", position)
    if end < 0:
        raise unparsable("Can't find end of the entity starting", (source, begin))
    return source[position + 1 : end], end + 1
