"""Every network's object is read in full, and written in one form."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.chatapps.contents import NETWORKS, encode_content, find_problems, network_of, read_content
from botkit.exceptions import InvalidRequestError, Problem
from tests.chatapps.contents_made import MADE
from tests.chatapps.requests_sent import BODIES


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_as_the_same(network: str, data: st.DataObject) -> None:
    content = data.draw(MADE[network])
    written = encode_content(content)
    assert read_content(network, written) == content
    assert network_of(content) == network
    stored = msgspec.json.decode(msgspec.json.encode(written))
    assert stored == written, "it is JSON as it stands"


blanks: st.SearchStrategy[Any] = st.none() | st.just("") | st.just({}) | st.just([])


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_blank_members_say_nothing_and_are_not_written(network: str, data: st.DataObject) -> None:
    content = data.draw(MADE[network])
    written = encode_content(content)
    names = {"viber": ("mediaUrl", "button", "file"), "gbm": ("image", "suggestions", "fallback"), "sms": ("sender",)}
    padded = {name: data.draw(blanks) for name in names.get(network, ())} | written
    assert encode_content(read_content(network, padded)) == written


# Anything at all in the place of one member; addresses that cannot be taken apart are what chance would not find.
addresses = st.sampled_from(("https://[a/b.pdf", "https://[::1", "http://@/b.png", "https://a:x/b.mp4", "viber://["))
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | addresses,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=5,
)


def objects_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [each for member in value for each in objects_in(member)]
    if not isinstance(value, dict):
        return []
    return [value, *(each for member in value.values() for each in objects_in(member))]


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_junk_is_told_and_never_raises_anything_else(network: str, data: st.DataObject) -> None:
    written = encode_content(data.draw(MADE[network]))
    holder = data.draw(st.sampled_from(objects_in(written)))
    holder[data.draw(st.sampled_from(sorted(holder)) | st.text(max_size=5))] = data.draw(junk)
    problems: list[Problem] = []
    content = find_problems(network, written, problems)
    assert all(problem.path == network or problem.path.startswith(f"{network}.") for problem in problems)
    if not problems:
        assert content is not None
        msgspec.json.encode(encode_content(content))


@pytest.mark.parametrize("value", ["Hello", None, 5, []])
def test_what_is_no_object_is_told(value: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_content("sms", value)
    assert caught.value.problems == (Problem("sms", "is an object"),)


def test_a_problem_does_not_repeat_what_was_said() -> None:
    body = {"text": 38591000001, "sender": "38591000001-Ana", "viber": "38591000001"}
    with pytest.raises(InvalidRequestError) as caught:
        read_content("sms", body)
    assert "38591000001" not in str(caught.value)


@pytest.mark.parametrize("text", ["\ud83d", "a\udc00"])
def test_halves_of_surrogate_pairs_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"sms\.text: has no halves"):
        read_content("sms", {"text": text})


def test_a_content_is_not_changed_with_the_body_that_it_was_read_from() -> None:
    body = msgspec.json.decode(msgspec.json.encode(BODIES["sms"]["sms"]))
    content = read_content("sms", body)
    body["text"] = "Bye"
    assert encode_content(content)["text"] == "Hello"
