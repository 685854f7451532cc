import json
from pathlib import Path
from typing import Any, Union

import msgspec
import pytest

from botkit import events
from botkit.channels import gbm
from botkit.context import Context
from botkit.events import AnyEvent, Event, UnknownEvent
from botkit.flow import Flow
from botkit.route_table import RouteTable
from botkit.router import Router
from botkit.webhook import WebhookRequest

TALK = "6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01"
PAYLOADS = Path(__file__).parent / "payloads" / "gbm"
ACCOUNT = gbm.BusinessMessages(ta="demo")
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem != "account")


def parse(**members: Any) -> Event:
    body = {"conversationId": TALK, "sendTime": "2024-03-01T09:00:00Z"} | members
    (event,) = ACCOUNT.parse(WebhookRequest({}, {}, json.dumps(body).encode()))
    return event


def answer(**members: Any) -> gbm.SurveyAnswered:
    event = parse(surveyResponse=members)
    assert isinstance(event, gbm.SurveyAnswered)
    return event


def test_an_answer_to_a_survey_has_its_survey_question_and_words() -> None:
    event = answer(
        survey=f"conversations/{TALK}/surveys/sv-1",
        surveyQuestionId="q-1",
        rating="SOMEWHAT_SATISFIED",
        questionResponseText="Yes",
        questionResponsePostbackData="yes",
        questionType="PARTNER_CUSTOM_QUESTION",
        surveyTriggerSource="PARTNER",
        feedback="Quick.",
    )
    assert (event.survey_id, event.question_id, event.rating) == ("sv-1", "q-1", "SOMEWHAT_SATISFIED")
    assert (event.text, event.postback, event.feedback) == ("Yes", "yes", "Quick.")
    assert (event.question_type, event.source) == ("PARTNER_CUSTOM_QUESTION", "PARTNER")


@pytest.mark.parametrize(
    ("given", "number"),
    [(0, 0), (1, 1), ("3", 3), (999_999_999, 999_999_999), (10**9, None), (-1, None), ("one", None), (None, None)],
)
def test_the_places_of_a_question_are_small_whole_numbers_or_not_told(given: object, number: int | None) -> None:
    event = answer(questionIndex=given, totalQuestionCount=given)
    assert (event.index, event.total) == (number, number)


def test_an_answer_with_nothing_but_itself_is_an_answer() -> None:
    event = answer()
    assert (event.survey_id, event.rating, event.index) == ("", "", None)


@pytest.mark.parametrize("spelling", ["redirectUri", "redirect_uri"])
def test_who_signed_in_brings_a_code_and_the_address_in_either_spelling(spelling: str) -> None:
    event = parse(authenticationResponse={"code": "c-7", spelling: "https://login.example/cb"})
    assert isinstance(event, gbm.SignedIn)
    assert (event.code, event.redirect_uri) == ("c-7", "https://login.example/cb")


@pytest.mark.parametrize("spelling", ["errorDescription", "error_description"])
def test_a_failed_sign_in_tells_the_error_even_beside_a_code(spelling: str) -> None:
    details = {"error": "ACCESS_DENIED", spelling: "no"}
    event = parse(authenticationResponse={"code": "c-7", "errorDetails": details})
    assert isinstance(event, gbm.SignInFailed)
    assert (event.error, event.description) == ("ACCESS_DENIED", "no")


def test_a_sign_in_without_code_and_error_is_unknown() -> None:
    event = parse(authenticationResponse={"redirectUri": "https://login.example/cb"})
    assert isinstance(event, UnknownEvent)
    assert event.kind == "authenticationResponse"


@pytest.mark.parametrize("member", ["feedbackResponse", "feedback"])
def test_feedback_names_our_message_under_either_name(member: str) -> None:
    event = parse(**{member: {"message": f"conversations/{TALK}/messages/m-7", "rating": "GOOD"}})
    assert isinstance(event, gbm.FeedbackGiven)
    assert (event.message_id, event.rating) == ("m-7", "GOOD")


@pytest.mark.parametrize("kind", gbm.BusinessMessages.events)
def test_each_kind_is_recorded_stored_and_an_act_of_the_person(kind: type[Event]) -> None:
    decoder = msgspec.json.Decoder(Union[(AnyEvent, *gbm.BusinessMessages.events)])
    seen: list[Event] = []
    for name in NAMES:
        recorded = json.loads((PAYLOADS / f"{name}.json").read_text())
        seen += ACCOUNT.parse(WebhookRequest({}, {}, recorded["body"].encode()))
    own = [event for event in seen if type(event) is kind]
    assert own
    assert [decoder.decode(events.encode(event)) for event in own] == own
    assert all(event.is_from_user for event in own)


def test_a_route_can_be_made_for_each_kind() -> None:
    router = Router()

    @router.on(gbm.SurveyAnswered)
    async def thank(event: gbm.SurveyAnswered, ctx: Context[Flow]) -> None:
        ctx.reply(f"Thank you for {event.rating}.")

    assert [route.events for route in RouteTable([router]).routes] == [(gbm.SurveyAnswered,)]
