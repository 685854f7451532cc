"""Requests are read strictly: what two readers would not agree on is refused."""

import asyncio
import contextlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from botkit.exceptions import InvalidRequestError
from botkit.send_api.refusals import RefusedError
from botkit.send_api.requests import MAX_DEPTH, parse_json, read_idempotency_key, read_json


def request(*headers: tuple[str, str], chunks: Sequence[bytes] = (b"{}",)) -> Request:
    waiting = list(chunks)

    async def receive() -> dict[str, object]:
        if not waiting:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting) or not chunks[-1]}

    named = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": "POST", "headers": named}, receive)


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()))
def test_an_object_is_read_as_it_was_written(members: dict[str, object]) -> None:
    assert parse_json(json.dumps(members).encode()) == members


@given(st.binary())
def test_whatever_comes_is_an_object_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        assert isinstance(parse_json(body), dict)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"canary"',
        b"{",
        b"{} {}",
        b"{'canary': 1}",
        b'{"canary": 1, "canary": 1}',
        b'{"inner": [{"canary": 1, "b": 2, "canary": 3}]}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"canary": NaN}',
        b'{"canary": -Infinity}',
        b'{"canary": 1e999}',
        b'{"canary": 18446744073709551616}',
        b'{"canary": -9223372036854775809}',
        b'{"canary": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"// canary\n{}",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        nested(MAX_DEPTH + 1),
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_object_that_everybody_reads_alike_is_refused_without_its_words(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_json(body)
    assert "canary" not in str(caught.value)


def test_the_depth_and_the_numbers_at_their_bounds_are_read() -> None:
    assert parse_json(nested(MAX_DEPTH))
    assert parse_json(b'{"a": 18446744073709551615, "b": -9223372036854775808}')


# --- the request around it ---

JSON = ("content-type", "application/json")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; profile=x",
    ],
)
async def test_json_is_read_however_its_type_is_written(kind: str) -> None:
    assert await read_json(request(("content-type", kind)), most=10, seconds=1) == {}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "text/plain")],
        [("content-type", "application/json; charset=latin-1")],
        [("content-type", "application/json.")],
        [JSON, ("content-encoding", "gzip")],
    ],
    ids=str,
)
async def test_what_is_not_announced_as_json_is_not_read(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(RefusedError) as caught:
        await read_json(request(*headers), most=10, seconds=1)
    assert caught.value.status == 415


async def test_a_body_at_its_bound_is_read_and_one_byte_more_is_too_large() -> None:
    assert await read_json(request(JSON, chunks=[b"{", b"    }"]), most=6, seconds=1) == {}
    for chunks in ([b"{     }"], [b"{ ", b"    ", b"}"]):
        with pytest.raises(RefusedError) as caught:
            await read_json(request(JSON, chunks=chunks), most=6, seconds=1)
        assert (caught.value.status, caught.value.headers["Connection"]) == (413, "close")


async def test_a_body_that_is_announced_as_too_large_is_not_waited_for() -> None:
    with pytest.raises(RefusedError) as caught:
        await read_json(request(JSON, ("content-length", "7"), chunks=[b""]), most=6, seconds=60)
    assert caught.value.status == 413


async def test_a_body_that_does_not_come_is_too_slow() -> None:
    with pytest.raises(RefusedError) as caught:
        await read_json(request(JSON, chunks=[b"{", b""]), most=6, seconds=0.01)
    assert (caught.value.status, caught.value.headers["Connection"]) == (408, "close")


@pytest.mark.parametrize("key", ["1", "!" * 255, "~a,b:c"])
def test_an_idempotency_key_is_any_visible_characters(key: str) -> None:
    assert read_idempotency_key(request(("Idempotency-Key", key))) == key
    assert read_idempotency_key(request()) == ""


@pytest.mark.parametrize("keys", [[""], ["a b"], ["é"], ["x" * 256], ["a", "a"]], ids=lambda keys: str(keys)[:12])
def test_an_idempotency_key_of_another_form_is_refused(keys: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_idempotency_key(request(*[("Idempotency-Key", key) for key in keys]))
    assert [problem.path for problem in caught.value.problems] == ["Idempotency-Key"]
