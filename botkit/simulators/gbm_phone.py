"""The phone of somebody who talks to a Business Messages agent: the conversation, and what its screen shows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from botkit.formatting import parse
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, Person

#: How many lines and ids a conversation remembers.
MEMORY = 1000

OfferKind = Literal["reply", "action", "agent", "login"]


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
        if self.kind == "reply":
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

    def bubbles(self) -> list[Bubble]:
        """Returns what the screen shows, oldest first."""
        bubbles = [self._bubble(line) for line in self.lines]
        return [*bubbles, Bubble("bot", "typing")] if self.is_bot_typing else bubbles

    def _bubble(self, line: Line) -> Bubble:
        rows = [[offer.choice] for offer in line.buttons]
        if line.chips and line is self.lines[-1]:
            rows.append([offer.choice for offer in line.chips])
        return Bubble(line.side, line.kind, line.text, line.source, rows)

    def find(self, label: str) -> tuple[Line, Offer]:
        """Returns the newest visible suggestion with the label, postback or address. Raises NotOnScreenError."""
        visible = list(self._visible())
        for line, offer in visible:
            if label in (offer.label, offer.postback, offer.url):
                return line, offer
        offered = ", ".join(offer.label for _, offer in visible) or "nothing to tap"
        raise NotOnScreenError(f"there is no {label!r} on the screen of {self.person.name}, but {offered}")

    def _visible(self) -> Iterator[tuple[Line, Offer]]:
        for line in reversed(self.lines):
            chips = line.chips if line is self.lines[-1] else []
            for offer in (*chips, *line.buttons):
                yield line, offer


def features(body: Mapping[str, Any]) -> list[str]:
    """Returns what a device must be able to do for a message."""
    return [name for name in ("suggestions", "richCard", "image") if body.get(name)]


def _lines(body: Mapping[str, Any]) -> Iterator[Line]:
    if "text" in body:
        yield Line("bot", "text", parse(body["text"]).text if body.get("containsRichText") else body["text"])
    elif "image" in body:
        yield Line("bot", "image", source=body["image"]["contentInfo"]["fileUrl"])
    else:
        for content in _contents(body["richCard"]):
            text = "\n".join(content[name] for name in ("title", "description") if content.get(name))
            source = content["media"]["contentInfo"]["fileUrl"] if "media" in content else ""
            yield Line("bot", "card", text, source, buttons=_offers(content.get("suggestions", [])))


def _contents(card: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if "standaloneCard" in card:
        return [card["standaloneCard"]["cardContent"]]
    contents: Sequence[Mapping[str, Any]] = card["carouselCard"]["cardContents"]
    return contents


def _offers(suggestions: Sequence[Mapping[str, Any]]) -> list[Offer]:
    return [_offer(suggestion) for suggestion in suggestions]


def _offer(suggestion: Mapping[str, Any]) -> Offer:
    if "liveAgentRequest" in suggestion:
        return Offer("agent", "Message a live agent")
    if "authenticationRequest" in suggestion:
        return Offer("login", "Sign in")
    if "reply" in suggestion:
        return Offer("reply", suggestion["reply"]["text"], suggestion["reply"]["postbackData"])
    action = suggestion["action"]
    url = action["openUrlAction"]["url"] if "openUrlAction" in action else f"tel:{action['dialAction']['phoneNumber']}"
    return Offer("action", action["text"], action["postbackData"], url)
