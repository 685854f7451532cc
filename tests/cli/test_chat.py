import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from botkit import (
    App,
    Bot,
    BusinessMessages,
    Button,
    ButtonPressed,
    Context,
    ConversationStarted,
    Flow,
    MessageReceived,
    Router,
    Telegram,
    Trigger,
)
from botkit.redaction import Secret
from botkit.settings import Settings
from tests.cli.conftest import Outcome, Run, served
from tests.conftest import Servers
from tests.process_logs import logs_kept


class Parcel(Flow):
    states = ("idle", "day", "booked")
    ask = Trigger("*", "day")
    book = Trigger("day", "booked")


router = Router(Parcel)


@router.started()
async def started(event: ConversationStarted, ctx: Context[Parcel]) -> None:
    ctx.reply(f"Hello {event.context}!")


@router.text("track")
async def track(event: MessageReceived, ctx: Context[Parcel]) -> None:
    ctx.flow.ask()
    ctx.reply("Which day?", buttons=[Button("Today", "day:today"), Button("Friday", "day:fri")])


@router.button("day:{day}")
async def day(event: ButtonPressed, ctx: Context[Parcel]) -> None:
    ctx.flow.book()
    ctx.reply(f"Booked: {event.label}.")


@router.location()
async def place(event: MessageReceived, ctx: Context[Parcel]) -> None:
    assert event.location
    ctx.reply(f"You are at {event.location.latitude:g}, {event.location.longitude:g}.")


@router.photo()
async def photo(event: MessageReceived, ctx: Context[Parcel]) -> None:
    ctx.reply(f"A photo: {event.text}")


@router.file()
async def file(event: MessageReceived, ctx: Context[Parcel]) -> None:
    assert event.media
    ctx.reply(f"A file: {event.media.name}")


@router.fallback()
async def fallback(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    ctx.reply(f"You said: {getattr(event, 'text', '')}")


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """What a service sets up for its process, the tests' process has back afterwards."""
    with logs_kept():
        yield


@pytest.fixture(scope="module")
def settings(servers: Servers, quiet: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        folder=tmp_path_factory.mktemp("botkit"),
        redis_url=Secret(servers.any_url()),
        key_prefix=f"chat{uuid4().hex[:8]}",
        log="error",
        shutdown_seconds=0,
    )


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[str]:
    """The address of a service whose two accounts are simulated."""
    bot = Bot("parcel", routers=[router], accounts=[Telegram(), BusinessMessages()])
    with served(App([bot], settings=settings)) as url:
        yield url


@pytest.fixture
def telegram(run: Run, service: str) -> Run:
    """Chats on Telegram as somebody who never did before."""

    def chat(*args: str, typed: str = "") -> Outcome:
        person = f"Olena{uuid4().hex[:6]}"
        return run("chat", "--url", service, "--channel", "telegram", "--person", person, *args, typed=typed)

    return chat


def lines(outcome: Outcome) -> list[str]:
    return [line.strip() for line in outcome.out.splitlines()]


def test_what_a_person_does_is_done_in_the_order_written_among_different_options(telegram: Run) -> None:
    done = telegram("--say", "track", "--tap", "Today", "--say", "track", "--tap", "Friday", "--say", "bye", "--json")
    steps = json.loads(done.out)["steps"]
    assert [(step["verb"], step["text"]) for step in steps] == [
        ("says", "track"),
        ("taps", "Today"),
        ("says", "track"),
        ("taps", "Friday"),
        ("says", "bye"),
    ]


def test_every_step_tells_the_new_bubbles_and_the_states(telegram: Run) -> None:
    document = json.loads(telegram("--say", "track", "--tap", "Friday", "--json").out)
    assert (document["bot"], document["channel"]) == ("parcel", "telegram")
    asked, booked = document["steps"]
    assert [bubble["text"] for bubble in asked["bubbles"]] == ["track", "Which day?"]
    assert [row[0]["label"] for row in asked["bubbles"][1]["choices"]] == ["Today", "Friday"]
    assert asked["states"] == {"Parcel": "day"}
    assert [bubble["text"] for bubble in booked["bubbles"]] == ["Booked: Friday."]
    assert booked["states"] == {"Parcel": "booked"}


def test_what_was_on_the_screen_before_is_not_new(run: Run, service: str) -> None:
    talk = ("chat", "--url", service, "--channel", "telegram", "--person", "Taras", "--json")
    run(*talk, "--say", "one")
    (step,) = json.loads(run(*talk, "--say", "two").out)["steps"]
    assert [bubble["text"] for bubble in step["bubbles"]] == ["two", "You said: two"]


def test_the_transcript_shows_bubbles_numbered_buttons_and_moves(telegram: Run) -> None:
    done = telegram("--say", "track", "--tap", "Friday")
    assert done.code == 0
    shown = lines(done)
    assert shown[1:5] == ["parcel  Which day?", "[1] Today", "[2] Friday", "idle > day"]
    assert shown[6:] == ["parcel  Booked: Friday.", "day > booked"]


def test_a_deep_link_photo_file_and_place_reach_the_bot(telegram: Run) -> None:
    done = telegram(
        *("--open", "--context", "promo", "--photo", "cat", "--file", "a.pdf", "--location", "46.05,-14.5", "--leave")
    )
    answers = [line.removeprefix("parcel  ") for line in lines(done) if line.startswith("parcel")]
    assert answers == ["Hello promo!", "A photo: cat", "A file: a.pdf", "You are at 46.05, -14.5."]
    assert "(leaves)" in done.out


def test_a_button_that_is_not_on_the_screen_fails_with_those_that_are(telegram: Run) -> None:
    done = telegram("--say", "track", "--tap", "Sunday", "--say", "never")
    assert done.code == 1
    assert "taps 'Sunday': " in done.err
    assert "Today, Friday" in done.err
    assert "never" not in done.out


def test_a_place_that_is_none_is_misuse(telegram: Run) -> None:
    done = telegram("--location", "91,0")
    assert done.code == 2
    assert "a latitude from -90 to 90" in done.err


def test_opening_shows_nothing_where_the_service_tells_nobody(run: Run, service: str) -> None:
    done = run("chat", "--url", service, "--channel", "gbm", "--person", "Ivan", "--open", "--json")
    assert done.code == 0
    assert json.loads(done.out)["steps"] == [{"verb": "opens", "text": "", "bubbles": [], "states": {"Parcel": "idle"}}]


def test_json_needs_something_to_do(telegram: Run) -> None:
    assert telegram("--json").code == 2


# --- by hand ---


def test_a_number_that_is_typed_presses_the_button_shown_with_it(telegram: Run) -> None:
    done = telegram(typed="track\n2\n")
    assert done.code == 0
    assert "Booked: Friday." in done.out


def test_a_number_is_a_text_once_its_buttons_are_answered(telegram: Run) -> None:
    assert "You said: 2" in telegram(typed="track\n2\n2\n").out


def test_what_cannot_be_done_is_told_and_the_talk_goes_on(telegram: Run) -> None:
    done = telegram(typed="/tap Sunday\n/location here\nhello\n")
    assert done.code == 0
    assert "'Sunday'" in done.out
    assert "a place is" in done.out
    assert "You said: hello" in done.out


def test_quit_ends_the_talk(telegram: Run) -> None:
    done = telegram(typed="/quit\nhello\n")
    assert done.code == 0
    assert "hello" not in done.out


def test_state_prints_the_states(telegram: Run) -> None:
    assert "Parcel: day" in telegram(typed="track\n/state\n").out


# --- whom to talk to ---


def test_several_accounts_are_listed_for_a_choice(run: Run, service: str) -> None:
    done = run("chat", "--url", service, "--say", "hi")
    assert done.code == 2
    assert "parcel on telegram (parcel-telegram), parcel on gbm (parcel-gbm)" in done.err


def test_an_account_that_is_not_simulated_there_fails_with_those_that_are(run: Run, service: str) -> None:
    done = run("chat", "--url", service, "--bot", "taxi", "--channel", "viber", "--say", "hi")
    assert done.code == 1
    assert "bot 'taxi', channel 'viber'" in done.err
    assert "parcel on telegram (parcel-telegram), parcel on gbm (parcel-gbm)" in done.err


def test_a_service_whose_accounts_are_all_real_cannot_be_chatted_with(run: Run, settings: Settings) -> None:
    account = Telegram("123456789:" + "A" * 35, "secret", api_url="http://127.0.0.1:9")
    bot = Bot("real", routers=[Router()], accounts=[account])
    with served(App([bot], settings=settings)) as url:
        done = run("chat", "--url", url, "--say", "hi")
    assert done.code == 1
    assert "all have credentials" in done.err


def test_a_service_that_is_not_running_fails_with_how_to_start_it(run: Run, closed_port: int) -> None:
    done = run("chat", "--url", f"http://127.0.0.1:{closed_port}", "--say", "hi")
    assert done.code == 1
    assert f"nothing answers at http://127.0.0.1:{closed_port}" in done.err
    assert "botkit run" in done.err


def test_the_address_is_that_of_the_settings(run: Run, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("BOTKIT_PORT", str(closed_port))
    assert f"nothing answers at http://127.0.0.1:{closed_port}" in run("chat", "--say", "hi").err


def test_another_server_at_the_address_is_told_from_botkit(run: Run) -> None:
    with served(Starlette()) as url:
        done = run("chat", "--url", url, "--say", "hi")
    assert done.code == 1
    assert "no botkit that can be talked to (HTTP 404)" in done.err
