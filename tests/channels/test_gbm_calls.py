"""What only Business Messages has."""

import pytest

from botkit.adapter import Outcome
from botkit.channels import gbm
from botkit.exceptions import MessageError
from botkit.messages import Joined, Left, Raw, Representative, Text, Typing
from tests.channels.lines import open_line

ANA = Representative("Ana", "human", "https://cdn.example/ana.png")


def test_signs_and_receipts_are_worth_nothing_later_and_a_survey_is() -> None:
    assert gbm.read("m1").is_transient
    assert gbm.typing_stopped().is_transient
    assert not gbm.survey().is_transient


@pytest.mark.parametrize("message_id", ["", "a b", "a\n"])
def test_an_id_that_is_none_is_refused(message_id: str) -> None:
    with pytest.raises(MessageError, match="without spaces"):
        gbm.read(message_id)


async def test_the_id_of_a_message_stays_one_part_of_the_address() -> None:
    async with open_line("gbm") as line:
        await line.say(gbm.read("../../a/b?c=d"))
        path = line.tap.requests[-1]["path"]
    assert path.endswith("/messages/%2E%2E%2F%2E%2E%2Fa%2Fb%3Fc%3Dd/receipt")


async def test_a_person_takes_over_speaks_and_leaves() -> None:
    async with open_line("gbm") as line:
        for message in (
            Joined(representative=ANA),
            Text(text="I am Ana", representative=ANA),
            Left(representative=ANA),
        ):
            assert await line.say(message) == [Outcome.SENT]
        spoken = [request["body"]["representative"]["representativeType"] for request in line.tap.requests]
    assert spoken == ["HUMAN", "HUMAN", "HUMAN"]


async def test_a_turn_types_speaks_and_stops_typing_each_with_an_id_of_its_own() -> None:
    async with open_line("gbm") as line:
        await line.say(Typing())
        await line.say(Text(text="Hello"), first=1)
        await line.say(gbm.typing_stopped(), first=2)
        kinds = [request["body"].get("eventType", "a message") for request in line.tap.requests]
        ids = {request["path"].partition("Id=")[2] or request["body"]["messageId"] for request in line.tap.requests}
    assert kinds == ["TYPING_STARTED", "a message", "TYPING_STOPPED"]
    assert len(ids) == 3


async def test_one_survey_is_taken_in_a_day_and_a_second_holds_nothing_up() -> None:
    async with open_line("gbm") as line:
        assert await line.say(gbm.survey()) == [Outcome.SENT]
        assert await line.say(gbm.survey(), first=1) == [Outcome.REFUSED]


@pytest.mark.parametrize(
    ("method", "is_known"),
    [
        ("", True),
        ("messages", True),
        ("events", True),
        ("receipt:m1", True),
        ("receipt:", False),
        ("conversations", False),
    ],
)
async def test_a_raw_has_a_method_that_the_service_has(method: str, is_known: bool) -> None:
    raw = Raw(channel="gbm", payload={}, method=method)
    async with open_line("gbm") as line:
        if is_known:
            assert line.prepare(raw).messages == (raw,)
            return
        with pytest.raises(MessageError, match="has the method"):
            line.prepare(raw)
