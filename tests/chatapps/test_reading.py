"""Members of somebody else's JSON, and what is told of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.chatapps.reading import Reader, did_you_mean, extension_of, is_blank, is_web
from botkit.exceptions import Problem


@pytest.mark.parametrize("value", [None, "", {}, [], {"a": None, "b": "", "c": {}, "d": []}])
def test_what_says_nothing_is_blank(value: object) -> None:
    assert is_blank(value)


@pytest.mark.parametrize("value", [0, False, 0.0, " ", [""], {"a": 0}, {"a": False}])
def test_what_says_something_is_not_blank(value: object) -> None:
    assert not is_blank(value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("captoin", "; did you mean caption?"), ("CAPTION", "; did you mean caption?"), ("colour", ""), ("", "")],
)
def test_the_nearest_name_is_told_where_one_is_near(name: str, hint: str) -> None:
    assert did_you_mean(name, ("caption", "action")) == hint


def test_a_long_name_is_cut_in_a_path() -> None:
    problems: list[Problem] = []
    Reader({"x" * 65: 1}, "sms", problems).finish()
    assert [problem.path for problem in problems] == ["sms." + "x" * 64]


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("https://a.example/b.PDF", "pdf"),
        ("https://a.example/b.pdf?c=d.exe", "pdf"),
        ("https://a.example/b.pdf#c.exe", "pdf"),
        ("https://a.example/b.tar.gz", "gz"),
        ("https://a.example/v1.2/b", ""),
        ("https://a.example/b.2024", ""),
        ("https://a.example/.pdf", ""),
        ("https://a.example/b.pdf/", ""),
        ("https://a.example", ""),
        ("https://a.example?b=c.pdf", ""),
        ("https://a.example/b." + "x" * 9, ""),
    ],
)
def test_an_extension_is_a_short_word_at_the_end_of_the_path(url: str, extension: str) -> None:
    assert extension_of(url) == extension


@pytest.mark.parametrize("url", ["https://a", "http://a.example/b", "https://a.example:8443?c"])
def test_an_address_of_the_web_has_a_scheme_and_a_host(url: str) -> None:
    assert is_web(url)
    assert is_web(url, is_secure=True) == url.startswith("https")


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "https:///a", "https://?a", "a.example", "ftp://a", "https://a b", " https://a"),
        *("https://[a/b.pdf", "https://[::1/b", "https://ana@/b", "https://:443/b"),
    ],
)
def test_what_lacks_one_of_them_is_no_address_of_the_web(url: str) -> None:
    assert not is_web(url)


@given(st.integers() | st.floats())
def test_a_number_is_within_its_bounds_or_told(value: float) -> None:
    problems: list[Problem] = []
    found = Reader({"a": value}, "", problems).number("a", -5, 5)
    is_good = -5 <= value <= 5
    assert found == (value if is_good else 0)
    assert bool(problems) is not is_good


def test_a_member_that_is_wrong_is_told_once_and_the_others_are_still_read() -> None:
    problems: list[Problem] = []
    body: dict[str, Any] = {"a": 5, "b": "x", "c": "y"}
    reader = Reader(body, "sms", problems)
    assert (reader.text("a"), reader.text("b"), reader.word("c", ("y", "z"))) == ("", "x", "y")
    reader.finish()
    assert problems == [Problem("sms.a", "is a text")]
