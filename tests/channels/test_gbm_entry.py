import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from botkit.channels import gbm
from botkit.conversation import Account, Conversation
from botkit.events import Event, MessageReceived
from botkit.webhook import WebhookRequest

PAYLOADS = Path(__file__).parent / "payloads" / "gbm"


def load(name: str) -> Event:
    recorded = json.loads((PAYLOADS / f"{name}.json").read_text())
    return gbm.BusinessMessages(ta="demo").parse(WebhookRequest({}, {}, recorded["body"].encode()))[0]


def event(raw: Any, channel: str = "gbm") -> Event:
    conversation = Conversation(Account(channel, "demo"), "c")
    return MessageReceived(
        id="i", at=datetime.now(UTC), conversation=conversation, raw_json=Raw(json.dumps(raw).encode())
    )


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (
            "text",
            gbm.Entry("PLACESHEET", "ChIJexamplePlace0001", resolved_locale="en", device_locale="en-GB"),
        ),
        (
            "context_of_a_widget",
            gbm.Entry(
                entry_point="WEB_WIDGET",
                near_place_id="ChIJexamplePlace0002",
                custom_context="spring-sale",
                widget_url="https://shop.example/shirts",
                widget_context="cart=3",
                resolved_locale="sl",
                device_locale="en-GB",
            ),
        ),
        ("context_of_a_link", gbm.Entry("URL", custom_context="from-the-letter", device_locale="de-AT")),
        ("context_unknown_entry_point", gbm.Entry("HOLOGRAM", "ChIJexamplePlace0001")),
        ("context_on_typing", gbm.Entry("MAPS", "ChIJexamplePlace0001", resolved_locale="en", device_locale="en-GB")),
        ("tap_from_maps", gbm.Entry("MAPS", resolved_locale="en")),
        (
            "wrapped_in_data",
            gbm.Entry("PLACESHEET", "ChIJexamplePlace0001", resolved_locale="en", device_locale="en-GB"),
        ),
        ("text_null_members", gbm.Entry()),
        ("receipts", gbm.Entry()),
        ("context_of_another_form", gbm.Entry()),
    ],
)
def test_an_event_tells_where_the_person_came_from(name: str, entry: gbm.Entry) -> None:
    assert gbm.entry_of(load(name)) == entry


def test_another_channels_payload_is_never_taken_for_a_context() -> None:
    raw = {"context": {"entryPoint": "MAPS"}, "dialogflowResponse": {"autoResponded": True}}
    assert gbm.entry_of(event(raw)).entry_point == "MAPS"
    assert gbm.entry_of(event(raw, "viber")) == gbm.Entry()
    assert gbm.is_unanswered(event(raw, "viber"))


def test_an_automatic_reply_has_its_answers() -> None:
    assert gbm.auto_reply_of(load("text_dialogflow_not_sent")) == gbm.AutoReply(
        is_sent=False,
        answers=(gbm.FaqAnswer("Opening hours?", "From nine.", 0.31, "LOW"), gbm.FaqAnswer("Sundays?", "Closed.")),
    )
    assert gbm.auto_reply_of(load("text_dialogflow")).is_sent


@pytest.mark.parametrize(
    ("name", "is_unanswered"),
    [
        ("text", True),
        ("text_dialogflow", False),
        ("text_dialogflow_not_sent", True),
        ("text_dialogflow_of_another_form", True),
    ],
)
def test_what_google_has_answered_is_told_apart(name: str, is_unanswered: bool) -> None:
    assert gbm.is_unanswered(load(name)) is is_unanswered


PARTS = st.none() | st.text(max_size=5) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(["entryPoint", "widget", "url", "userInfo", "autoResponded", "faqResponse", "answers"])


@settings(deadline=None)
@given(st.recursive(PARTS, lambda part: st.dictionaries(NAMES, part, max_size=3), max_leaves=5))
def test_no_context_of_any_form_is_an_error(part: Any) -> None:
    for raw in ({"context": part, "dialogflowResponse": part}, {"context": {"widget": part, "placeId": part}}, part):
        assert isinstance(gbm.entry_of(event(raw)), gbm.Entry)
        assert isinstance(gbm.auto_reply_of(event(raw)), gbm.AutoReply)
