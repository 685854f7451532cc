from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from botkit.adapter import Outcome
from botkit.gateways.rapporto_answers import read_answer
from botkit.http_client import HttpAnswer

OUTCOMES = {
    1: (503, Outcome.NOT_SENT, 0),
    2: (403, Outcome.REFUSED, 0),
    3: (429, Outcome.THROTTLED, 5),
    4: (400, Outcome.REFUSED, 0),
    5: (401, Outcome.REFUSED, 0),
    6: (401, Outcome.REFUSED, 0),
    7: (400, Outcome.REFUSED, 0),
    8: (406, Outcome.REFUSED, 0),
    9: (406, Outcome.REFUSED, 0),
    10: (409, Outcome.REFUSED, 0),
    11: (406, Outcome.REFUSED, 0),
    100: (500, Outcome.NOT_SENT, 60),
}


def answer(status: int, told: object, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(status, headers or {}, told if isinstance(told, bytes) else msgspec.json.encode(told))


def envelope(code: object) -> dict[str, Any]:
    return {"error": {"code": code, "description": "canary"}, "extendedDescription": "canary"}


@pytest.mark.parametrize("code", OUTCOMES)
def test_an_error_is_classed_by_its_code(code: int) -> None:
    status, outcome, seconds = OUTCOMES[code]
    for told in (envelope(code), envelope(str(code))):
        receipt = read_answer(answer(status, told), ["TELEGRAM"], "DEMO")
        assert (receipt.outcome, receipt.retry_after) == (outcome, seconds)
        assert receipt.reason.startswith(f"{code} ")
        assert "canary" not in receipt.reason


@pytest.mark.parametrize("code", OUTCOMES)
def test_the_code_stands_above_the_http_status(code: int) -> None:
    _, outcome, _ = OUTCOMES[code]
    assert read_answer(answer(400, envelope(code)), ["SMS"], "DEMO").outcome is outcome


@pytest.mark.parametrize(
    ("code", "setting"),
    [(5, "DEMO_LOGIN"), (6, "DEMO_PASSWORD"), (7, "DEMO_SERVICE_NUMBER"), (9, "DEMO_VIA")],
)
def test_a_reason_names_the_setting_at_fault(code: int, setting: str) -> None:
    assert f"(see {setting})" in read_answer(answer(400, envelope(code)), ["SMS"], "DEMO").reason
    assert "see" not in read_answer(answer(400, envelope(code)), ["SMS"], "").reason


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
        (503, Outcome.UNKNOWN),
        (504, Outcome.UNKNOWN),
        (429, Outcome.THROTTLED),
        (400, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (302, Outcome.REFUSED),
    ],
)
@pytest.mark.parametrize("told", [b"<html>", b"", {}, {"error": 4}, {"error": {"code": None}}, envelope(77), []])
def test_without_a_known_code_the_http_status_counts(status: int, outcome: Outcome, told: object) -> None:
    receipt = read_answer(answer(status, told), ["SMS"], "DEMO")
    assert receipt.outcome is outcome
    assert f"HTTP {status}" in receipt.reason


def test_an_unknown_code_is_told() -> None:
    receipt = read_answer(answer(418, envelope(77)), ["SMS"], "DEMO")
    assert receipt.reason == "HTTP 418 with the unknown code 77"


@pytest.mark.parametrize("told", [b"", envelope(3)])
def test_a_crowded_service_is_left_alone_as_long_as_it_says(told: object) -> None:
    assert read_answer(answer(429, told, {"retry-after": "7"}), ["SMS"], "").retry_after == 7
    assert read_answer(answer(429, told, {"retry-after": "soon"}), ["SMS"], "").retry_after == 5


def test_a_success_is_named_by_its_number_and_type() -> None:
    receipt = read_answer(answer(200, {"mtNum": "7390000042", "id": "ord-20417-tg-1"}), ["TELEGRAM"], "")
    assert (receipt.outcome, receipt.id, receipt.others) == (Outcome.SENT, "7390000042:TELEGRAM", ())


def test_a_number_that_is_no_string_is_taken() -> None:
    assert read_answer(answer(200, {"mtNum": 42}), ["SMS"], "").id == "42:SMS"


def test_the_ways_of_a_cascade_have_an_id_each() -> None:
    receipt = read_answer(answer(200, {"mtNum": "42"}), ["VIBER", "WHATSAPP", "VIBER", "SMS"], "")
    assert (receipt.id, receipt.others) == ("42:VIBER", ("42:WHATSAPP", "42:SMS"))


@pytest.mark.parametrize(
    "told",
    [
        *(b'{"mtNum": "7390000042" "id": "ord-20417-tg-1"}', b"", b"<html>", [], {}, envelope(4)),
        *({"mtNum": ""}, {"mtNum": None}, {"mtNum": True}, {"id": "1"}),
    ],
)
def test_a_success_without_its_number_is_not_believed(told: object) -> None:
    receipt = read_answer(answer(200, told), ["SMS"], "")
    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.reason == "HTTP 200 without mtNum: not Rapporto's protocol"
