import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateways.rapporto_extra import decode_extra, encode_extra

NAMES = st.text(st.characters(exclude_characters=",="), min_size=1, max_size=4)
PAIRS = st.lists(st.tuples(NAMES, st.text("a=, é😀", max_size=8)), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("branch=north,geo=59.93,,30.31", (("branch", "north"), ("geo", "59.93,30.31"))),
        ("a=1,,,b=2", (("a", "1,"), ("b", "2"))),
        ("note=a,,,,b", (("note", "a,,b"),)),
        ("a=,b=2", (("a", ""), ("b", "2"))),
        ("a=x=y", (("a", "x=y"),)),
        ("a=,,b", (("a", ",b"),)),
        ("a=1,, 2", (("a", "1, 2"),)),
        ("a=1,a=2", (("a", "1"), ("a", "2"))),
    ],
)
def test_a_written_text_is_read_as_its_pairs_and_written_again(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert decode_extra(text) == pairs
    assert encode_extra(pairs) == text


@given(PAIRS)
def test_any_pairs_are_the_same_after_they_were_written_and_read(pairs: list[tuple[str, str]]) -> None:
    assert decode_extra(encode_extra(pairs)) == tuple(pairs)


@given(st.text("ab=,", max_size=12))
def test_any_text_that_can_be_read_is_the_same_when_written_again(text: str) -> None:
    try:
        pairs = decode_extra(text)
    except ValueError:
        return
    assert encode_extra(pairs) == text


@pytest.mark.parametrize(
    ("text", "number"), [("", 1), ("a", 1), ("=1", 1), (",a=1", 1), ("a=1,", 2), ("a=1,b", 2), ("a,,b=1", 1)]
)
def test_a_pair_without_a_sign_or_a_name_is_told_by_its_number(text: str, number: int) -> None:
    with pytest.raises(ValueError, match=f"pair {number} is not name=value"):
        decode_extra(text)


@pytest.mark.parametrize("name", ["", "a,b", "a=b"])
def test_a_name_that_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name is empty, or has a comma or an equals sign"):
        encode_extra([(name, "1")])


def test_nothing_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="there is no pair"):
        encode_extra([])
