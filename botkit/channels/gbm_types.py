"""What Business Messages puts on the wire, as far as botkit reads it; everything else stays in `Event.raw`."""

from msgspec import Raw, Struct


class _Wire(Struct, frozen=True, rename="camel"):
    pass


class UserInfo(_Wire, frozen=True):
    """What Google tells of a person."""

    display_name: str | None = None
    user_device_locale: str | None = None


class UserContext(_Wire, frozen=True):
    """Where the person came from and what they speak."""

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
    """What an answer to a survey is known by."""

    survey: str | None = None
    survey_question_id: str | None = None
    create_time: str | None = None


class UserMessage(_Wire, frozen=True):
    """The envelope: exactly one of the members from `message` on is there."""

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


#: The members of the envelope that say nothing of what happened.
ENVELOPE = frozenset(
    {"agent", "conversationId", "customAgentId", "requestId", "context", "sendTime", "dialogflowResponse"}
)


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
