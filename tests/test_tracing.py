"""Spans from the webhook over the handler to the send, each in another process; and nothing without the extra."""

import json
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from botkit.events import encode
from botkit.redis.store import RedisStore
from botkit.tracing import is_installed, stamp, unstamped
from tests.conftest import Servers
from tests.desk import Desk, Process, bot, parrot, says, where
from tests.generated import ROOT
from tests.traced_child import WORDS

Span = dict[str, Any]


def run(part: str, url: str, prefix: str) -> list[Span]:
    """Returns the spans of a process that does this part of an event's way."""
    command = [sys.executable, "-m", "tests.traced_child", part, url, prefix]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("spans ")]
    spans: list[Span] = json.loads(line.removeprefix("spans "))
    return spans


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span["name"] == name]


def is_below(span: Span, parent: Span) -> bool:
    same_trace: bool = span["context"]["trace_id"] == parent["context"]["trace_id"]
    return same_trace and span["parent_id"] == parent["context"]["span_id"]


@pytest.fixture
def prefix() -> str:
    return f"trace{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def answered(servers: Servers) -> list[Span]:
    """The spans of two events that were answered by the process that took them."""
    return run("all", servers.any_url(), f"trace{uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def refused(servers: Servers) -> list[Span]:
    """The spans of an event whose handler fails."""
    return run("fails", servers.any_url(), f"trace{uuid4().hex[:8]}")


def test_a_trace_goes_on_in_the_processes_that_come_after(servers: Servers, prefix: str) -> None:
    url = servers.any_url()
    (webhook,) = run("takes", url, prefix)
    handled, sent = run("handles", url, prefix), run("sends", url, prefix)
    (handle,), (inside,) = named(handled, "handle message_received"), named(handled, "in the handler")
    (failed,), (send,) = named(handled, "send Text"), sent
    assert webhook["name"] == "webhook desk"
    # Nobody outside decides what is traced, whatever the request says.
    assert webhook["parent_id"] is None
    assert is_below(handle, webhook)
    assert is_below(inside, handle)
    assert is_below(failed, handle)
    assert is_below(send, handle)
    assert [each["attributes"]["botkit.outcome"] for each in (failed, send)] == ["not_sent", "sent"]
    assert [each["status"]["status_code"] for each in (failed, send)] == ["ERROR", "UNSET"]
    assert handle["attributes"]["botkit.committed"] is True
    assert "traced_child.py" in handle["attributes"]["botkit.handler"]


def test_within_one_process_each_event_has_a_trace_of_its_own(answered: list[Span]) -> None:
    webhooks, handles, sends = (
        named(answered, name) for name in ("webhook desk", "handle message_received", "send Text")
    )
    assert [len(webhooks), len(handles), len(sends)] == [2, 2, 2]
    for webhook, handle in zip(webhooks, handles, strict=True):
        assert is_below(handle, webhook)
        assert [is_below(send, handle) for send in sends].count(True) == 1


def test_no_span_tells_what_a_person_wrote_or_who_they_are(answered: list[Span], refused: list[Span]) -> None:
    spans = [*answered, *refused]
    assert len(named(spans, "handle message_received")) == 3
    said = json.dumps(spans)
    assert WORDS not in said
    assert "olena" not in said


def test_a_handler_that_fails_marks_its_span_with_the_kind_of_error_alone(refused: list[Span]) -> None:
    (handle,) = named(refused, "handle message_received")
    assert handle["status"] == {"status_code": "ERROR", "description": "ValueError"}
    assert handle["attributes"]["botkit.committed"] is False
    assert handle["events"] == []


async def test_who_does_not_trace_handles_what_was_stored_with_a_trace(servers: Servers, prefix: str) -> None:
    run("takes", servers.any_url(), prefix)
    desk = Desk()
    async with Process(servers.any_url(), bot(parrot(), desk), prefix=prefix) as process:
        await process.engine.settle()
    assert desk.texts == WORDS.split()


async def test_what_is_stored_while_nobody_records_is_what_it_always_was(servers: Servers, prefix: str) -> None:
    assert is_installed
    event = says("hello")
    payload = encode(event)
    assert stamp(payload) is payload
    async with Process(servers.any_url(), bot(parrot(), Desk()), prefix=prefix, role="web") as process:
        await process.takes(event)
        key = process.store.keys.of(where().key, "m")[0]
        assert await process.store.call("LINDEX", key, 0) == event.id.encode() + payload


async def test_what_is_stored_while_a_span_records_is_the_same_with_one_field_more(
    servers: Servers, prefix: str
) -> None:
    (webhook,) = run("takes", servers.any_url(), prefix)
    store = RedisStore(servers.any_url(), prefix=prefix)
    entry = await store.call("LINDEX", store.keys.of(where().key, "m")[0], 0)
    await store.close()
    stored = json.loads(entry[22:])
    ids = (webhook["context"][name].removeprefix("0x") for name in ("trace_id", "span_id"))
    assert json.loads(unstamped(entry[22:])) == {name: said for name, said in stored.items() if name != "traceparent"}
    assert stored["traceparent"].startswith("00-{}-{}-0".format(*ids))
    assert {"type", "id", "at", "conversation", "user", "text", "traceparent"} == stored.keys()


_WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from botkit import tracing
from botkit.attempts import Attempts
from botkit.dispatcher import Dispatcher
from botkit.receiver import Receiver
payload = b"{}"
wrapped = [method.__qualname__ for method in (Attempts.make, Dispatcher.run, Receiver._store_events)
           if hasattr(method, "__wrapped__")]
tracing.note("a", "b")
tracing.failed(ValueError())
print(tracing.is_installed, wrapped, tracing.stamp(payload) is payload)
"""


def test_without_the_extra_nothing_is_wrapped_and_nothing_is_stamped() -> None:
    command = [sys.executable, "-c", _WITHOUT]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=50, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "False [] True\n", "")
