"""The phone of somebody who talks to a Business Messages agent: the conversation, and what its screen shows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from botkit.channels.gbm import Entry
from botkit.formatting import parse
from botkit.simulators.gbm_files import card_contents
from botkit.simulators.gbm_surveys import LIFE, PERIOD, Option, Question, Survey
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, Person

#: How many lines and ids a conversation remembers.
MEMORY = 1000

OfferKind = Literal["reply", "action", "agent", "login", "answer"]
Ability = Literal["suggestions", "richCard", "image", "surveys"]

#: What the suggestion says that asks somebody to sign in.
SIGN_IN = "Sign in"

#: Where people come from unless they say otherwise.
PLACE = Entry(entry_point="PLACESHEET", place_id="ChIJsimulated")


class Offer(Struct, frozen=True):
    """A suggestion on the screen: its label, what comes back, and the address that an action opens."""

    kind: OfferKind
    label: str
    postback: str = ""
    url: str = ""

    @property
    def choice(self) -> Choice:
        """The suggestion as the contract of simulators has it."""
        if self.kind == "agent":
            return Choice(self.label, "agent")
        if self.kind in ("reply", "answer"):
            return Choice(self.label, "reply", self.postback)
        return Choice(self.label, "link", self.url)


class Line(Struct):
    """One thing on the screen. `chips` vanish with the next message, the `buttons` of a card stay."""

    side: Literal["bot", "person", "service"]
    kind: str
    text: str = ""
    source: str = ""
    message_id: str = ""
    chips: list[Offer] = []
    buttons: list[Offer] = []


class Chat(Struct):
    """A conversation of a person with an agent, as the service keeps it. Instants are epoch seconds."""

    id: str
    ta: str
    person: Person
    is_open: bool = False
    wrote_at: float = 0.0
    context: str = ""
    lacks: list[str] = []
    lines: list[Line] = []
    used: list[str] = []
    received: list[str] = []
    accepted_at: list[float] = []
    is_bot_typing: bool = False
    entry: Entry = PLACE
    opened: list[str] = []
    #: Receipts that nobody was told of yet, as entries of a payload.
    unreported: list[dict[str, str]] = []
    #: Whether a person of the business has joined, and since when somebody waits for one; 0 when nobody does.
    has_person: bool = False
    asked_at: float = 0.0
    survey: Survey | None = None
    surveyed_at: float | None = None

    def remember(self, line: Line) -> None:
        """Puts a line on the screen."""
        self.lines = [*self.lines[1 - MEMORY :], line]

    def use(self, identity: str) -> None:
        """Notes that an id of the agent's is taken."""
        self.used = [*self.used[1 - MEMORY :], identity]

    def show(self, body: Mapping[str, Any], *, as_fallback: bool) -> None:
        """Puts a message of the agent on the screen, or its fallback where the device can show no more."""
        self.is_bot_typing = False
        if as_fallback:
            self.remember(Line("bot", "text", body["fallback"], message_id=body["messageId"]))
            return
        lines = list(_lines(body))
        lines[-1].chips = _offers(body.get("suggestions", []))
        for line in lines:
            line.message_id = body["messageId"]
            self.remember(line)

    def was_surveyed(self, now: float) -> bool:
        """Whether a survey was sent so lately that there is none now."""
        return self.surveyed_at is not None and now - self.surveyed_at < PERIOD

    def ask(self, survey: Survey) -> None:
        """Puts a survey on the screen, in place of an older one."""
        self.end_survey()
        self.survey, self.surveyed_at = survey, survey.sent_at
        self._show_question()

    def answer(self, label: str, now: float) -> tuple[Survey, Question, Option]:
        """Takes an answer to the question on the screen and shows the next; returns the survey as it was.

        Raises NotOnScreenError.
        """
        self.expire(now)
        survey, question = self.survey, self.survey.question if self.survey else None
        if survey is None or question is None:
            raise NotOnScreenError(f"there is no survey on the screen of {self.person.name}")
        option = next((one for one in question.options if label in (one.label, one.postback, one.rating)), None)
        if option is None:
            offered = ", ".join(one.label for one in question.options)
            raise NotOnScreenError(f"the survey on the screen of {self.person.name} has no {label!r}, but {offered}")
        self.end_survey()
        self.remember(Line("person", "text", option.label))
        self.survey = replace(survey, answered=survey.answered + 1)
        self._show_question()
        return survey, question, option

    def _show_question(self) -> None:
        question = self.survey.question if self.survey else None
        if question is None:
            self.survey = None
            return
        buttons = [Offer("answer", option.label, option.postback) for option in question.options]
        self.remember(Line("service", "survey", question.text, buttons=buttons))

    def end_survey(self) -> None:
        """Takes the survey off the screen; its question stays as a text."""
        self.survey = None
        for line in self.lines:
            if line.kind == "survey":
                line.buttons = []

    def expire(self, now: float) -> None:
        """Ends a survey that nobody answered for too long."""
        if self.survey and now - self.survey.sent_at > LIFE:
            self.end_survey()

    def bubbles(self) -> list[Bubble]:
        """Returns what the screen shows, oldest first."""
        bubbles = [self._bubble(line) for line in self.lines]
        return [*bubbles, Bubble("bot", "typing")] if self.is_bot_typing else bubbles

    def _bubble(self, line: Line) -> Bubble:
        rows = [[offer.choice] for offer in line.buttons]
        if line.chips and line is self.lines[-1]:
            rows.append([offer.choice for offer in line.chips])
        return Bubble(line.side, line.kind, line.text, line.source, rows)

    def find(self, label: str, *kinds: OfferKind) -> tuple[Line, Offer]:
        """Returns the newest visible suggestion with the label, postback or address, of one of the kinds if given.

        Raises NotOnScreenError.
        """
        visible = [(line, offer) for line, offer in self.visible() if not kinds or offer.kind in kinds]
        for line, offer in visible:
            if label in (offer.label, offer.postback, offer.url):
                return line, offer
        offered = ", ".join(offer.label for _, offer in visible) or "nothing to tap"
        raise NotOnScreenError(f"there is no {label!r} on the screen of {self.person.name}, but {offered}")

    def visible(self) -> Iterator[tuple[Line, Offer]]:
        """Yields the suggestions that can be pressed, the newest first."""
        for line in reversed(self.lines):
            chips = line.chips if line is self.lines[-1] else []
            for offer in (*chips, *line.buttons):
                yield line, offer


def features(body: Mapping[str, Any]) -> list[str]:
    """Returns what a device must be able to do for a message."""
    needed = {name for name in ("suggestions", "richCard", "image") if body.get(name)}
    if any(card.get("suggestions") for card in card_contents(body)):
        needed.add("suggestions")
    return sorted(needed)


def _lines(body: Mapping[str, Any]) -> Iterator[Line]:
    if "text" in body:
        yield Line("bot", "text", parse(body["text"]).text if body.get("containsRichText") else body["text"])
    elif "image" in body:
        yield Line("bot", "image", source=body["image"]["contentInfo"]["fileUrl"])
    else:
        for content in card_contents(body):
            text = "\n".join(content[name] for name in ("title", "description") if content.get(name))
            source = content["media"]["contentInfo"]["fileUrl"] if "media" in content else ""
            yield Line("bot", "card", text, source, buttons=_offers(content.get("suggestions", [])))


def _offers(suggestions: Sequence[Mapping[str, Any]]) -> list[Offer]:
    return [_offer(suggestion) for suggestion in suggestions]


def _offer(suggestion: Mapping[str, Any]) -> Offer:
    if "liveAgentRequest" in suggestion:
        return Offer("agent", "Message a live agent")
    if "authenticationRequest" in suggestion:
        return Offer("login", SIGN_IN)
    if "reply" in suggestion:
        return Offer("reply", suggestion["reply"]["text"], suggestion["reply"]["postbackData"])
    action = suggestion["action"]
    url = action["openUrlAction"]["url"] if "openUrlAction" in action else f"tel:{action['dialAction']['phoneNumber']}"
    return Offer("action", action["text"], action["postbackData"], url)
