"""Words kept of a conversation, and their bounds."""

import pytest

from botkit.tags import MAX_TAGS, with_tag


@pytest.mark.parametrize("name", ["a", "vip", "A_z.0:9-", "x" * 64])
def test_a_tag_is_a_word_of_1_to_64_safe_characters(name: str) -> None:
    assert with_tag(frozenset({"old"}), name) == {"old", name}


@pytest.mark.parametrize("name", ["", "x" * 65, "two words", "a\n", "дім", "a/b", "a,b"])
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a tag has 1 to 64"):
        with_tag(frozenset(), name)


def test_there_is_room_for_32() -> None:
    tags: frozenset[str] = frozenset()
    for number in range(MAX_TAGS):
        tags = with_tag(tags, str(number))
    assert len(tags) == 32
    with pytest.raises(ValueError, match="at most 32 tags"):
        with_tag(tags, "more")


def test_a_tag_that_is_there_already_needs_no_room() -> None:
    full = frozenset(map(str, range(MAX_TAGS)))
    assert with_tag(full, "7") == full
