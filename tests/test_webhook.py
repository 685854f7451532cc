"""The headers of a webhook are read when somebody asks, and one that came twice is none that fits."""

from hypothesis import given
from hypothesis import strategies as st

from botkit.webhook import Headers

_NAMES = st.text("abc-", min_size=1, max_size=3)


def test_a_header_is_found_by_its_name_and_without_it_there_is_the_default() -> None:
    headers = Headers([(b"x-a", b"1"), (b"x-b", b"\xe9")])
    assert (headers["x-a"], headers.get("x-b"), headers.get("x-c"), headers.get("x-c", "none")) == (
        *("1", "é", None, "none"),
    )
    assert "x-a" in headers
    assert "x-c" not in headers


def test_a_header_that_came_twice_is_both() -> None:
    headers = Headers([(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")])
    assert (headers["x-a"], headers.get("x-a"), len(headers)) == ("1, 3", "1, 3", 2)


def test_what_is_added_later_is_no_header() -> None:
    raw = [(b"x-a", b"1")]
    headers = Headers(raw)
    raw.append((b"x-late", b"2"))
    assert list(headers) == ["x-a"]


@given(st.lists(st.tuples(_NAMES, st.text("12é", max_size=2)), max_size=6))
def test_headers_are_what_they_were_sent_as(sent: list[tuple[str, str]]) -> None:
    headers = Headers([(name.encode(), value.encode("latin-1")) for name, value in sent])
    expected: dict[str, str] = {}
    for name, value in sent:
        expected[name] = f"{expected[name]}, {value}" if name in expected else value
    assert dict(headers) == expected
