"""How the simulated Mitto reads JSON, and how it writes that it will not."""

import pytest

from botkit.simulators.mitto_refusals import RefusedError, invalid, read_json


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b'{"whatsapp": {}, "whatsApp": {}}',
        b'{"a": {"b": 1, "B": 2}}',
        b'\xef\xbb\xbf{"a": 1}',
    ],
    ids=["NaN", "infinity", "twice", "twice in another spelling", "twice inside", "byte order mark"],
)
def test_what_only_looks_like_json_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        read_json(body, "application/json")
    assert refused.value.status == 400


def test_an_object_is_read_as_it_is() -> None:
    assert read_json('{"a": {"b": [1, null, "я"]}}'.encode(), "application/json") == {"a": {"b": [1, None, "я"]}}


def test_a_refusal_is_a_message_an_error_or_a_problem() -> None:
    refusal = invalid("a text is required", "sms.text")
    assert refusal.body("message") == {"message": "sms.text: a text is required"}
    assert refusal.body("error") == {"error": "sms.text: a text is required"}
    problem = refusal.body("problem")
    assert (problem["status"], problem["errors"]) == (400, {"sms.text": ["a text is required"]})
    assert invalid("no").body("problem")["errors"] == {"$": ["no"]}


def test_a_refusal_of_another_status_has_its_text_as_the_title() -> None:
    problem = RefusedError(404, "there is nothing").body("problem")
    assert (problem["status"], problem["title"], "errors" in problem) == (404, "there is nothing", False)
