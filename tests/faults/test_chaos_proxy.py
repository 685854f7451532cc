"""ChaosProxy does to a connection what it says: without that, the tests that use it would prove nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.faults.chaos_proxy import ChaosProxy, Cut
from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """The address of a server that says again what it hears."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/path"


class Client:
    """A connection through a proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def says(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hears(self, size: int = 1 << 16) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.read(size)

    async def hears_until_reset(self) -> bytes:
        """Returns what came before the connection was reset, and by nothing else."""
        heard = b""
        with suppress(ConnectionResetError):
            while True:
                heard += await self.hears() or b"an end of file"
                assert b"an end" not in heard
        return heard


@asynccontextmanager
async def connected(proxy: ChaosProxy) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", proxy.port))
    try:
        yield client
    finally:
        client.writer.transport.abort()


async def test_without_a_fault_everything_passes_both_ways_to_the_end(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        await client.says(b"x" * 100_000)
        client.writer.write_eof()
        assert await client.reader.read() == b"x" * 100_000
        assert proxy.url == f"http://127.0.0.1:{proxy.port}/path"


async def test_answers_come_later_by_the_latency(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        proxy.latency, proxy.jitter = 0.1, 0.05
        loop = asyncio.get_running_loop()
        began = loop.time()
        await client.says(b"x")
        await client.hears()
        assert loop.time() - began > 0.1


async def test_no_more_bytes_pass_than_the_bandwidth_allows(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        proxy.bandwidth = 10_000
        loop = asyncio.get_running_loop()
        began = loop.time()
        await client.says(b"x" * 1000)
        await client.reader.readexactly(1000)
        assert loop.time() - began > 0.2


async def test_bytes_come_in_slices(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        proxy.slice = 2
        await client.says(b"abcdef")
        heard = [await client.hears()]
        while sum(map(len, heard)) < 6:
            heard.append(await client.hears())
        assert b"".join(heard) == b"abcdef"
        assert len(heard) > 1


async def test_a_frozen_connection_passes_nothing_until_it_is_thawed(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        proxy.freeze()
        await client.says(b"x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.reader.read(1)
        proxy.thaw()
        assert await client.hears() == b"x"


async def test_a_reset_is_seen_as_one(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        await client.says(b"x")
        await client.hears()
        proxy.reset()
        assert await client.hears_until_reset() == b""


async def test_who_is_refused_is_taken_again_on_the_same_port(echo: str) -> None:
    async with ChaosProxy(echo) as proxy:
        port = proxy.port
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await proxy.accept()
        async with connected(proxy) as client:
            await client.says(b"x")
            assert await client.hears() == b"x"
            assert proxy.port == port


async def test_half_a_connection_closes_and_the_other_half_stays(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        await client.says(b"x")
        await client.hears()
        proxy.half_close()
        assert await client.hears() == b""
        await client.says(b"y")
        await client.says(b"z")


async def test_a_connection_is_cut_after_so_many_bytes(echo: str) -> None:
    async with ChaosProxy(echo) as proxy, connected(proxy) as client:
        proxy.cut_after(3, "requests")
        await client.says(b"abcdef")
        assert await client.hears_until_reset() in b"abc"
        assert proxy.cuts == 1


def command(*words: str) -> bytes:
    return b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)])


@pytest.mark.parametrize(("cut", "done"), [("before", b"1"), ("half", b"1"), ("reply", b"2")])
@pytest.mark.parametrize("is_written_together", [True, False])
async def test_a_connection_is_cut_at_a_command(
    make_redis: MakeRedis, cut: Cut, done: bytes, is_written_together: bool
) -> None:
    server = make_redis(fsync="")
    async with ChaosProxy(server.socket_url) as proxy, connected(proxy) as client:
        proxy.cut_command(2, cut)
        for data in three(is_written_together):
            await client.says(data)
        assert b":2" not in await client.hears_until_reset()
        assert await value(server) == done
        assert proxy.cuts == 1


def three(is_written_together: bool) -> list[bytes]:
    counted = [command("INCR", "x"), command("INCR", "x"), command("INCR", "x")]
    return [b"".join(counted)] if is_written_together else counted


async def value(server: RedisChild) -> bytes:
    answer: bytes = await asyncio.to_thread(server.ask, "GET", "x")
    return answer


async def test_the_whole_of_a_write_is_done_when_its_reply_is_cut(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="")
    async with ChaosProxy(server.url) as proxy, connected(proxy) as client:
        proxy.cut_write(1, "reply")
        await client.says(b"".join(three(is_written_together=True)))
        assert await client.hears_until_reset() == b""
        assert await value(server) == b"3"
