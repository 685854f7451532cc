"""What only Telegram has: the bounds of each builder, from both sides."""

from collections.abc import Callable
from typing import Any

import pytest

from botkit.channels import telegram
from botkit.exceptions import MessageError
from botkit.messages import Raw

WORD = "x" * 4096


def result(length: int) -> dict[str, Any]:
    return {"results": [{"type": "article", "id": str(number)} for number in range(length)]}


def bill(**changed: Any) -> Raw:
    known: dict[str, Any] = {"title": "a", "description": "b", "payload": "c", "currency": "XTR", "prices": {"a": 1}}
    return telegram.invoice(**(known | changed))


def moving(**changed: Any) -> Raw:
    return telegram.live_location(1, 2, **({"seconds": 60} | changed))


# By what is bounded: the builder, the least and the most that it takes, and what one less and one more are.
BOUNDS: dict[str, tuple[Callable[[Any], Any], list[Any], list[Any]]] = {
    "placeholder": (telegram.force_reply, ["", "x" * 64, "🙂" * 32], ["x" * 65, "🙂" * 33]),
    "caption of an animation": (lambda text: telegram.animation("AgAC", text), [WORD[:1024]], [WORD[:1025]]),
    "question": (lambda text: telegram.poll(text, ["a", "b"]), ["x", "x" * 300], ["", "x" * 301]),
    "answers": (lambda count: telegram.poll("?", ["a"] * count), [2, 12], [1, 13]),
    "answer": (lambda text: telegram.poll("?", ["a", text]), ["x", "x" * 100], ["", "x" * 101]),
    "title of a bill": (lambda text: bill(title=text), ["x", "x" * 32], ["", "x" * 33]),
    "description of a bill": (lambda text: bill(description=text), ["x", "x" * 255], ["", "x" * 256]),
    "payload of a bill": (lambda text: bill(payload=text), ["x", "ž" * 64], ["", "ž" * 65]),
    "prices": (lambda count: bill(prices={f"{n}": 1 for n in range(count)}), [1, 100], [0, 101]),
    "answer to a button": (lambda text: telegram.answer_button("q", text), ["", "x" * 200], ["x" * 201]),
    "results": (lambda count: telegram.answer_inline("q", **result(count)), [0, 50], [51]),
    "next offset": (
        lambda text: telegram.answer_inline("q", [], next_offset=text),
        ["", "ž" * 32],
        ["ž" * 32 + "x"],
    ),
    "id of a result": (lambda text: telegram.article(text, "a", "b"), ["x", "ž" * 32], ["", "x" * 65]),
    "text of a result": (lambda text: telegram.article("1", "a", text), ["x", f"**{WORD}**"], ["", f"{WORD}x"]),
    "live seconds": (lambda count: moving(seconds=count), [60, 86_400, telegram.FOR_EVER], [59, 86_401, 0]),
    "accuracy": (lambda count: moving(horizontal_accuracy=count), [0, 0.5, 1500], [-1, 1500.5]),
    "heading": (lambda count: moving(heading=count), [1, 360], [0, 361]),
    "radius": (lambda count: moving(proximity_alert_radius=count), [1, 100_000], [0, 100_001]),
    "latitude": (lambda at: telegram.live_location(at, 0, seconds=60), [-90, 90], [-90.1, 90.1]),
    "commands": (lambda count: telegram.set_commands({f"c{n}": "d" for n in range(count)}), [0, 100], [101]),
    "name of a command": (
        lambda name: telegram.set_commands({name: "d"}),
        ["a", "a_1" * 10, "x" * 32],
        ["", "x" * 33, "/start", "Start", "več"],
    ),
    "description of a command": (lambda text: telegram.set_commands({"a": text}), ["x", "x" * 256], ["", "x" * 257]),
    "id of a message": (telegram.pin, ["1", "9" * 19], ["", "9" * 20, "7a", "7.0", "²", " 7"]),
    "id of a chat": (lambda chat: telegram.forward(chat, "7"), ["1", "-1001234500001", "@shop"], ["", "shop", "@a b"]),
    "id of a person": (telegram.approve_join, ["5550001"], ["@ana", ""]),
}


def sides(*, within: bool) -> list[Any]:
    return [
        pytest.param(build, value, id=f"{name}-{value!s:.20}-{len(str(value))}")
        for name, (build, good, bad) in BOUNDS.items()
        for value in (good if within else bad)
    ]


@pytest.mark.parametrize(("build", "value"), sides(within=True))
def test_what_is_within_its_bound_is_built(build: Callable[[Any], Any], value: Any) -> None:
    assert build(value)


@pytest.mark.parametrize(("build", "value"), sides(within=False))
def test_what_is_beyond_its_bound_is_refused_where_it_is_written(build: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(MessageError, match=r"(?i)telegram|latitude"):
        build(value)


def test_answers_are_worth_nothing_later_and_other_calls_are() -> None:
    assert telegram.answer_button("q").is_transient
    assert telegram.answer_inline("q", []).is_transient
    assert not telegram.pin("7").is_transient
    assert not telegram.answer_pre_checkout("q").is_transient


def test_a_payment_is_let_through_or_the_person_is_told_why_not() -> None:
    assert telegram.answer_pre_checkout("q").payload == {"pre_checkout_query_id": "q", "ok": True}
    refused = {"pre_checkout_query_id": "q", "ok": False, "error_message": "sold out"}
    assert telegram.answer_pre_checkout("q", error="sold out").payload == refused
