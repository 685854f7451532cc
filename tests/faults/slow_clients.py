"""Clients that never come to the point, in a process of their own: `python -m tests.faults.slow_clients PORT NUMBER`.

They come within a second, and each says a letter now and then until the server has had enough. Prints the seconds that
each of them was borne with.
"""

import asyncio
import json
import sys
import time

#: What all requests here begin with that are for a webhook.
HEAD = b"POST /webhooks/viber?ta=shop-viber HTTP/1.1\r\nHost: x\r\n"

_BEGINNINGS = (
    b"",
    b"P",
    b"POST /webhooks/viber?ta=shop-viber HTT",
    HEAD + b"X: ",
    HEAD + b"Content-Length: 100\r\n\r\n",
    HEAD + b"Content-Length: 100\r\n\r\n{",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
)
_PAUSE = 0.25


async def drip(port: int, said: bytes, delay: float) -> float:
    """Says something after a while, then a letter now and then; returns the seconds until it was closed."""
    await asyncio.sleep(delay)
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    closed = asyncio.create_task(reader.read())
    while not closed.done():
        await asyncio.wait([closed], timeout=_PAUSE)
        if said:
            writer.write(b"a")
    await asyncio.gather(closed, return_exceptions=True)
    writer.close()
    return time.monotonic() - began


async def drip_all(port: int, number: int) -> list[float]:
    """Lets so many come, of every kind."""
    kinds = len(_BEGINNINGS)
    return await asyncio.gather(*(drip(port, _BEGINNINGS[each % kinds], each / number) for each in range(number)))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drip_all(*map(int, sys.argv[1:])))))  # noqa: T201
