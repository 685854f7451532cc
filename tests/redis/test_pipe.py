"""The pipe against a server that sees each write as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import uvloop

from botkit.exceptions import SettingsError, StoreUnavailableError
from botkit.redis.pipe import MAX_BATCH, Pipe
from botkit.redis.refusals import NoScriptError, ResponseError
from botkit.redis.wire import Command
from tests.redis.fake_server import Server

Send = Callable[[Sequence[Command]], Awaitable[list[Any]]]


@pytest.fixture
async def pipe(server: Server) -> AsyncIterator[Pipe]:
    """A pipe that is connected."""
    pipe = Pipe(server.url, seconds=0.2)
    await pipe.call("PING")
    server.writes.clear()
    server.arrived.clear()
    yield pipe
    await pipe.close()


# --- one write for all ---


async def test_commands_of_concurrent_callers_share_one_write(server: Server, pipe: Pipe) -> None:
    await asyncio.gather(*(pipe.call("GET", f"key{number}") for number in range(20)))
    assert server.writes == [[b"GET key%d" % number for number in range(20)]]


async def test_commands_that_come_during_a_batch_share_the_next_one(server: Server, pipe: Pipe) -> None:
    first = pipe.call("GET", "a")
    await server.arrived.wait()
    await asyncio.gather(first, pipe.call("GET", "b"), pipe.call("GET", "c"))
    assert server.writes == [[b"GET a"], [b"GET b", b"GET c"]]


@pytest.mark.parametrize(("number", "writes"), [(MAX_BATCH, [MAX_BATCH]), (MAX_BATCH + 1, [MAX_BATCH, 1])])
async def test_a_write_has_a_bounded_number_of_commands(
    server: Server, pipe: Pipe, number: int, writes: list[int]
) -> None:
    await asyncio.gather(*(pipe.call("PING") for _ in range(number)))
    assert [len(commands) for commands in server.writes] == writes


async def test_each_caller_gets_the_answer_to_its_own_command(server: Server, pipe: Pipe) -> None:
    server.answers |= {b"A": b":1\r\n", b"B": b"$1\r\n\xff\r\n", b"C": b"$-1\r\n", b"D": b"*2\r\n:1\r\n+x\r\n"}
    assert await asyncio.gather(*(pipe.call(name) for name in "ABCD")) == [1, b"\xff", None, [1, b"x"]]


async def test_a_pipe_connects_only_when_first_needed(server: Server) -> None:
    pipe = Pipe(server.url)
    assert server.connections == 0
    await asyncio.gather(pipe.call("PING"), pipe.call("PING"))
    assert server.connections == 1
    await pipe.close()


# --- errors of one command ---


async def test_an_error_concerns_only_its_command(server: Server, pipe: Pipe) -> None:
    server.answers[b"BAD"] = b"-WRONGTYPE not that kind of key\r\n"
    good, bad, last = pipe.call("GET", "a"), pipe.call("BAD"), pipe.call("GET", "b")
    assert (await good, await last) == (b"OK", b"OK")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await bad
    assert server.connections == 1


@pytest.mark.parametrize("argument", ["half \ud83d", None])
async def test_a_command_that_cannot_be_written_concerns_only_its_caller(
    server: Server, pipe: Pipe, argument: Any
) -> None:
    good, bad, last = pipe.call("GET", "a"), pipe.call("GET", argument), pipe.call("GET", "b")
    assert (await good, await last) == (b"OK", b"OK")
    with pytest.raises((UnicodeError, TypeError)):
        await bad
    assert server.writes == [[b"GET a", b"GET b"]]


@pytest.mark.parametrize(
    "answer",
    [
        b"-OOM command not allowed when used memory > 'maxmemory'.",
        b"-READONLY You can't write against a read only replica.",
        b"-LOADING Redis is loading the dataset in memory",
        b"-BUSY Redis is busy running a script.",
        b"-MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.",
        b"-NOREPLICAS Not enough good replicas to write.",
        b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        b"-TRYAGAIN Multiple keys request during rehashing of slot",
        b"-CLUSTERDOWN The cluster is down",
        b"-MOVED 3999 127.0.0.1:6381",
        b"-ASK 3999 127.0.0.1:6381",
        b"-ERR Error running script (call to f_12): @user_script:1: -OOM command not allowed when used memory",
        b"-ERR Error running script (call to f_12): @user_script:1: -READONLY You can't write against a replica.",
    ],
    ids=lambda answer: answer.decode().rpartition("-")[2].split(" ")[0],
)
async def test_a_server_that_refuses_for_now_is_unavailable(server: Server, pipe: Pipe, answer: bytes) -> None:
    server.answers[b"SET"] = answer + b"\r\n"
    with pytest.raises(StoreUnavailableError):
        await pipe.call("SET", "a", "b")
    assert await pipe.call("PING") == b"OK"


@pytest.mark.parametrize("text", [b"-ERR OOM is only mentioned", b"-BUSYKEY Target key name already exists"])
async def test_another_error_is_no_refusal(server: Server, pipe: Pipe, text: bytes) -> None:
    server.answers[b"SET"] = text + b"\r\n"
    with pytest.raises(ResponseError):
        await pipe.call("SET", "a", "b")


async def test_an_unknown_script_is_told_apart(server: Server, pipe: Pipe) -> None:
    server.answers[b"EVALSHA"] = b"-NOSCRIPT No matching script.\r\n"
    with pytest.raises(NoScriptError):
        await pipe.call("EVALSHA", "12", 0)


async def test_a_command_is_sent_in_the_place_of_one_that_got_an_error_and_behind_what_waits(server: Server) -> None:
    server.answers[b"EVALSHA"] = b"-NOSCRIPT No matching script.\r\n"
    pipe = Pipe(server.url, on_error=lambda command, error: ("EVAL", *command[1:]))
    answer = pipe.call("EVALSHA", "12")
    await server.arrived.wait()
    last = pipe.call("GET", "a")
    assert (await answer, await last) == (b"OK", b"OK")
    assert server.writes == [[b"EVALSHA 12"], [b"GET a", b"EVAL 12"]]
    await pipe.close()


async def test_a_caller_gets_the_error_that_is_made_of_redis_s_own(server: Server) -> None:
    server.answers[b"BAD"] = b"-WRONGTYPE not that kind of key\r\n"
    pipe = Pipe(server.url, on_error=lambda command, error: KeyError(command[1]))
    bad, good = pipe.call("BAD", "a"), pipe.call("GET", "b")
    with pytest.raises(KeyError, match="a"):
        await bad
    assert await good == b"OK"
    await pipe.close()


async def test_nobody_is_asked_about_a_refusal_for_now(server: Server) -> None:
    server.answers[b"SET"] = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    pipe = Pipe(server.url, on_error=lambda command, error: ("PING",))
    with pytest.raises(StoreUnavailableError):
        await pipe.call("SET", "a", "b")
    await pipe.close()


async def test_after_a_refusal_by_a_replica_the_next_command_looks_for_the_primary(server: Server, pipe: Pipe) -> None:
    server.answers[b"SET"] = b"-READONLY You can't write against a read only replica.\r\n"
    results = await asyncio.gather(pipe.call("SET", "a", "b"), pipe.call("GET", "a"), return_exceptions=True)
    assert isinstance(results[0], StoreUnavailableError)
    assert results[1] == b"OK"
    await pipe.call("PING")
    assert server.connections == 2


# --- a broken connection ---


async def test_a_server_that_hangs_is_unavailable_within_the_time(server: Server, pipe: Pipe) -> None:
    server.answers[b"HANG"] = None
    with pytest.raises(StoreUnavailableError, match="TimeoutError"):
        async with asyncio.timeout(5):
            await pipe.call("HANG")


async def test_after_a_hang_the_next_command_has_a_connection_of_its_own(server: Server, pipe: Pipe) -> None:
    server.answers[b"HANG"] = None
    await asyncio.gather(pipe.call("HANG"), return_exceptions=True)
    assert await pipe.call("PING") == b"OK"
    assert server.connections == 2


async def test_a_refused_connection_is_unavailable_at_once(server: Server) -> None:
    await server.stop()
    pipe = Pipe(server.url, seconds=600)
    with pytest.raises(StoreUnavailableError, match="ConnectionError"):
        async with asyncio.timeout(5):
            await pipe.call("PING")
    await server.start()
    assert await pipe.call("PING") == b"OK"
    await pipe.close()


async def test_a_connection_that_breaks_is_unavailable_and_is_made_anew(server: Server, pipe: Pipe) -> None:
    server.answers[b"CUT"] = b""
    results = await asyncio.gather(pipe.call("GET", "a"), pipe.call("CUT"), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError] * 2
    assert await pipe.call("PING") == b"OK"
    assert server.connections == 2


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_connection_that_is_reset_while_nothing_is_under_way_is_made_anew_and_nobody_notices(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def use() -> None:
        server = Server()
        await server.start()
        pipe = Pipe(server.url)
        await pipe.call("PING")
        server.reset()
        # The pipe's own socket has heard of it by then.
        await asyncio.sleep(0.05)
        assert await pipe.call("PING") == b"OK"
        await pipe.close()
        await server.stop()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(use())


async def test_nothing_is_ever_sent_twice(server: Server, pipe: Pipe) -> None:
    server.answers[b"CUT"] = b""
    await asyncio.gather(pipe.call("CUT"), return_exceptions=True)
    await pipe.call("PING")
    assert [command for write in server.writes for command in write].count(b"CUT") == 1


async def test_an_answer_that_is_no_redis_is_unavailable(server: Server, pipe: Pipe) -> None:
    server.answers[b"GET"] = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(StoreUnavailableError):
        await pipe.call("GET", "a")
    assert await pipe.call("PING") == b"OK"


async def test_the_error_does_not_tell_the_address_or_the_password(server: Server) -> None:
    await server.stop()
    pipe = Pipe(f"redis://user:secret@127.0.0.1:{server.port}/0")
    with pytest.raises(StoreUnavailableError) as caught:
        await pipe.call("PING")
    assert "secret" not in repr(caught.value)
    await pipe.close()
    await server.start()


# --- cancelling ---


async def test_a_command_that_was_cancelled_before_its_write_is_never_sent(server: Server, pipe: Pipe) -> None:
    first, second = pipe.call("GET", "a"), pipe.call("GET", "b")
    first.cancel()
    assert await second == b"OK"
    assert server.writes == [[b"GET b"]]


async def test_when_every_caller_is_cancelled_nothing_is_written(server: Server, pipe: Pipe) -> None:
    only = pipe.call("GET", "a")
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    await pipe.call("PING")
    assert server.writes == [[b"PING"]]


async def test_a_caller_that_is_cancelled_does_not_disturb_the_others(server: Server, pipe: Pipe) -> None:
    server.answers |= {b"A": None, b"B": None}
    first, second = pipe.call("A"), pipe.call("B")
    await server.arrived.wait()
    first.cancel()
    server.say(b":1\r\n:2\r\n")
    assert await second == 2
    assert await pipe.call("PING") == b"OK"
    assert server.connections == 1


# --- connecting ---


async def test_what_on_connect_sends_goes_ahead_of_the_callers_at_each_connection(server: Server) -> None:
    async def prepare(send: Send) -> None:
        assert await send([("HELLO", 2)]) == [b"OK"]

    pipe = Pipe(server.url, on_connect=prepare)
    await pipe.call("PING")
    server.hang_up()
    await asyncio.gather(pipe.call("PING"), return_exceptions=True)
    await pipe.call("PING")
    assert [write[-1] for write in server.writes if write[0] != b"CLIENT"] == [b"HELLO 2", b"PING"] * 2
    await pipe.close()


@pytest.mark.parametrize("error", [SettingsError("another store"), StoreUnavailableError("not ready")])
async def test_what_on_connect_raises_reaches_the_callers(server: Server, error: Exception) -> None:
    is_wrong = True

    async def prepare(_: Send) -> None:
        if is_wrong:
            raise error

    pipe = Pipe(server.url, on_connect=prepare)
    results = await asyncio.gather(pipe.call("PING"), pipe.call("PING"), return_exceptions=True)
    assert list(results) == [error, error]
    is_wrong = False
    assert await pipe.call("PING") == b"OK"
    await pipe.close()


async def test_connecting_has_no_more_time_than_a_command(server: Server) -> None:
    async def prepare(send: Send) -> None:
        await send([("HANG",)])

    server.answers[b"HANG"] = None
    pipe = Pipe(server.url, seconds=0.05, on_connect=prepare)
    with pytest.raises(StoreUnavailableError):
        async with asyncio.timeout(5):
            await pipe.call("PING")
    await pipe.close()


# --- closing ---


async def test_close_frees_the_callers_that_wait(server: Server) -> None:
    server.answers[b"HANG"] = None
    pipe = Pipe(server.url, seconds=600)
    under_way = pipe.call("HANG")
    await server.arrived.wait()
    waiting = pipe.call("GET", "a")
    await pipe.close()
    results = await asyncio.wait_for(asyncio.gather(under_way, waiting, return_exceptions=True), 5)
    assert [type(result) for result in results] == [StoreUnavailableError] * 2


async def test_close_frees_a_caller_whose_command_was_not_looked_at_yet(server: Server) -> None:
    pipe = Pipe(server.url)
    future = pipe.call("GET", "a")
    await pipe.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await asyncio.wait_for(future, 5)


async def test_a_closed_pipe_refuses(server: Server, pipe: Pipe) -> None:
    await pipe.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await pipe.call("PING")
    await pipe.close()
    assert server.writes == []


# --- a server that hangs ---


async def test_nobody_waits_for_a_hanging_server_longer_than_one_batch_however_many_wait(
    server: Server, pipe: Pipe
) -> None:
    server.answers[b"PING"] = None
    calls = [pipe.call("PING") for _ in range(5 * MAX_BATCH)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailableError}
    assert len(server.writes) == 1
    assert await pipe.call("GET", "a") == b"OK"
