"""In whose language a handler speaks, wherever it runs, and what is remembered of it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from babel.messages import Catalog
from hypothesis import given
from hypothesis import strategies as st

from botkit.bot import Bot
from botkit.cli.catalogues import compiled
from botkit.context import Context
from botkit.conversation import User
from botkit.events import Event, MessageDelivered, MessageReceived, TimerFired
from botkit.exceptions import DefinitionError
from botkit.flow import Flow
from botkit.languages import Languages, Speech, _, language_tag, ngettext, pgettext, speaking
from botkit.record import Flows
from botkit.router import CallNext, Router
from tests.desk import Desk, Process, reported, says, where

HELLO = {"en": "Hello", "sl": "Pozdravljeni", "uk": "Вітаю"}


def write(folder: Path, locale: str, texts: Mapping[str, str] | None = None) -> Path:
    catalogue = Catalog(locale, charset="utf-8", fuzzy=False)
    for text, translation in (texts or {"Hello": f"Hello in {locale}"}).items():
        catalogue.add(text, translation)
    catalogue.add(("{n} parcel", "{n} parcels"), tuple(f"{{n}} {form}" for form in range(catalogue.num_plurals)))
    catalogue.add("May", "maj", context="month")
    path = folder / locale / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(compiled(catalogue))
    return path


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    folder = tmp_path_factory.mktemp("locales")
    for locale in ("sl", "uk"):
        write(folder, locale, {"Hello": HELLO[locale]})
    return Languages(folder)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    folder = tmp_path_factory.mktemp("locales")
    for locale in ("sl", "uk", "pt_BR", "zh_Hant", "zh_TW", "sr_Latn"):
        write(folder, locale)
    return Languages(folder)


def heard(locale: str, person: str = "olena", text: str = "hello") -> Event:
    """Returns a text of somebody whose phone speaks that language."""
    return msgspec.structs.replace(says(text, person), user=User(person, locale=locale))


def fired(locale: str) -> TimerFired:
    now = datetime.now(UTC)
    return TimerFired(id="t" * 22, at=now, conversation=where(), user=User("olena", locale=locale), name="later")


def shop(router: Router[Flow], desk: Desk, languages: Languages | None) -> Bot:
    return Bot("shop", routers=[router], accounts=[desk], languages=languages)


def greeter() -> Router[Flow]:
    router = Router()

    @router.text()
    async def greet(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(_("Hello"))

    return router


# --- which language serves


@pytest.mark.parametrize(
    ("tag", "served"),
    [
        ("sl", "sl"),
        ("sl-SI", "sl"),
        ("SL_si", "sl"),
        ("uk-UA", "uk"),
        ("pt-BR", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hans-TW", "zh-TW"),
        ("sr-Latn-RS-x-private", "sr-Latn"),
        ("en-GB", "en"),
    ],
)
def test_a_person_is_served_in_their_language_or_the_same_with_fewer_parts(
    many: Languages, tag: str, served: str
) -> None:
    assert many.match(tag) == served


@pytest.mark.parametrize(("tag", "served"), [("pt", "pt-BR"), ("pt-PT", "pt-BR"), ("sr", "sr-Latn")])
def test_a_relative_serves_better_than_the_default(many: Languages, tag: str, served: str) -> None:
    assert many.match(tag) == served


@pytest.mark.parametrize("tag", ["de", "", "nonsense?", "slk", "x"])
def test_everybody_else_is_served_in_the_default(many: Languages, tag: str) -> None:
    assert many.match(tag) == "en"


@given(st.text(max_size=40) | st.from_regex(r"[a-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}", fullmatch=True))
def test_whatever_a_service_says_some_language_of_the_bot_serves(many: Languages, tag: str) -> None:
    assert many.match(tag) in many.tags


def test_a_bot_tells_its_languages(many: Languages) -> None:
    assert many.tags == ("en", "pt-BR", "sl", "sr-Latn", "uk", "zh-Hant", "zh-TW")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("sl_si", "sl-SI"),
        ("SL", "sl"),
        ("sl_SI.UTF-8", "sl-SI"),
        ("sr@latin", "sr"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("en-x-ABCD-us", "en-x-abcd-us"),
        ("en-a-bb-x-c", "en-a-bb-x-c"),
        ("a", ""),
        ("sl-", ""),
        ("sl--SI", ""),
        ("sl SI", ""),
        ("", ""),
        ("тест", ""),
        ("en-" + "abcdefgh-" * 3 + "abcde", "en-" + "abcdefgh-" * 3 + "abcde"),
        ("en-" + "abcdefgh-" * 3 + "abcdef", ""),
    ],
)
def test_a_tag_is_written_as_the_standard_writes_it(text: str, tag: str) -> None:
    assert language_tag(text) == tag


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}", fullmatch=True))
def test_a_tag_that_is_written_as_it_should_be_stays_so(text: str) -> None:
    assert language_tag(language_tag(text)) == language_tag(text)


# --- the catalogues


def test_the_catalogues_are_read_once(tmp_path: Path) -> None:
    path = write(tmp_path, "sl", {"Hello": "Pozdravljeni"})
    languages = Languages(tmp_path)
    path.unlink()
    assert languages.catalogue("sl-SI").gettext("Hello") == "Pozdravljeni"


def test_a_catalogue_of_the_default_language_is_used_where_there_is_one(tmp_path: Path) -> None:
    write(tmp_path, "en", {"Hello": "Good day"})
    assert Languages(tmp_path).catalogue("de").gettext("Hello") == "Good day"


@pytest.mark.parametrize("content", [b"", b"not a catalogue", b"\xde\x12\x04\x95" + b"\xff" * 40])
def test_a_broken_catalogue_is_told_with_its_file_and_the_fix(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, "sl")
    path.write_bytes(content)
    with pytest.raises(DefinitionError, match="cannot be read as a catalogue") as raised:
        Languages(tmp_path)
    assert str(path) in raised.value.what
    assert "botkit messages compile" in raised.value.fix


def test_half_a_catalogue_is_broken(tmp_path: Path) -> None:
    path = write(tmp_path, "sl")
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DefinitionError):
            Languages(tmp_path)


def test_a_catalogue_that_is_not_compiled_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "sl")
    path.rename(path.with_suffix(".po"))
    with pytest.raises(DefinitionError, match=r"messages\.mo is missing") as raised:
        Languages(tmp_path)
    assert raised.value.fix == "make it with: botkit messages compile"


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_a_folder_without_catalogues_is_told(tmp_path: Path, folder: str) -> None:
    with pytest.raises(DefinitionError, match="has no catalogue"):
        Languages(tmp_path / folder)


@pytest.mark.parametrize(
    ("first", "second", "fault"), [("pt_BR", "pt-BR", "is there twice"), ("sl", "!", "is no lang")]
)
def test_a_folder_is_named_after_a_language_and_no_two_after_one(
    tmp_path: Path, first: str, second: str, fault: str
) -> None:
    content = write(tmp_path, first).read_bytes()
    path = tmp_path / second / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(DefinitionError, match=fault):
        Languages(tmp_path)


def test_the_default_is_a_language(tmp_path: Path) -> None:
    write(tmp_path, "sl")
    with pytest.raises(DefinitionError, match="'English!' is no language tag"):
        Languages(tmp_path, default="English!")


# --- what is said


def test_outside_a_handler_a_text_stays_as_it_is() -> None:
    assert (_("Hello"), pgettext("month", "May")) == ("Hello", "May")
    assert [ngettext("{n} parcel", "{n} parcels", n) for n in (0, 1, 2)] == ["{n} parcels", "{n} parcel", "{n} parcels"]


def test_a_language_with_a_dual_has_its_four_forms(languages: Languages) -> None:
    with speaking(Speech(languages, Flows(b""), heard("sl"))):
        forms = [ngettext("{n} parcel", "{n} parcels", n).format(n=n) for n in (1, 2, 3, 4, 5, 11, 101, 102)]
    assert forms == ["1 0", "2 1", "3 2", "4 2", "5 3", "11 3", "101 0", "102 1"]


def test_a_word_with_two_meanings_has_the_translation_of_its_context(languages: Languages) -> None:
    with speaking(Speech(languages, Flows(b""), heard("sl"))):
        assert (pgettext("month", "May"), pgettext("permission", "May"), _("May")) == ("maj", "May", "May")


def test_an_empty_text_is_not_the_header_of_the_catalogue(languages: Languages) -> None:
    with speaking(Speech(languages, Flows(b""), heard("sl"))):
        assert _("") == ""


def test_after_a_turn_nobody_is_spoken_to(languages: Languages) -> None:
    with pytest.raises(LookupError), speaking(Speech(languages, Flows(b""), heard("sl"))):
        raise LookupError
    assert _("Hello") == "Hello"


@pytest.mark.parametrize("locale", ["en", "sl", "uk"])
async def test_a_handler_speaks_the_person_s_language(botkit_redis_url: str, languages: Languages, locale: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, shop(greeter(), desk, languages)) as process:
        await process.takes(heard(locale))
        await process.engine.settle()
        assert desk.texts == [HELLO[locale]]


async def test_a_bot_without_languages_says_what_is_written_and_remembers_nothing(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, shop(greeter(), desk, None)) as process:
        await process.takes(heard("sl"))
        await process.engine.settle()
        assert desk.texts == ["Hello"]
        assert (await process.store.load(where().key)).state == b""


async def both(url: str, languages: Languages, router: Router[Flow]) -> dict[str, str]:
    """Returns what two people of different languages are told when they write at the same time."""
    desk = Desk()
    async with Process(url, shop(router, desk, languages)) as process:
        await asyncio.gather(process.takes(heard("sl", "ana")), process.takes(heard("uk", "taras")))
        await process.engine.settle()
        return dict(desk.shown)


async def test_handlers_at_work_at_the_same_time_speak_each_their_own_language(
    botkit_redis_url: str, languages: Languages
) -> None:
    router, meeting = Router(), asyncio.Barrier(2)

    @router.text()
    async def greet(event: MessageReceived, ctx: Context[Flow]) -> None:
        await meeting.wait()
        ctx.reply(_("Hello"))

    assert await both(botkit_redis_url, languages, router) == {"ana": "Pozdravljeni", "taras": "Вітаю"}


async def test_plain_handlers_in_threads_speak_each_their_own_language(
    botkit_redis_url: str, languages: Languages
) -> None:
    router, meeting = Router(), threading.Barrier(2, timeout=10)

    @router.text()
    def greet(event: MessageReceived, ctx: Context[Flow]) -> None:
        meeting.wait()
        ctx.reply(_("Hello"))

    assert await both(botkit_redis_url, languages, router) == {"ana": "Pozdravljeni", "taras": "Вітаю"}


async def test_tasks_and_threads_of_a_handler_speak_its_language(botkit_redis_url: str, languages: Languages) -> None:
    desk, router = Desk(), Router()

    async def hello() -> str:
        return _("Hello")

    @router.text()
    async def greet(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(await asyncio.create_task(hello()) + await asyncio.to_thread(lambda: _("Hello")))

    async with Process(botkit_redis_url, shop(router, desk, languages)) as process:
        await process.takes(heard("sl"))
        await process.engine.settle()
        assert desk.texts == ["PozdravljeniPozdravljeni"]


# --- what the person chose


def choosing(tag: str) -> Router[Flow]:
    """Returns a router that greets before and after it changes the language."""
    router = Router()

    @router.text("choose")
    def choose(event: MessageReceived, ctx: Context[Flow]) -> None:
        before = _("Hello")
        ctx.set_locale(tag)
        ctx.reply(f"{before}, {_('Hello')}, {ctx.locale}, {event.locale}")

    @router.text()
    async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"{_('Hello')}, {ctx.locale}")

    return router


async def test_a_choice_is_in_effect_at_once_and_lasts(botkit_redis_url: str, languages: Languages) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, shop(choosing("SL_si"), desk, languages)) as process:
        await process.takes(heard("uk", text="choose"))
        await process.takes(heard("uk"))
        await process.engine.settle()
        assert desk.texts == ["Вітаю, Pozdravljeni, sl-SI, uk", "Pozdravljeni, sl-SI"]


async def test_a_choice_taken_back_leaves_what_the_service_says(botkit_redis_url: str, languages: Languages) -> None:
    desk, router = Desk(), Router()

    @router.text(r"(?P<tag>\w*)$")
    async def choose(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.set_locale(ctx.match["tag"].replace("back", ""))
        ctx.reply(_("Hello"))

    async with Process(botkit_redis_url, shop(router, desk, languages)) as process:
        for text in ("sl", "back"):
            await process.takes(heard("uk", text=text))
            await process.engine.settle()
        assert desk.texts == ["Pozdravljeni", "Вітаю"]


async def test_what_a_plain_handler_chooses_is_heard_by_its_middleware(
    botkit_redis_url: str, languages: Languages
) -> None:
    desk, router = Desk(), choosing("sl")

    @router.middleware
    async def around(event: Event, ctx: Context[Flow], call_next: CallNext) -> None:
        ctx.reply(_("Hello"))
        await call_next()
        ctx.reply(_("Hello"))

    async with Process(botkit_redis_url, shop(router, desk, languages)) as process:
        await process.takes(heard("uk", text="choose"))
        await process.engine.settle()
        assert [desk.texts[0], desk.texts[-1]] == ["Вітаю", "Pozdravljeni"]


async def test_a_choice_of_a_handler_that_fails_is_gone_and_its_error_handler_speaks_as_before(
    botkit_redis_url: str, languages: Languages
) -> None:
    desk, router = Desk(), Router()

    @router.text()
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.set_locale("sl")
        raise ValueError

    @router.error()
    async def sorry(event: Event, ctx: Context[Flow], error: Exception) -> None:
        ctx.reply(_("Hello"))

    async with Process(botkit_redis_url, shop(router, desk, languages)) as process:
        await process.takes(heard("uk"))
        await process.engine.settle()
        assert desk.texts == ["Вітаю"]
        assert Flows((await process.store.load(where().key)).state).locale == ""


def test_what_is_no_language_cannot_be_chosen(languages: Languages) -> None:
    speech = Speech(languages, Flows(b""), heard("sl"))
    with pytest.raises(ValueError, match="a language is named by a tag"):
        speech.choose("slovensko, prosim")
    assert speech.locale == "sl"


# --- what is remembered


def test_what_the_service_said_is_stored_when_it_changes_and_only_then(languages: Languages) -> None:
    flows = Flows(b"")
    Speech(languages, flows, heard("sl_SI"))
    stored = flows.dump()
    assert Flows(stored).said_locale == "sl-SI"
    for locale, is_stored in [("sl-SI", False), ("", False), ("uk", True)]:
        flows = Flows(stored)
        Speech(languages, flows, heard(locale))
        assert bool(flows.dump()) is is_stored


def test_without_catalogues_a_choice_is_stored_and_nothing_else() -> None:
    flows = Flows(b"")
    speech = Speech(None, flows, heard("uk"))
    assert (speech.locale, flows.dump()) == ("uk", b"")
    speech.choose("sl")
    assert (speech.locale, Flows(flows.dump()).locale, Flows(flows.dump()).said_locale) == ("sl", "sl", "")


@pytest.mark.parametrize(("languages_", "locale"), [(True, "en"), (False, "")])
def test_of_whom_nothing_is_known_the_bot_s_default_is_taken(
    languages: Languages, languages_: bool, locale: str
) -> None:
    assert Speech(languages if languages_ else None, Flows(b""), heard("")).locale == locale


def test_a_timer_speaks_what_was_heard_after_it_was_set(languages: Languages) -> None:
    flows = Flows(b"")
    Speech(languages, flows, heard("uk"))
    speech = Speech(languages, flows, fired("sl"))
    assert (speech.locale, flows.said_locale) == ("uk", "uk")


def test_a_timer_of_a_record_that_heard_nothing_speaks_what_was_said_when_it_was_set(languages: Languages) -> None:
    assert Speech(languages, Flows(b""), fired("sl")).locale == "sl"


@pytest.fixture
def reporting() -> Router[Flow]:
    router = Router()

    @router.text()
    async def later(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.after("later", seconds=60)

    @router.timer("later")
    @router.delivered()
    async def tell(event: TimerFired | MessageDelivered, ctx: Context[Flow]) -> None:
        ctx.reply(_("Hello"))

    return router


async def a_report(process: Process) -> None:
    await process.takes(reported(MessageDelivered, "desk/1"))


async def a_minute(process: Process) -> None:
    await process.advance(61)


@pytest.mark.parametrize("happens", [a_report, a_minute], ids=["report", "timer"])
async def test_timers_and_reports_speak_the_person_s_language(
    botkit_redis_url: str, languages: Languages, reporting: Router[Flow], happens: Callable[[Process], Awaitable[None]]
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, shop(reporting, desk, languages)) as process:
        await process.takes(heard("sl"))
        await process.engine.settle()
        await happens(process)
        await process.engine.settle()
        assert desk.texts == ["Pozdravljeni"]
