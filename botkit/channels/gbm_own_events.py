"""What happens on Business Messages only: events of its own, beside those that every channel has."""

from botkit.events import Event


class _PersonAct(Event, frozen=True, kw_only=True, omit_defaults=True):
    @property
    def is_from_user(self) -> bool:
        return True


class SurveyAnswered(_PersonAct, frozen=True, kw_only=True, omit_defaults=True, tag="gbm.survey_answered"):
    """Somebody answered one question of a survey, of ours or of one that Google sent by itself (`source`).

    `rating`, `question_type` and `source` are Google's words, such as `VERY_SATISFIED`, `GOOGLE_STANDARD_QUESTION` and
    `PARTNER`. `index` is the question's place among `total`, as Google counts; None where it was not told.
    """

    survey_id: str = ""
    question_id: str = ""
    rating: str = ""
    text: str = ""
    postback: str = ""
    question_type: str = ""
    index: int | None = None
    total: int | None = None
    source: str = ""
    feedback: str = ""


class SignedIn(_PersonAct, frozen=True, kw_only=True, omit_defaults=True, tag="gbm.signed_in"):
    """Somebody signed in where a message of ours asked for it.

    The `code` is to be traded for a token, with the verifier of the request's challenge and the `redirect_uri`.
    """

    code: str
    redirect_uri: str = ""


class SignInFailed(_PersonAct, frozen=True, kw_only=True, omit_defaults=True, tag="gbm.sign_in_failed"):
    """Somebody did not sign in: `error` is the service's word, `description` its explanation."""

    error: str = ""
    description: str = ""
    redirect_uri: str = ""


class FeedbackGiven(_PersonAct, frozen=True, kw_only=True, omit_defaults=True, tag="gbm.feedback_given"):
    """Somebody rated a message of ours; `rating` is Google's word."""

    message_id: str = ""
    rating: str = ""
