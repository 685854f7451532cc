"""One module of handlers and one script: the same conversation on every service, as `docs/same-conversation.md` shows.

Where a service has no button for something, the person does what its screen says instead.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages import Catalog

from botkit import Bot, BusinessMessages, Languages, Telegram, Viber
from botkit.cli.catalogues import compiled
from botkit.record import Flows
from botkit.simulators.simulator import Bubble, Person, phone_number
from botkit.simulators.viber import ViberSimulator
from botkit.testing import BotTester, Visitor
from tests.generated import ROOT, is_up_to_date
from tests.journeys.bakery import MORNING, Order, router

PAGE = ROOT / "docs" / "same-conversation.md"
CHANNELS = {"telegram": "Telegram", "viber": "Viber", "gbm": "Business Messages"}
SLOVENE = {
    "Thank you! Pay at the shop within half an hour.": "Hvala! Plačajte v trgovini v pol ure.",
    "Nobody paid for the {cake} cake: the order is given up.": "Torte ({cake}) ni plačal nihče: naročilo odpade.",
}
PHONE = phone_number(Person("Olena"))
#: What every service's guest said, as the handlers heard it.
HEARD = (
    *("order", "cake Walnut", "box tin", "place 46.05, 14.5", f"phone {PHONE.removeprefix('+')}", f"day {MORNING}"),
    *("agent", "agreed", "photo", "slovene", "forgotten"),
)


class Act(NamedTuple):
    """Something that a person does, and how a page calls it."""

    told: str
    done: Callable[[BotTester, Visitor], Awaitable[None]]


class Step(NamedTuple):
    """One thing that a person means, how they do it on each service, and the state that it leads to."""

    meant: str
    acts: Mapping[str, Act]
    state: str


class Seen(NamedTuple):
    """What one step came to on one service."""

    told: str
    bubbles: Sequence[Bubble]
    state: str


def says(text: str) -> Act:
    return Act(f"writes “{text}”", lambda tester, visitor: visitor.says(text))


def taps(label: str) -> Act:
    return Act(f"taps [{label}]", lambda tester, visitor: visitor.taps(label))


async def picks(tester: BotTester, visitor: Visitor) -> None:
    ta, label = visitor.account.ta, "Send my place"
    await viber_of(tester).picks_location(ta, visitor.person, 46.05, 14.5, label=label)
    await tester.settle()


def viber_of(tester: BotTester) -> ViberSimulator:
    simulator = tester.simulator("viber")
    assert isinstance(simulator, ViberSimulator)
    return simulator


def sends_photo() -> Act:
    return Act("sends a photo", lambda tester, visitor: visitor.sends_photo())


def waits() -> Act:
    return Act("does nothing for 31 minutes", lambda tester, visitor: tester.advance(minutes=31))


def everywhere(act: Act, **others: Act) -> Mapping[str, Act]:
    return {channel: others.get(channel, act) for channel in CHANNELS}


SCRIPT = (
    Step("begins", everywhere(says("/order")), "cake"),
    Step("picks the last of fifteen cakes", everywhere(taps("Walnut"), gbm=says("15")), "box"),
    Step("picks a card of a carousel", everywhere(taps("Tin")), "place"),
    Step(
        "sends a place",
        everywhere(taps("Send my place"), viber=Act("taps [Send my place]", picks), gbm=says("46.05, 14.5")),
        "phone",
    ),
    Step(
        "shares a number",
        everywhere(taps("Share my number"), gbm=says(PHONE)),
        "day",
    ),
    Step("picks a day with a long label", everywhere(taps("Tomorrow, between nine and noon"), gbm=says("1")), "terms"),
    Step("asks for a person", everywhere(taps("Talk to a person"), gbm=taps("Message a live agent")), "terms"),
    Step("agrees", everywhere(taps("I agree"), viber=says("i agree"), gbm=says("I agree")), "photo"),
    Step("sends a photo", everywhere(sends_photo()), "payment"),
    Step("changes the language", everywhere(says("Po slovensko")), "payment"),
    Step("is silent", everywhere(waits()), "idle"),
)


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    catalogue = Catalog("sl", charset="utf-8", fuzzy=False)
    for text, translation in SLOVENE.items():
        catalogue.add(text, translation)
    folder = tmp_path_factory.mktemp("locales")
    path = folder / "sl" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(compiled(catalogue))
    return Languages(folder)


@pytest.fixture
async def bakery(languages: Languages, botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[BotTester]:
    accounts = [Telegram(ta="bakery-telegram"), Viber(ta="bakery-viber"), BusinessMessages(ta="bakery-gbm")]
    bot = Bot("bakery", routers=[router], accounts=accounts, languages=languages)
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        yield tester


async def plays(tester: BotTester, channel: str) -> tuple[list[Seen], tuple[str, ...]]:
    """Returns what each step of the script came to, and what the handlers heard."""
    olena = tester.user("Olena", channel=channel)
    seen: list[Seen] = []
    for step in SCRIPT:
        before = len(olena.screen)
        await step.acts[channel].done(tester, olena)
        seen.append(Seen(step.acts[channel].told, olena.screen[before:], olena.state))
    record = await tester.store.load(olena.conversation.key)
    return seen, Flows(record.state).get(Order).heard


@pytest.mark.parametrize("channel", CHANNELS)
async def test_every_service_leads_through_the_same_states(bakery: BotTester, channel: str) -> None:
    seen, _ = await plays(bakery, channel)
    assert [step.state for step in seen] == [step.state for step in SCRIPT]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_on_every_service_the_handlers_hear_the_same(bakery: BotTester, channel: str) -> None:
    _, heard = await plays(bakery, channel)
    assert heard == HEARD


async def test_the_page_shows_what_each_service_showed(bakery: BotTester, request: pytest.FixtureRequest) -> None:
    seen = {channel: (await plays(bakery, channel))[0] for channel in CHANNELS}
    assert is_up_to_date(PAGE, "transcript", table(seen), request.config)


# --- the page ---


def table(seen: Mapping[str, Sequence[Seen]]) -> str:
    lines = [f"| Olena | {' | '.join(CHANNELS.values())} |", "|---" * (len(CHANNELS) + 1) + "|"]
    for number, step in enumerate(SCRIPT):
        cells = [cell(seen[channel][number]) for channel in CHANNELS]
        lines.append(f"| **{step.meant}**<br>`{step.state}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(seen: Seen) -> str:
    bubbles = [shown(bubble) for bubble in seen.bubbles if bubble.side == "bot"]
    return "<br><br>".join([f"*{escaped(seen.told)}*", *bubbles])


def shown(bubble: Bubble) -> str:
    kind = "" if bubble.kind == "text" else f"({bubble.kind.replace('_', ' ')}) "
    rows = [" ".join(f"`[{choice.label}]`" for choice in row) for row in bubble.choices]
    return "<br>".join(filter(None, [escaped(kind + shortened(bubble.text)), *rows]))


def shortened(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:60].rstrip()} … ({len(text):,} characters)"


def escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text).replace("\n", "<br>")
