from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.channels import gbm
from botkit.simulators.gbm_surveys import STANDARD, Option, Question, QuestionType, check_questions
from botkit.simulators.simulator import NotOnScreenError
from tests.simulators.gbm_rig import ANA, BOB, TEXT, Rig, error, open_rig, reply

YES = (Option("Yes", "yes"), Option("No", "no"))
AGAIN = Question("again", "Would you come again?", YES)
SOLVED = Question("solved", "Is it solved?", YES, "GOOGLE_TEMPLATE_QUESTION")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as rig:
        yield rig


async def send(rig: Rig, survey_id: str = "s-1") -> tuple[int, Any]:
    response = await rig.post({}, "surveys", surveyId=survey_id)
    return response.status_code, response.json()


def answers(rig: Rig) -> list[gbm.SurveyAnswered]:
    return [event for event in rig.events() if isinstance(event, gbm.SurveyAnswered)]


async def test_a_survey_is_shown_with_its_answers_and_named(rig: Rig) -> None:
    assert await send(rig) == (200, {"name": f"conversations/{rig.talk}/surveys/s-1"})
    shown = rig.simulator.screen("demo", ANA)[-1]
    assert (shown.side, shown.kind, shown.text) == ("service", "survey", STANDARD.text)
    assert [row[0].label for row in shown.choices] == [option.label for option in STANDARD.options]


async def test_an_empty_body_starts_a_survey_and_one_with_members_does_not(rig: Rig) -> None:
    url = f"/v1/conversations/{rig.talk}/surveys"
    assert (await rig.api.post(url, params={"surveyId": "s"}, json={"questions": []})).status_code == 400
    assert (await rig.api.post(url, params={"surveyId": "s"}, content=b"[]")).status_code == 400
    assert (await rig.api.post(url)).status_code == 400
    assert (await rig.api.post(url, params={"surveyId": "s"})).status_code == 200


async def test_an_answer_is_told_as_the_service_tells_it(rig: Rig) -> None:
    await send(rig)
    await rig.simulator.answers_survey("demo", ANA, "Very satisfied")
    (event,) = answers(rig)
    assert (event.survey_id, event.question_id, event.rating) == ("s-1", STANDARD.id, "VERY_SATISFIED")
    assert (event.text, event.postback, event.index, event.total) == ("Very satisfied", "5", 1, 1)
    assert (event.question_type, event.source) == ("GOOGLE_STANDARD_QUESTION", "PARTNER")
    assert {"requestId", "context"}.isdisjoint(event.raw)


async def test_questions_come_one_after_the_other_each_with_its_own_payload(rig: Rig) -> None:
    rig.simulator.questions = [STANDARD, SOLVED, AGAIN]
    rig.simulator.first_index = 0
    await send(rig)
    await rig.simulator.answers_survey("demo", ANA, "VERY_DISSATISFIED")
    await rig.simulator.taps("demo", ANA, "No")
    await rig.simulator.answers_survey("demo", ANA, "yes")
    got = answers(rig)
    assert [(event.question_id, event.postback, event.index, event.total) for event in got] == [
        (STANDARD.id, "1", 0, 3),
        ("solved", "no", 1, 3),
        ("again", "yes", 2, 3),
    ]
    assert [event.rating for event in got] == ["VERY_DISSATISFIED", "", ""]
    assert len({event.id for event in got}) == 3
    assert rig.choices() == []
    with pytest.raises(NotOnScreenError, match="no survey"):
        await rig.simulator.answers_survey("demo", ANA, "yes")


async def test_an_answer_that_is_not_offered_is_told_with_those_that_are(rig: Rig) -> None:
    await send(rig)
    with pytest.raises(NotOnScreenError, match="'Great', but Very satisfied, Somewhat"):
        await rig.simulator.answers_survey("demo", ANA, "Great")


async def test_a_second_survey_within_a_day_is_an_error_or_ignored(rig: Rig) -> None:
    await send(rig)
    rig.clock.advance(hours=24, seconds=-5)
    rig.authorize()
    refused = (429, error(429, "RESOURCE_EXHAUSTED", "A survey was sent in the last 24 hours."))
    assert await send(rig, "s-2") == refused
    rig.simulator.repeated_surveys = "ignored"
    assert (await send(rig, "s-2"))[0] == 200
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)].count("survey") == 1
    rig.clock.advance(seconds=6)
    assert (await send(rig, "s-2"))[0] == 200
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)].count("survey") == 2


async def test_a_used_survey_id_is_an_error_or_ignored(rig: Rig) -> None:
    await send(rig)
    rig.clock.advance(hours=25)
    rig.authorize()
    assert (await send(rig))[0] == 409
    rig.simulator.duplicates = "ignored"
    assert (await send(rig))[0] == 200
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)].count("survey") == 1


async def test_a_device_without_surveys_is_refused(rig: Rig) -> None:
    rig.simulator.limit_device("demo", ANA, "surveys")
    status, body = await send(rig)
    assert (status, body["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert not rig.simulator.sends_survey("demo", ANA)


async def test_a_message_of_the_person_ends_the_survey_and_one_of_the_bot_does_not(rig: Rig) -> None:
    await send(rig)
    await rig.post(TEXT)
    await rig.simulator.types("demo", ANA)
    assert len(rig.choices()) == 5
    await rig.simulator.says("demo", ANA, "something else")
    assert rig.choices() == []
    assert rig.texts() == ["something else"]
    with pytest.raises(NotOnScreenError):
        await rig.simulator.answers_survey("demo", ANA, "VERY_SATISFIED")


async def test_a_tapped_reply_ends_the_survey(rig: Rig) -> None:
    await send(rig)
    await rig.post(TEXT | {"suggestions": [reply("Hours", "h")]})
    await rig.simulator.taps("demo", ANA, "Hours")
    assert rig.choices() == []


async def test_a_survey_that_nobody_answers_is_over_after_seven_days(rig: Rig) -> None:
    await send(rig)
    rig.clock.advance(days=7, seconds=-5)
    assert len(rig.choices()) == 5
    rig.clock.advance(seconds=6)
    assert rig.choices() == []
    with pytest.raises(NotOnScreenError):
        await rig.simulator.answers_survey("demo", ANA, "VERY_SATISFIED")


async def test_google_sends_surveys_of_its_own_unless_there_was_one(rig: Rig) -> None:
    assert rig.simulator.sends_survey("demo", ANA)
    assert not rig.simulator.sends_survey("demo", ANA)
    assert (await send(rig))[0] == 429
    await rig.simulator.answers_survey("demo", ANA, "SOMEWHAT_SATISFIED")
    (event,) = answers(rig)
    assert (event.source, event.rating) == ("GOOGLE", "SOMEWHAT_SATISFIED")
    assert rig.simulator.sends_survey("demo", BOB)


@pytest.mark.parametrize(
    ("kind", "most"),
    [("GOOGLE_STANDARD_QUESTION", 1), ("GOOGLE_TEMPLATE_QUESTION", 2), ("PARTNER_CUSTOM_QUESTION", 2)],
)
def test_a_survey_takes_so_many_questions_of_a_type_and_no_more(kind: QuestionType, most: int) -> None:
    question = Question("q", "?", YES, kind)
    check_questions([question] * most)
    with pytest.raises(ValueError, match=f"at most {most} of {kind}, this one has {most + 1}"):
        check_questions([question] * (most + 1))


def test_a_survey_of_nothing_is_refused_where_it_is_set(rig: Rig) -> None:
    for nothing in ([], [Question("q", "?", ())]):
        with pytest.raises(ValueError, match="needs a question"):
            rig.simulator.questions = nothing
    assert rig.simulator.questions == (STANDARD,)
