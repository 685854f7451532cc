"""Texts as people and their enemies write them, for properties that hold of every text."""

from hypothesis import strategies as st

# Every mark, so that spans happen, and what stands beside marks.
MARKS = (
    *("*", "**", "_", "~~", "`", "```", "```py\n", "\n", "\n\n", "> ", "- ", "1. ", "# ", "---"),
    *("[", "](https://x.cz)", "](tel:1)", "![", "](javascript:x)", "](https://x.cz/*_~)", "<https://x.cz/_>", "<a:b>"),
    *("<", ">", "&#10;", "&amp;", "\\", "\r\n", "\t", " ", "    "),
)
# Letters of one and more code points or UTF-16 units, both directions, halves of pairs, controls.
LETTERS = (
    *("a", "b.", "é", "e\u0301", "a\u0300\u0316\u0489", "ש", "\u202eلا\u202c", "नि", "क्ष", "각", "한", "字。"),
    *("👍", "👍🏽", "❤\ufe0f", "👨\u200d👩\u200d👧", "🇨🇿", "🇨", "1\ufe0f\u20e3", "🏴\U000e0067\U000e0062\U000e007f"),
    *("\ud83d", "\ude00", "\0", "\x0b", "\x1c", "\u200b", "\u200d", "\u200f", "\xa0", "\u2028", ".", "!"),
)

MARKED = st.lists(st.sampled_from(MARKS + LETTERS), max_size=30).map("".join)
BLANK = st.text(" \t\r\n\xa0\u2003\u2028\x0b\x1c\x85")
DEEP = st.builds(
    lambda mark, depth, inside, end: mark * depth + inside + end * depth,
    st.sampled_from(["[", "![", "*", "**a", "_a ", "~~", "> ", "- ", "`", "(", "<", "\\", "[a]("]),
    st.integers(0, 300),
    MARKED,
    st.sampled_from(["", "]", ")", "](https://x.cz)", "*", "**", "\n"]),
)
#: Any text at all, lone surrogates included, and those that are more likely to hurt.
ANY = st.text(st.characters(exclude_categories=())) | MARKED | BLANK | DEEP
