import importlib
import json
import re
from collections.abc import Mapping
from typing import ClassVar

import pytest

from botkit.buttons import Button, Dial, Link
from botkit.capabilities import BUTTONS, KINDS, OPTIONS, Bound, Capabilities, Support
from botkit.channels.telegram import Telegram
from botkit.cli.capabilities import load_rows, load_ways, markdown_of, markdown_table, rows_of
from botkit.events import Event
from botkit.messages import Card, Image, Text, Typing
from tests.cli.conftest import Run


class Waved(Event, frozen=True, kw_only=True, tag="pigeon.waved"):
    """Somebody waved.

    More of it.
    """


class Pigeon(Telegram):
    channel = "pigeon"
    has_receipts = True
    events = (Waved,)
    capabilities: ClassVar[Capabilities] = Capabilities(
        messages={Text: Support.NATIVE, Card: Support.REFUSED, Image: Support.PARTS},
        text=Bound(1234, unit="feathers"),
        buttons=frozenset({Link}),
        max_buttons={Text: 2},
        max_value=64,
        value_unit="bytes",
        options=frozenset({"silent"}),
        notes={"Text": "in ink"},
        missing={"eggs": "none"},
    )

    def capabilities_for(self, *_: object) -> Capabilities:
        return self.capabilities

    def check(self, message: object) -> None:
        pass


class Jackdaw(Pigeon):
    capabilities: ClassVar[Capabilities] = Capabilities()


def cells(section: str, adapter: type[Telegram] = Pigeon) -> Mapping[str, str]:
    (row,) = rows_of(adapter)
    return row.sections()[section]


def test_every_channel_is_told_the_one_that_shows_most_first(run: Run) -> None:
    rows = json.loads(run("capabilities", "--json").out)
    assert [row["channel"] for row in rows] == ["telegram", "viber", "gbm"]
    assert [row["adapter"] for row in rows] == ["Telegram", "Viber", "BusinessMessages"]


def test_every_kind_of_message_button_and_option_has_a_row(run: Run) -> None:
    for row in json.loads(run("capabilities", "--json").out):
        assert list(row["messages"]) == [kind.__name__ for kind in KINDS]
        assert list(row["buttons"]) == [kind.__name__ for kind in BUTTONS]
        assert list(row["options"]) == list(OPTIONS)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [(Text, "yes"), (Image, "in parts"), (Typing, "-"), (Card, "refused")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_kind_of_message_is_shown_in_one_of_five_ways(kind: type, cell: str) -> None:
    assert cells("messages")[kind.__name__] == cell
    assert cells("messages")["Video"] == "as words"


@pytest.mark.parametrize(("kind", "cell"), [(Button, "numbered menu"), (Link, "yes"), (Dial, "as a Link")])
def test_a_button_that_is_not_there_becomes_another_or_an_entry_of_a_menu(kind: type, cell: str) -> None:
    assert cells("buttons")[kind.__name__] == cell


def test_a_button_that_nothing_stands_in_for_becomes_words() -> None:
    assert cells("buttons", Jackdaw)["Dial"] == "as words"


def test_a_bound_is_told_with_its_unit_and_what_has_none_is_any() -> None:
    limits = cells("limits")
    assert limits["text"] == "1,234 feathers"
    assert limits["buttons of a message"] == "2, then a numbered menu"
    assert limits["value of a button"] == "64 bytes"
    assert limits["label of a button"] == "any"


def test_bounds_of_what_a_service_does_not_have_are_not_told() -> None:
    limits = cells("limits")
    assert [limits[name] for name in ("caption", "kinds with a caption", "buttons of a card")] == ["-", "-", "-"]


def test_one_channel_is_told_with_its_own_events_notes_and_what_is_missing() -> None:
    told = markdown_of(rows_of(Pigeon))
    assert "| `Text` | yes: in ink |" in told
    assert "| `pigeon.Waved` | Somebody waved. |" in told
    assert "| eggs | none |" in told


def test_all_together_are_told_with_notes_and_what_is_missing_below() -> None:
    told = markdown_table([*rows_of(Pigeon), *rows_of(Jackdaw)])
    assert "| `Text` | yes | yes |" in told
    assert "- `Pigeon`: Text: in ink." in told
    assert "- `Pigeon`: eggs." in told
    assert "- `Jackdaw`" not in told


def test_every_note_and_every_missing_ability_is_printed(run: Run) -> None:
    said = run("capabilities").out
    for row in load_rows():
        for name, told in (*row.notes.items(), *row.missing.items()):
            assert f"  {name}: {told}" in said


def test_every_word_that_shows_the_way_round_exists() -> None:
    words = re.compile(r"`(telegram|viber|gbm)(_\w+)?\.(\w+)`")
    found = [word for row in load_rows() for way in row.missing.values() for word in words.findall(way)]
    assert found
    for channel, more, name in found:
        assert hasattr(importlib.import_module(f"botkit.channels.{channel}{more}"), name)


def test_every_note_is_about_a_row() -> None:
    for row in load_rows():
        names = {name for section in row.sections().values() for name in section}
        assert set(row.notes) <= names


def test_a_gateway_is_told_network_by_network_with_each_note_once() -> None:
    (rows,) = [rows for channel, rows in load_ways().items() if channel == "mitto"]
    said = markdown_of(rows).splitlines()
    assert said[0] == "| | sms | gbm | viber | telegram | whatsapp |"
    assert "| `Image` | as words | yes | yes | yes | as words |" in said
    assert "- ttl (sms, gbm, telegram, whatsapp): kept by botkit." in said


@pytest.mark.parametrize("channel", load_ways())
def test_every_gateway_can_be_chosen_and_has_a_row_for_each_network(run: Run, channel: str) -> None:
    rows = json.loads(run("capabilities", "--channel", channel, "--json").out)
    assert [row["network"] for row in rows] == [row.network for row in load_ways()[channel]]
    assert {row["channel"] for row in rows} == {channel}
    assert f"--channel {channel}" in run("capabilities").out.replace("|", " --channel ")


def test_a_network_without_buttons_has_no_bounds_of_them() -> None:
    assert {cells("limits", Jackdaw)[name] for name in ("buttons of a message", "rows of buttons")} == {"-"}


def test_a_channel_can_be_chosen(run: Run) -> None:
    assert [row["channel"] for row in json.loads(run("capabilities", "--channel", "viber", "--json").out)] == ["viber"]
    assert run("capabilities", "--channel", "viber", "--markdown").out.startswith("| messages |")


def test_an_unknown_channel_is_named_with_those_that_there_are(run: Run) -> None:
    done = run("capabilities", "--channel", "icq")
    assert done.code == 2
    assert "no channel 'icq'" in done.err
    assert "telegram, viber, gbm" in done.err
