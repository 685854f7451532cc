"""Checks the structure of everything that is stored; `botkit doctor --audit` prints what it returns."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from botkit.redis.single import Call
from botkit.redis.store import RedisStore

#: Names that are asked for, and looked at, in one go.
BATCH = 500

# What a partition keeps of all its conversations together, and how it is read.
_SHARED = dict.fromkeys(("rdy", "lse", "ordy", "olse", "ohld", "tmr", "ses"), "ZSCAN")
_SHARED |= dict.fromkeys(("own", "try", "oown", "otry"), "HSCAN")
# Where a conversation is that may have nothing to do.
_IDLE = ("all",)
_SHARED |= dict.fromkeys(_IDLE, "ZSCAN")
# A conversation's own keys: with work in them, and those that stay when there is none.
_WORK = ("m", "o", "t", "e")
_REST = ("x", "c")


class _Trace(NamedTuple):
    """A place where a conversation is named: in a key, or as a member of a shared one."""

    partition: int
    cid: str
    timer: str = ""
    is_idle: bool = False


async def audit(store: RedisStore) -> list[str]:
    """Returns each broken rule of the store's structure, with its conversation; none if all is well.

    A conversation with mail is due or leased, and it is leased if and only if somebody owns it. The same holds for its
    outbox, which may also be held. An empty queue is none of these and has no attempts. A timer is due at some time and
    has something to deliver. An open session is listed with its end, and what is listed is one. No trace of a
    conversation is outside its partition.

    Changes nothing, and may run while the store is in use: each conversation is judged in one moment. Holds no more
    names at a time than Redis returns for `BATCH`, and what it found.
    """
    broken: dict[str, None] = {}
    async for traces in _find_traces(store):
        broken |= dict.fromkeys(_misplaced(store, traces))
        broken |= dict.fromkeys(await _check(store, [trace for trace in traces if not trace.is_idle]))
    return list(broken)


async def _find_traces(store: RedisStore) -> AsyncIterator[list[_Trace]]:
    layout = re.compile(rf"\{{{re.escape(store.keys.prefix)}:(\d+)\}}:(\w+)(?::(.+))?")
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", f"{{{store.keys.prefix}:") + "*"
    async for keys in _find_keys(store, pattern):
        found = [match.groups() for key in keys if (match := layout.fullmatch(key))]
        yield [_Trace(int(p), cid, is_idle=kind in _REST) for p, kind, cid in found if kind in _WORK + _REST]
        for partition, kind in [(int(p), kind) for p, kind, _ in found if kind in _SHARED]:
            async for traces in _find_shared(store, partition, kind):
                yield traces


async def _find_keys(store: RedisStore, pattern: str) -> AsyncIterator[list[str]]:
    for call in (await store.servers()).values():
        async for keys in _scan(call, ("SCAN",), "MATCH", pattern):
            yield keys


async def _find_shared(store: RedisStore, partition: int, kind: str) -> AsyncIterator[list[_Trace]]:
    """Yields what a partition's shared key of this kind tells of conversations."""
    key = f"{{{store.keys.prefix}:{partition}}}:{kind}"
    async for entries in _scan(store.call, (_SHARED[kind], key)):
        # `cid`, `cid|timer`, or `cid|u` and `cid|b` where attempts are counted.
        names = [entry.partition("|") for entry in entries[::2]]
        yield [_Trace(partition, cid, timer, kind in _IDLE) for cid, _, timer in names]


async def _scan(call: Call, command: tuple[str, ...], *options: str) -> AsyncIterator[list[str]]:
    cursor = "0"
    while True:
        answer = await call(*command, cursor, *options, "COUNT", BATCH)
        cursor = answer[0].decode()
        yield [name.decode(errors="replace") for name in answer[1]]
        if cursor == "0":
            return


def _misplaced(store: RedisStore, traces: Sequence[_Trace]) -> list[str]:
    return [
        f"{trace.cid}: is in partition {trace.partition}, not in {store.keys.partition(trace.cid)}"
        for trace in traces
        if trace.partition != store.keys.partition(trace.cid)
    ]


async def _check(store: RedisStore, traces: Sequence[_Trace]) -> list[str]:
    timers: dict[str, list[str]] = {}
    for trace in traces:
        timers.setdefault(trace.cid, []).append(trace.timer)
    rules = await asyncio.gather(*(store.check(cid, names) for cid, names in timers.items()))
    return [f"{cid}: {rule}" for cid, broken in zip(timers, rules, strict=True) for rule in broken]
