"""What Business Messages puts on the wire, as far as botkit reads it; everything else stays in `Event.raw`."""

from msgspec import Raw, Struct, field


class _Wire(Struct, frozen=True, rename="camel"):
    pass


class UserInfo(_Wire, frozen=True):
    """What Google tells of a person."""

    display_name: str | None = None
    user_device_locale: str | None = None


class UserContext(_Wire, frozen=True):
    """Who the person is and what they speak."""

    resolved_locale: str | None = None
    user_info: UserInfo | None = None


class UserText(_Wire, frozen=True):
    """A text, or an image as a signed address in place of the text."""

    message_id: str | None = None
    text: str | None = None
    create_time: str | None = None


class SuggestionResponse(_Wire, frozen=True):
    """A tap. The samples call the kind `suggestionType`, the reference `type`."""

    message: str | None = None
    postback_data: str | None = None
    text: str | None = None
    create_time: str | None = None
    suggestion_type: str | None = None
    type: str | None = None


class Receipt(_Wire, frozen=True):
    """What became of one message of ours, known by its resource name."""

    message: str = ""
    receipt_type: str = ""


class Receipts(_Wire, frozen=True):
    """A batch of receipts, each kept as it came."""

    receipts: tuple[Raw, ...] = ()
    create_time: str | None = None


class UserStatus(_Wire, frozen=True):
    """Typing, or the wish for a person. Google's documentation writes the flags as strings too."""

    is_typing: bool | str | None = None
    requested_live_agent: bool | str | None = None
    create_time: str | None = None


class SurveyResponse(_Wire, frozen=True):
    """An answer to one question of a survey. Whole numbers may come as strings, as Google writes 64-bit ones."""

    survey: str | None = None
    survey_question_id: str | None = None
    rating: str | None = None
    feedback: str | None = None
    question_response_text: str | None = None
    question_response_postback_data: str | None = None
    question_type: str | None = None
    question_index: int | str | None = None
    total_question_count: int | str | None = None
    survey_trigger_source: str | None = None
    create_time: str | None = None


class ErrorDetails(_Wire, frozen=True):
    """Why somebody did not sign in; OAuth itself spells the second field with an underscore."""

    error: str | None = None
    error_description: str | None = None
    oauth_description: str | None = field(name="error_description", default=None)


class AuthenticationResponse(_Wire, frozen=True):
    """How a sign-in ended. The reference calls the address `redirectUri`, the samples `redirect_uri`."""

    code: str | None = None
    redirect_uri: str | None = None
    oauth_redirect_uri: str | None = field(name="redirect_uri", default=None)
    error_details: ErrorDetails | None = None
    create_time: str | None = None


class FeedbackResponse(_Wire, frozen=True):
    """What somebody thinks of one message of ours, known by its resource name."""

    message: str | None = None
    rating: str | None = None
    create_time: str | None = None


class UserMessage(_Wire, frozen=True):
    """The envelope: exactly one of the members from `message` on is there.

    The reference has a type for feedback and no name for its member: two are taken.
    """

    conversation_id: str
    agent: str | None = None
    request_id: str | None = None
    send_time: str | None = None
    context: UserContext | None = None
    message: UserText | None = None
    suggestion_response: SuggestionResponse | None = None
    receipts: Receipts | None = None
    user_status: UserStatus | None = None
    survey_response: SurveyResponse | None = None
    authentication_response: AuthenticationResponse | None = None
    feedback_response: FeedbackResponse | None = None
    feedback: FeedbackResponse | None = None


class Widget(_Wire, frozen=True):
    """The page with the widget that the person wrote in."""

    url: str | None = None
    widget_context: str | None = None


class EntryContext(UserContext, frozen=True):
    """The whole context: who the person is, and where they came from."""

    entry_point: str | None = None
    place_id: str | None = None
    near_place_id: str | None = None
    custom_context: str | None = None
    widget: Widget | None = None


class WithContext(_Wire, frozen=True):
    """A payload, of which only the context counts."""

    context: EntryContext | None = None


class FoundAnswer(_Wire, frozen=True):
    """One entry of the agent's question-and-answer list."""

    faq_question: str | None = None
    faq_answer: str | None = None
    match_confidence_level: str | None = None
    match_confidence: float | None = None


class FaqResponse(_Wire, frozen=True):
    """The entries that fit a text."""

    answers: tuple[FoundAnswer, ...] = ()


class DialogflowResponse(_Wire, frozen=True):
    """What Google's automatic answers make of a text."""

    auto_responded: bool | str | None = None
    faq_response: FaqResponse | None = None


class WithAnswers(_Wire, frozen=True):
    """A payload, of which only Google's automatic answers count."""

    dialogflow_response: DialogflowResponse | None = None


def is_true(flag: object) -> bool:
    """Whether a flag is set, be it a boolean or the word for one."""
    return flag is True or (isinstance(flag, str) and flag.lower() == "true")


#: The members of the envelope that say nothing of what happened.
ENVELOPE = frozenset({"agent", "conversationId", "customAgentId", "requestId", "context", "sendTime"})

#: The member that stands beside a text.
AUTO_REPLY = "dialogflowResponse"


class Handshake(_Wire, frozen=True):
    """How Google checks a webhook's address."""

    client_token: str
    secret: str


class Error(_Wire, frozen=True):
    """The inside of Google's error envelope."""

    status: str = ""


class ErrorAnswer(_Wire, frozen=True):
    """Google's error envelope."""

    error: Error
