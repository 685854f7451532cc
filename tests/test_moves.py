from pathlib import Path
from typing import Any

import pytest

from botkit.flow import Flow, Trigger
from botkit.moves import move_problems
from botkit.route import Route
from botkit.router import Router


class Parcel(Flow):
    states = ("idle", "number", "day", "booked")
    ask = Trigger("*", "number")
    found = Trigger("number", "day")
    book = Trigger("day", "booked")

    number: str = ""

    def forget(self) -> None:
        self.number = ""


class Hooked(Parcel):
    def on_enter_day(self) -> None:
        self.book()


def problems(handler: Any, *states: str, flow: type[Flow] = Parcel) -> list[str]:
    router = Router(flow)
    router.text(state=states or None)(handler)
    (route,) = (part for part in router.parts if isinstance(part, Route))
    return list(move_problems(route))


async def day(event: Any, ctx: Any) -> None:
    ctx.reply("Booked.")
    ctx.flow.book()


async def straight_on(event: Any, ctx: Any) -> None:
    if ctx.flow.found():
        ctx.flow.book()


async def misspelt(event: Any, context: Any) -> None:
    context.flow.boook()


async def passed_on(event: Any, ctx: Any) -> None:
    ctx.flow.book()
    move(ctx)


async def flow_passed_on(event: Any, ctx: Any) -> None:
    move(ctx.flow)
    ctx.flow.book()


async def uses_a_method(event: Any, ctx: Any) -> None:
    ctx.flow.forget()
    ctx.flow.book()


async def resets(event: Any, ctx: Any) -> None:
    ctx.flow.reset()
    ctx.flow.ask()


async def reads_only(event: Any, ctx: Any) -> None:
    ctx.reply(ctx.flow.number.strip() + ctx.flow.state)


def move(anything: object) -> None:
    """Could do anything."""


def test_a_legal_move_is_no_problem() -> None:
    assert problems(day, "day") == []
    assert problems(day, "number", "day") == []


def test_an_illegal_move_is_told_with_its_line_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    (problem,) = problems(day, "number")
    assert problem.splitlines() == [
        f"test_moves.py:{day.__code__.co_firstlineno + 2}  Parcel.book() is not allowed in state 'number'",
        "  allowed there: ask, found",
        "  fix: bind the handler to 'day', or add 'number' to the sources",
    ]


def test_a_move_after_another_one_in_the_handler_is_judged_from_where_that_leads() -> None:
    assert problems(straight_on, "number") == []
    assert len(problems(straight_on, "idle")) == 2


def test_a_handler_for_every_state_is_not_judged_by_states() -> None:
    assert problems(day) == []


def test_an_unknown_trigger_is_told_in_every_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    (problem,) = problems(misspelt)
    assert problem.splitlines() == [
        f"test_moves.py:{misspelt.__code__.co_firstlineno + 1}  Parcel has no trigger 'boook'; did you mean 'book'?",
        "  fix: call one of: ask, found, book",
    ]
    assert problems(misspelt, "day") == [problem]


@pytest.mark.parametrize("handler", [passed_on, flow_passed_on, uses_a_method, resets, reads_only])
def test_a_handler_whose_moves_cannot_all_be_seen_is_not_judged(handler: Any) -> None:
    assert problems(handler, "idle") == []


def test_a_hook_may_move_on() -> None:
    class Closing(Hooked):
        close = Trigger("booked", "idle")

    async def handler(event: Any, ctx: Any) -> None:
        ctx.flow.found()
        ctx.flow.close()

    assert problems(handler, "number", flow=Closing) == []


def test_without_source_nothing_is_judged() -> None:
    names: dict[str, Any] = {}
    exec("async def day(event, ctx):\n    ctx.flow.boook()", names)  # noqa: S102 - a function without a file
    assert problems(names["day"], "number") == []


def test_an_object_that_can_be_called_is_not_judged() -> None:
    class Day:
        def __call__(self, event: Any, ctx: Any) -> None:
            ctx.flow.boook()

    assert problems(Day(), "number") == []


def test_an_unknown_state_is_left_to_the_check_of_states() -> None:
    assert problems(day, "nowhere") == []
