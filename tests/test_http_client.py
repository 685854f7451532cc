"""What an answer says of itself."""

import pytest

from botkit.http_client import HttpAnswer


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "999999999"}, 999_999_999),
        ({"retry-after": "9999999999"}, 0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "1.5"}, 0),
        ({"retry-after": ""}, 0),
        ({}, 0),
    ],
)
def test_an_answer_asks_to_wait_for_a_whole_number_of_seconds_or_not_at_all(
    headers: dict[str, str], seconds: float
) -> None:
    assert HttpAnswer(429, headers, b"").retry_after == seconds
