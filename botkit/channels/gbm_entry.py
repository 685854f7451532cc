"""What rides along with an event of Business Messages: where the person came from, and what Google answered them."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from botkit.channels import gbm_types as wire
from botkit.events import Event

T = TypeVar("T", wire.WithContext, wire.WithAnswers)


class Entry(Struct, frozen=True, omit_defaults=True):
    """Where somebody came into the conversation, and the languages of theirs that Google knows.

    `entry_point` is Google's word, such as `MAPS`, `PLACESHEET` or `WEB_WIDGET`. `place_id` is the place that was
    addressed; where only `near_place_id` is there, it is the nearest one. `custom_context` and `widget_context` are
    what our own link and page carry; anybody can make one up. Everything may be empty.
    """

    entry_point: str = ""
    place_id: str = ""
    near_place_id: str = ""
    custom_context: str = ""
    widget_url: str = ""
    widget_context: str = ""
    resolved_locale: str = ""
    device_locale: str = ""


class FaqAnswer(Struct, frozen=True, omit_defaults=True):
    """One answer that Google found: the question it belongs to, and how sure it is, from 0 to 1 and in a word."""

    question: str = ""
    answer: str = ""
    confidence: float = 0.0
    level: str = ""


class AutoReply(Struct, frozen=True, omit_defaults=True):
    """What the agent's own question-and-answer list made of a text; when `is_sent`, the person has the answer."""

    is_sent: bool = False
    answers: tuple[FaqAnswer, ...] = ()


def entry_of(event: Event) -> Entry:
    """Returns where the person of an event came from; empty for what carries no context and for other channels."""
    context = _read(event, wire.WithContext()).context or wire.EntryContext()
    info = context.user_info or wire.UserInfo()
    widget = context.widget or wire.Widget()
    return Entry(
        entry_point=context.entry_point or "",
        place_id=context.place_id or "",
        near_place_id=context.near_place_id or "",
        custom_context=context.custom_context or "",
        widget_url=widget.url or "",
        widget_context=widget.widget_context or "",
        resolved_locale=context.resolved_locale or "",
        device_locale=info.user_device_locale or "",
    )


def auto_reply_of(event: Event) -> AutoReply:
    """Returns what Google's automatic answers say to an event's text; empty where they had no part."""
    response = _read(event, wire.WithAnswers()).dialogflow_response or wire.DialogflowResponse()
    faq = response.faq_response or wire.FaqResponse()
    return AutoReply(wire.is_true(response.auto_responded), tuple(_answer(found) for found in faq.answers))


def is_unanswered(event: Event) -> bool:
    """Whether Google has not answered the event already: the filter for a route that would answer a second time."""
    return not auto_reply_of(event).is_sent


def _answer(found: wire.FoundAnswer) -> FaqAnswer:
    return FaqAnswer(
        question=found.faq_question or "",
        answer=found.faq_answer or "",
        confidence=found.match_confidence or 0.0,
        level=found.match_confidence_level or "",
    )


def _read(event: Event, nothing: T) -> T:
    """Decodes a part of an event's payload; `nothing` where there is none, or one of a form that is not known."""
    if event.channel != "gbm":
        return nothing
    try:
        return msgspec.json.decode(event.raw_json, type=type(nothing))
    except msgspec.ValidationError:
        return nothing
