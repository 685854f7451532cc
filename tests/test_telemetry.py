"""Log lines: one an event, readable by machines, and no secret in any of them."""

import io
import json
import logging
import logging.config
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from uvicorn.config import LOGGING_CONFIG

from botkit.redaction import MASK, Redactor, Secret
from botkit.settings import LogFormat, LogLevel, Settings
from botkit.telemetry import set_up_logging

CANARY = "canary-4dc2a1b9e8f7a6d0"
TOKEN = "123456789:AAE-abcdefghijklmnopqrstuvwxyz_0123"
NASTY = "a\r\nb\x1b[31mred\x1b]0;title\x07\u2028\u202e\x85\x00\udcff"

log = structlog.get_logger("tests.structlog")
plain = logging.getLogger("tests.logging")

LIBRARIES = (
    *("uvicorn", "uvicorn.access", "uvicorn.error", "httpx", "httpcore"),
    *("transitions", "markdown_it", "asyncio"),
)

SetUp = Callable[..., io.StringIO]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    """Sets logging up, with what it writes in a buffer; afterwards everything is as it was."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    libraries = [logging.getLogger(name) for name in LIBRARIES]
    kept = [(logger, vars(logger) | {"handlers": logger.handlers[:]}) for logger in libraries]
    for logger, _ in kept:
        # A command that ran before in this process may have silenced it.
        logger.disabled = False

    def set_up(
        log_format: LogFormat = "json", level: LogLevel = "info", stream: io.StringIO | None = None
    ) -> io.StringIO:
        output = stream or io.StringIO()
        monkeypatch.setattr(sys, "stderr", output)
        set_up_logging(Settings(log=level, log_format=log_format), Redactor([Secret(CANARY)]))
        return output

    yield set_up
    root.handlers[:] = handlers
    root.setLevel(level)
    for logger, values in kept:
        vars(logger).update(values)
        logger.setLevel(values["level"])
    structlog.configure(**before)


def raised() -> None:
    try:
        raise ValueError(f"no {CANARY}") from KeyError(TOKEN)
    except ValueError:
        log.exception("structlog failed")
        plain.exception("logging failed")


def speak(value: Any = "") -> None:
    log.info(f"event {value}", value=value, nested={"value": [value]}, error=ValueError(value))
    plain.info("message %s %r", value, [value])


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


every_format = pytest.mark.parametrize("log_format", ["json", "pretty"])


@every_format
@pytest.mark.parametrize("secret", [CANARY, TOKEN, f"https://api.telegram.org/bot{TOKEN}/sendMessage"])
def test_no_line_holds_a_secret(set_up: SetUp, log_format: LogFormat, secret: str) -> None:
    output = set_up(log_format)
    speak(secret)
    raised()
    log.bind(account=secret).warning("bound")
    plain.warning("%d", secret)
    assert CANARY not in output.getvalue()
    assert TOKEN not in output.getvalue()
    assert output.getvalue().count(MASK) >= 8


@every_format
def test_an_exception_is_logged_with_its_traceback(set_up: SetUp, log_format: LogFormat) -> None:
    output = set_up(log_format)
    raised()
    assert output.getvalue().count(f"ValueError: no {MASK}") == 2
    assert output.getvalue().count(f"KeyError: '{MASK}'") == 2
    assert output.getvalue().count("Traceback") >= 2


def test_json_is_one_line_an_event_with_time_and_level(set_up: SetUp) -> None:
    output = set_up("json")
    speak("hi")
    raised()
    said = lines(output)
    assert [line["event"] for line in said] == [
        *("event hi", "message hi ['hi']", "structlog failed", "logging failed")
    ]
    assert [line["level"] for line in said] == ["info", "info", "error", "error"]
    assert all(line["timestamp"].endswith("Z") for line in said)


def test_what_a_person_wrote_cannot_end_a_json_line(set_up: SetUp) -> None:
    output = set_up("json")
    speak(NASTY)
    assert len(lines(output)) == 2
    assert lines(output)[0]["value"] == NASTY
    assert output.getvalue().isascii()
    assert "\x1b" not in output.getvalue()


@pytest.mark.parametrize("sign", NASTY.replace("[31mred", "").replace("]0;title", ""), ids=ascii)
def test_what_a_person_wrote_cannot_steer_a_terminal(set_up: SetUp, sign: str) -> None:
    output = set_up("pretty")
    log.info("typed", text=sign)
    assert output.getvalue().count("\n") == 1
    plain.info("typed %s", sign)
    log.warning(f"typed {sign}")
    shown = re.sub(r"\x1b\[\d*m", "", output.getvalue())
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(value=st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_logged(set_up: SetUp, value: str) -> None:
    output = set_up("json")
    speak(value)
    set_up("pretty")
    speak(value)
    assert len(lines(output)) == 2


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_only_what_is_as_grave_as_the_level_is_logged(set_up: SetUp, level: LogLevel) -> None:
    output = set_up(level=level)
    names: list[LogLevel] = ["debug", "info", "warning", "error"]
    for name in names:
        getattr(log, name)(name)
        getattr(plain, name)(name)
    assert [line["event"] for line in lines(output)] == [n for n in names[names.index(level) :] for _ in range(2)]


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_are_heard_from_warnings_on(set_up: SetUp, name: str) -> None:
    output = set_up(level="debug")
    logging.getLogger(name).info("chatter")
    logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines(output)] == ["trouble"]


def test_a_server_that_set_its_own_handlers_up_prints_no_address_either(
    set_up: SetUp, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.config.dictConfig(LOGGING_CONFIG)
    output = set_up(level="debug")
    access, error = logging.getLogger("uvicorn.access"), logging.getLogger("uvicorn.error")
    access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "POST", f"/webhooks/mitto?token={CANARY}", "1.1", 200)
    error.error("Exception in ASGI application: %s", CANARY)
    assert [line["event"] for line in lines(output)] == [f"Exception in ASGI application: {MASK}"]
    assert CANARY not in "".join(capsys.readouterr())


def test_without_a_terminal_the_lines_are_json(set_up: SetUp) -> None:
    output = set_up("auto")
    log.info("hello")
    assert lines(output)[0]["event"] == "hello"


def test_on_a_terminal_the_lines_are_for_people(set_up: SetUp) -> None:
    output = set_up("auto", stream=Terminal())
    log.info("hello")
    assert not output.getvalue().startswith("{")
    assert "hello" in output.getvalue()


def test_setting_it_up_again_does_not_double_the_lines(set_up: SetUp) -> None:
    set_up()
    output = set_up()
    plain.warning("once")
    assert len(lines(output)) == 1
