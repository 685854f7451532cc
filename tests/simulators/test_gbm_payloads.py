import json
from base64 import b64decode
from collections.abc import Collection
from typing import Any

import pytest

from botkit.channels.gbm import Entry
from botkit.simulators.gbm_payloads import Oddity, picture_url, write_context, write_payload
from botkit.simulators.simulator import Person

Json = dict[str, Any]


def written(payload: Json, *oddities: Oddity) -> Any:
    return json.loads(write_payload(payload, oddities))


@pytest.mark.parametrize(
    ("oddity", "payload", "odd"),
    [
        ("string_booleans", {"userStatus": {"isTyping": True}}, {"userStatus": {"isTyping": "true"}}),
        (
            "string_booleans",
            {"userStatus": {"requestedLiveAgent": False, "createTime": "t"}},
            {"userStatus": {"requestedLiveAgent": "false", "createTime": "t"}},
        ),
        (
            "short_type",
            {"suggestionResponse": {"text": "a", "suggestionType": "REPLY"}},
            {"suggestionResponse": {"text": "a", "type": "REPLY"}},
        ),
        (
            "underscored_redirect",
            {"authenticationResponse": {"redirectUri": "u"}},
            {"authenticationResponse": {"redirect_uri": "u"}},
        ),
        ("no_context", {"context": {"entryPoint": "MAPS"}, "sendTime": "t"}, {"sendTime": "t"}),
        ("no_request_id", {"requestId": "r", "sendTime": "t"}, {"sendTime": "t"}),
    ],
)
def test_an_oddity_changes_what_it_names_and_nothing_else(oddity: Oddity, payload: Json, odd: Json) -> None:
    assert written(payload) == payload
    assert written(payload, oddity) == odd
    other = {"message": {"text": "hi"}, "userStatus": "none", "authenticationResponse": {"code": "c"}}
    assert written(other, oddity) == other


def test_unknown_members_stand_before_and_inside_those_that_are_known() -> None:
    got = written({"message": {"text": "hi"}, "requestId": "r"}, "unknown_members")
    assert next(iter(got)) == "futureMember"
    assert got["message"] == {"text": "hi", "futureMember": got["futureMember"]}
    assert got["requestId"] == "r"


def test_a_wrapped_payload_is_base64_in_data() -> None:
    got = written({"conversationId": "c", "requestId": "r"}, "wrapped", "no_request_id")
    assert "conversationId" not in got
    assert json.loads(b64decode(got["message"]["data"])) == {"conversationId": "c"}


def test_an_escaped_payload_is_ascii_with_odd_spacing() -> None:
    payload = {"message": {"text": "haček 🙂"}}
    body = write_payload(payload, ["escaped"])
    assert json.loads(body) == payload
    assert b"ha\\u010dek \\ud83d\\ude42" in body
    assert b" : {\n" in body


@pytest.mark.parametrize("oddities", [[], ["wandering_times"], ["batched_receipts", "early_receipts"]])
def test_oddities_of_deliveries_leave_the_payload_alone(oddities: Collection[Oddity]) -> None:
    assert write_payload({"a": 1}, oddities) == b'{"a":1}'


def test_a_context_has_only_what_is_known() -> None:
    assert write_context(Entry(), Person("Ana", "sl")) == {
        "resolvedLocale": "sl",
        "userInfo": {"displayName": "Ana", "userDeviceLocale": "sl"},
    }
    assert write_context(Entry(place_id="p", widget_url="u"), Person("Ana")) == {
        "placeId": "p",
        "widget": {"url": "u"},
        "resolvedLocale": "en",
        "userInfo": {"displayName": "Ana", "userDeviceLocale": "en"},
    }


def test_no_two_pictures_have_one_address() -> None:
    assert picture_url() != picture_url()
