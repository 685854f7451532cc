"""Surveys of the simulated Business Messages: their questions, their rules, and how far somebody has answered."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

#: A conversation has one survey in this many seconds, and a survey nobody answers is over after `LIFE` seconds.
PERIOD = 24 * 3600
LIFE = 7 * 24 * 3600

Source = Literal["GOOGLE", "PARTNER"]
QuestionType = Literal["GOOGLE_STANDARD_QUESTION", "GOOGLE_TEMPLATE_QUESTION", "PARTNER_CUSTOM_QUESTION"]

_MOST: dict[QuestionType, int] = {
    "GOOGLE_STANDARD_QUESTION": 1,
    "GOOGLE_TEMPLATE_QUESTION": 2,
    "PARTNER_CUSTOM_QUESTION": 2,
}


class Option(Struct, frozen=True):
    """One answer that a question offers; only those of the standard question have a rating."""

    label: str
    postback: str = ""
    rating: str = ""


class Question(Struct, frozen=True):
    """A question with the answers it offers."""

    id: str
    text: str
    options: tuple[Option, ...]
    type: QuestionType = "PARTNER_CUSTOM_QUESTION"


#: The question that every survey has.
STANDARD = Question(
    "simulated-standard",
    "How satisfied are you with this conversation?",
    (
        Option("Very satisfied", "5", "VERY_SATISFIED"),
        Option("Somewhat satisfied", "4", "SOMEWHAT_SATISFIED"),
        Option("Neither satisfied nor dissatisfied", "3", "NEITHER_SATISFIED_NOR_DISSATISFIED"),
        Option("Somewhat dissatisfied", "2", "SOMEWHAT_DISSATISFIED"),
        Option("Very dissatisfied", "1", "VERY_DISSATISFIED"),
    ),
    "GOOGLE_STANDARD_QUESTION",
)


class Survey(Struct):
    """A survey on somebody's screen; `answered` counts the questions they are done with."""

    id: str
    source: Source
    sent_at: float
    questions: list[Question]
    answered: int = 0

    @property
    def question(self) -> Question | None:
        """The question that is on the screen now, None after the last."""
        return self.questions[self.answered] if self.answered < len(self.questions) else None

    def response(self, conversation: str, question: Question, option: Option, first_index: int) -> dict[str, Any]:
        """Returns the payload's member for an answer, without its time."""
        rating = {"rating": option.rating} if option.rating else {}
        return rating | {
            "survey": f"conversations/{conversation}/surveys/{self.id}",
            "surveyQuestionId": question.id,
            "questionResponseText": option.label,
            "questionResponsePostbackData": option.postback,
            "questionType": question.type,
            "questionIndex": self.answered + first_index,
            "totalQuestionCount": len(self.questions),
            "surveyTriggerSource": self.source,
        }


def check_questions(questions: Sequence[Question]) -> None:
    """Raises ValueError for what the console does not take: one standard question, two templates, two of one's own."""
    counts = Counter(question.type for question in questions)
    for kind, most in _MOST.items():
        if counts[kind] > most:
            raise ValueError(f"a survey has at most {most} of {kind}, this one has {counts[kind]}")
    if not questions or not all(question.options for question in questions):
        raise ValueError("a survey needs a question, and each question an answer to choose")
