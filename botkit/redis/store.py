"""The store on Redis: keys, partitions, and one method for each script."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any
from uuid import uuid4

import structlog
from msgspec import Struct
from redis.exceptions import NoScriptError, ResponseError

from botkit.clock import Clock
from botkit.conversation import digest
from botkit.exceptions import SettingsError, StoreUnavailableError, TooManyTimersError
from botkit.pace import Pace
from botkit.redis.accounts import RedisAccounts
from botkit.redis.deliveries import RedisDeliveries
from botkit.redis.keys import Keys
from botkit.redis.pipe import Command, Pipe
from botkit.redis.scripts import Script, load_scripts
from botkit.redis.session_arguments import count_arguments, heard_arguments
from botkit.session_rules import Heard, SessionRules
from botkit.store import (
    LATER,
    Accepted,
    Ahead,
    Claim,
    Commit,
    Committed,
    Counted,
    Counts,
    DueTimer,
    Duplicate,
    Full,
    Ingested,
    Mine,
    Queue,
    Record,
    Reply,
    Status,
    Timer,
    Turn,
    Verdict,
)

log = structlog.get_logger("botkit.redis")

#: The layout of the keys; a store of a newer format is refused.
FORMAT = 1

_EVENT_ID = 22
_MESSAGE_KEY = 24
_DAY_MS = 86_400_000
# For the ids of timers and of our own messages: as long as the longest window of a channel, so that none is shortened.
_OWN_WINDOW_MS = 8 * _DAY_MS
# How long what a month cost can be looked up.
_LEDGER_MS = 400 * _DAY_MS
# What is read of a conversation's record, in the order of head.lua.
_RECORD = ("s", "v", "ss", "sn", "sr", "se", "hh", "hn")
# No score is ever set further ahead; what is, comes from a clock that was set back.
_FAR_MS = 600_000
_INGEST = "m x c rdy lse own try w o ordy ohld wake ses tmr t"
_VERDICTS = {
    b"GO": Verdict.DONE,
    b"HOLD": Verdict.HELD,
    b"LIMIT": Verdict.LIMIT,
    b"OUT": Verdict.OUTSIDE,
    b"WAIT": Verdict.WAITING,
    b"DEAD": Verdict.DEAD,
    b"SPENT": Verdict.SPENT,
    b"FENCED": Verdict.FENCED,
}


class Bounds(Struct, frozen=True):
    """How much is kept, and how long work is held. Times in seconds, sizes in entries."""

    lease: float = 10
    mailbox: int = 1000
    outbox: int = 1000
    ids: int = 2000
    timers: int = 16
    reply: float = 7200
    receipt: float = 4 * 86400
    value: float = 366 * 86400
    partitions: int = 16


class RedisStore:
    """Keeps conversations in Redis 6.2 or later; implements `botkit.store.Store`.

    All keys of a conversation carry the hash tag of its partition, so each script touches one slot.
    `prefix` separates botkits that share a server.
    """

    def __init__(
        self, url: str, *, clock: Clock | None = None, prefix: str = "bk", bounds: Bounds | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.bounds = bounds or Bounds()
        self.version = ""
        self.keys = Keys(prefix, self.bounds.partitions)
        self._pipe = Pipe(url, on_connect=self._prepare)
        self._listener = Pipe(url, seconds=3600)
        self._scripts: Mapping[str, Script] = load_scripts(shebang=False)
        self.accounts = RedisAccounts(self._script, self.keys)
        self.deliveries = RedisDeliveries(self._script, self.call, self.keys, life=self.bounds.receipt)
        self._worker = uuid4().hex[:12]
        self._counter = count()

    def new_token(self) -> str:
        """Returns a token nobody used before: it makes a repeated call recognisable."""
        return f"{self._worker}.{next(self._counter)}"

    # --- calls ---

    async def _prepare(self, send: Callable[[Sequence[Command]], Awaitable[list[Any]]]) -> None:
        (hello,) = await send([("HELLO", 2)])
        self.version = _server_version(hello)
        self._scripts = load_scripts(shebang=int(self.version.split(".")[0]) >= 7)
        meta = self.keys.meta
        commands: list[Command] = [("SCRIPT", "LOAD", script.text) for script in self._scripts.values()]
        commands.append(("HSETNX", meta, "partitions", self.bounds.partitions))
        commands.append(("HSETNX", meta, "format", FORMAT))
        commands.append(("HMGET", meta, "partitions", "format"))
        answers = await send(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise StoreUnavailableError(f"Redis is not ready ({type(answer).__name__})") from answer
        self._check_meta(*answers[-1])

    def _check_meta(self, partitions: bytes, layout: bytes) -> None:
        if int(partitions) != self.bounds.partitions:
            raise SettingsError(
                f"the store has {int(partitions)} partitions, not {self.bounds.partitions}",
                fix="keep the number it was started with, or use another BOTKIT_KEY_PREFIX",
            )
        if int(layout) > FORMAT:
            raise SettingsError(
                f"the store has format {int(layout)}; this version knows {FORMAT}", fix="run the newer botkit"
            )

    async def _script(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        try:
            return await self._run_script(name, keys, *args)
        except ResponseError as error:
            # A key of a wrong type, say: nothing can be stored there, and whoever sent it must not think so.
            log.error("Redis refused a script", script=name, reason=str(error)[:200])
            raise StoreUnavailableError(f"Redis refused the script {name}") from None

    async def _run_script(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        offset = self.clock.offset_ms
        try:
            return await self._pipe.call("EVALSHA", self._scripts[name].sha, len(keys), *keys, offset, *args)
        except NoScriptError:
            # Flushed, or the first call: which text the server takes is known when it is connected.
            return await self._pipe.call("EVAL", self._scripts[name].text, len(keys), *keys, offset, *args)

    @property
    def _lease_ms(self) -> int:
        return round(self.bounds.lease * 1000)

    # --- inbound ---

    async def ingest(
        self,
        cid: str,
        event_id: str,
        payload: bytes,
        *,
        token: str,
        window: float,
        heard: Heard | None = None,
        opens: bool | None = None,
    ) -> Ingested:
        """See `Store.ingest`. One trip."""
        keys = self.keys.of(cid, _INGEST)
        return await self._ingest(
            keys, cid, event_id, payload, token, round(window * 1000), "", 0,
            "" if opens is None else int(opens), *heard_arguments(heard),
        )  # fmt: skip

    async def fire(self, due: DueTimer, event_id: str) -> Ingested:
        """See `Store.fire`. One trip."""
        timer = due.timer
        keys = self.keys.of(due.cid, _INGEST)
        if timer.name.startswith(LATER):
            event_id, keys[-1] = timer.name.removeprefix(LATER), self.keys.of(due.cid, "e")[0]
        return await self._ingest(
            keys, due.cid, event_id, timer.payload, "", _OWN_WINDOW_MS, timer.name, timer.due_ms, "",
            *heard_arguments(None),
        )  # fmt: skip

    async def _ingest(
        self, keys: list[str], cid: str, eid: str, payload: bytes, token: str, window: int, *rest: str | int
    ) -> Ingested:
        keys[7] = self.keys.reply(cid, eid)
        answer = await self._script(
            "ingest", keys, cid, eid, payload, token, self._lease_ms, window, self.bounds.ids, self.bounds.mailbox,
            *rest,
        )  # fmt: skip
        if answer[0] == b"MINE":
            return Mine(Turn(cid, token, eid, payload, answer[2], _record(answer[1])))
        if answer[0] == b"OK":
            return Accepted(answer[1])
        return Full() if answer[0] == b"FULL" else Duplicate(answer[1])

    async def claim(self, queue: Queue, limit: int) -> Claim:
        """See `Store.claim`. Two trips for all partitions together, one when nothing is due."""
        token = self.new_token()
        names = ("rdy", "lse", "own", "try") if queue is Queue.MAILBOX else ("ordy", "olse", "oown", "otry", "ohld")
        share = max(1, -(-limit // len(self.keys.partitions)))
        answers = await asyncio.gather(
            *(
                self._script("claim", [shared[n] for n in names], token, self._lease_ms, share, _FAR_MS)
                for shared in self.keys.partitions
            )
        )
        waits = [wait for wait, _ in answers if wait >= 0]
        taken = [pair for _, found in answers for pair in zip(found[::2], found[1::2], strict=True)]
        turns = await asyncio.gather(*(self._load_turn(queue, cid.decode(), token, n) for cid, n in taken))
        return Claim([turn for turn in turns if turn], min(waits) / 1000 if waits else None)

    async def _load_turn(self, queue: Queue, cid: str, token: str, attempts: int) -> Turn | None:
        mail = queue is Queue.MAILBOX
        keys = self.keys.of(cid, "m c o")
        calls = [self._pipe.call("LINDEX", keys[0] if mail else keys[2], 0)]
        if mail:
            calls.append(self._pipe.call("HMGET", keys[1], *_RECORD))
            calls.append(self._pipe.call("LLEN", keys[2]))
        else:
            calls.append(self._pipe.call("HMGET", keys[1], "pt", "g"))
        try:
            answers = await asyncio.gather(*calls)
        except ResponseError as error:
            # It must not cost the conversations that were claimed with it their turns.
            log.error(
                "a conversation cannot be read", queue=queue.value, conversation=digest(cid)[:10], reason=str(error)
            )
            return None
        if answers[0] is None:
            # The conversation was forgotten between the claim and the load.
            return None
        record = _record([*answers[1], answers[2]]) if mail else _terms(answers[1])
        return _turn(queue, cid, token, answers[0], attempts, record)

    async def renew(self, queue: Queue, held: Mapping[str, str]) -> set[str]:
        """See `Store.renew`. One trip for all partitions together."""
        names = ("lse", "own") if queue is Queue.MAILBOX else ("olse", "oown")
        by_partition: dict[int, list[str]] = {}
        for cid, token in held.items():
            by_partition.setdefault(self.keys.partition(cid), []).extend((cid, token))
        answers = await asyncio.gather(
            *(
                self._script("renew", [self.keys.partitions[p][n] for n in names], self._lease_ms, *pairs)
                for p, pairs in by_partition.items()
            )
        )
        return {cid.decode() for lost in answers for cid in lost}

    async def commit(self, turn: Turn, commit: Commit, *, keep: bool, send: bool) -> Committed | None:
        """See `Store.commit`. One trip."""
        keys = self.keys.of(turn.cid, "m c rdy lse own try o ordy olse oown otry ohld w tmr t")
        keys[12] = self.keys.reply(turn.cid, turn.id)
        # Made of the event, so that a repeat of this very commit is recognised.
        send_token = f"{turn.token}/{turn.id}" if send and commit.outgoing else ""
        timers = [part for timer in commit.timers for part in (timer.name, timer.due_ms, timer.payload)]
        answer = await self._script(
            "commit", keys, turn.cid, turn.token, turn.id, commit.state, self._lease_ms, int(keep), send_token,
            commit.reply, round(self.bounds.reply * 1000), len(commit.timers), self.bounds.timers, *timers,
            *commit.outgoing,
        )  # fmt: skip
        if answer[0] == b"FENCED":
            return None
        if answer[0] == b"TIMERS":
            raise TooManyTimersError(
                f"a conversation may have {self.bounds.timers} timers at a time",
                fix="give timers that replace one another the same name, and cancel what is not needed",
            )
        record = _record(answer[3])
        following = _turn(Queue.MAILBOX, turn.cid, turn.token, answer[2], 1, record) if answer[2] else None
        terms = _terms(answer[4])
        first = _turn(Queue.OUTBOX, turn.cid, send_token, commit.outgoing[0], 1, terms) if answer[1] else None
        return Committed(first, following, is_queued=bool(commit.outgoing) and first is None)

    async def peek(self, turn: Turn, limit: int) -> Ahead:
        """See `Store.peek`. One trip."""
        age_ms, entries = await self._script("peek", self.keys.of(turn.cid, "m x"), turn.id, limit)
        return Ahead(age_ms / 1000, [(entry[:_EVENT_ID].decode(), entry[_EVENT_ID:]) for entry in entries])

    # --- outbound ---

    async def sent(self, turn: Turn, *, keep: bool, pace: Pace | None = None) -> Turn | None:
        """See `Store.sent`. One trip."""
        keys = self.keys.of(turn.cid, "o ordy olse oown otry c")
        interval, burst = (math.ceil(1000 * pace.interval), pace.at_once) if pace else (0, 0)
        answer = await self._script(
            "sent", keys, turn.cid, turn.token, turn.id, self._lease_ms, int(keep), interval, burst
        )
        return _turn(Queue.OUTBOX, turn.cid, turn.token, answer[1], 1, _terms(answer[2])) if answer[1] else None

    async def count(
        self, turn: Turn, rules: SessionRules, *, account: str, month: str, outside: bool, expires_ms: int = 0
    ) -> Counted:
        """See `Store.count`. One trip."""
        keys = self.keys.of(turn.cid, "c ordy olse oown otry ohld ses led")
        found = await self._script(
            "count", keys, turn.cid, turn.token, _attempt(turn), turn.id, account, f"{account}|{month}",
            *count_arguments(rules, expires_ms, outside=outside),
        )  # fmt: skip
        verdict, word = _VERDICTS[found[0]], found[1].decode()
        return Counted(verdict, country=word) if verdict is Verdict.OUTSIDE else Counted(verdict, word)

    async def buy(self, account: str, month: str, *, free: int, charged_as: str) -> str:
        """See `Store.buy`. One trip."""
        key = self.keys.month(account, month)
        entry: bytes = await self._script("buy", [key], free, charged_as, _LEDGER_MS)
        return entry.decode()

    async def book(self, account: str, month: str, entries: Mapping[str, int]) -> None:
        """See `Store.book`. One trip."""
        key = self.keys.month(account, month)
        added = (self._pipe.call("HINCRBY", key, entry, number) for entry, number in entries.items())
        await asyncio.gather(*added, self._pipe.call("PEXPIRE", key, _LEDGER_MS))

    async def reset_session(self, cid: str) -> bool:
        """Ends a conversation's session as if nothing had been sent; what is held is tried again. One trip."""
        return bool(await self._script("reset", self.keys.of(cid, "c ses ohld ordy"), cid))

    async def retry(
        self, queue: Queue, turn: Turn, *, delay: float, error: str = "", max_attempts: int = 0, refund: bool = False
    ) -> Verdict:
        """See `Store.retry`. One trip."""
        return await self._retry(queue, turn, delay, error, str(max_attempts), "", refund=refund)

    async def retry_unknown(self, turn: Turn, *, delay: float, max_repeats: int) -> Verdict:
        """See `Store.retry_unknown`. One trip."""
        return await self._retry(Queue.OUTBOX, turn, delay, "", "", str(max_repeats), refund=False)

    async def _retry(
        self, queue: Queue, turn: Turn, delay: float, error: str, limit: str, repeats: str, *, refund: bool
    ) -> Verdict:
        mail = queue is Queue.MAILBOX
        keys = self.keys.of(turn.cid, f"{'m rdy lse own try' if mail else 'o ordy olse oown otry'} dead c ses led")
        attempt = _attempt(turn) if refund else ""
        # Longer waits are looked at again on the way: no score may lie further ahead.
        delay_ms = min(round(delay * 1000), _FAR_MS - 1000)
        answer = await self._script(
            "retry",
            keys,
            turn.cid,
            turn.token,
            turn.id,
            delay_ms,
            limit,
            _cut(error, 4000),
            attempt,
            repeats,
            queue.value,
        )
        return _VERDICTS[answer]

    async def fail(
        self,
        turn: Turn,
        *,
        error: str,
        event_id: str,
        event: bytes,
        refund: bool,
        keep: bool,
        is_dead: bool = True,
        gone: str = "",
        status: Status = Status.FAILED,
    ) -> Turn | None:
        """See `Store.fail`. One trip."""
        keys = self.keys.of(turn.cid, "o ordy olse oown otry dead m x c rdy own wake ses led")
        keys.append(self.keys.delivery(turn.cid, turn.id))
        attempt = _attempt(turn) if refund else ""
        answer = await self._script(
            "fail", keys, turn.cid, turn.token, turn.id, _cut(error, 500), attempt, event_id, event, self._lease_ms,
            int(keep), _OWN_WINDOW_MS, self.bounds.ids, int(is_dead), _cut(gone, 200),
            round(self.bounds.receipt * 1000), status.value,
        )  # fmt: skip
        return _turn(Queue.OUTBOX, turn.cid, turn.token, answer[1], 1, _terms(answer[2])) if answer[1] else None

    async def enqueue(self, cid: str, key: str, payload: bytes) -> bool:
        """See `Store.enqueue`. One trip."""
        keys = self.keys.of(cid, "x o ordy oown ohld wake")
        answer: bytes = await self._script(
            "enqueue", keys, cid, key, payload, _OWN_WINDOW_MS, self.bounds.ids, self.bounds.outbox
        )
        return answer != b"FULL"

    # --- timers ---

    async def due_timers(self, limit: int) -> tuple[Sequence[DueTimer], float | None]:
        """See `Store.due_timers`. Two trips for all partitions together, one when nothing is due."""
        now = round(self.clock.timestamp() * 1000)
        heads = await asyncio.gather(
            *(self._pipe.call("ZRANGE", shared["tmr"], 0, limit - 1, "WITHSCORES") for shared in self.keys.partitions)
        )
        timers = [
            (member.decode(), int(float(score)))
            for head in heads
            for member, score in zip(head[::2], head[1::2], strict=True)
        ]
        due = await asyncio.gather(*(self._load_timer(member, score) for member, score in timers if score <= now))
        later = min((score for _, score in timers if score > now), default=None)
        return [timer for timer in due if timer], None if later is None else (later - now) / 1000

    async def load_timers(self, cid: str) -> Sequence[bytes]:
        """See `Store.load_timers`. One trip."""
        payloads: Sequence[bytes] = await self._pipe.call("HVALS", self.keys.of(cid, "t")[0])
        return payloads

    async def _load_timer(self, member: str, due_ms: int) -> DueTimer | None:
        cid, name = member.split("|", 1)
        payload = await self._pipe.call("HGET", self.keys.of(cid, "e" if name.startswith(LATER) else "t")[0], name)
        return DueTimer(cid, Timer(name, due_ms, payload)) if payload else None

    # --- records, replies ---

    async def load(self, cid: str) -> Record:
        """See `Store.load`. One trip."""
        c, o = self.keys.of(cid, "c o")
        fields, queued = await asyncio.gather(self._pipe.call("HMGET", c, *_RECORD), self._pipe.call("LLEN", o))
        return _record([*fields, queued])

    async def is_idle(self, cid: str) -> bool:
        """Whether nothing of a conversation is waiting or under way, except what is held for the person. One trip."""
        m, own, o, oown, ohld = self.keys.of(cid, "m own o oown ohld")
        mail, owned, queued, sending, held = await asyncio.gather(
            self._pipe.call("EXISTS", m),
            self._pipe.call("HEXISTS", own, cid),
            self._pipe.call("EXISTS", o),
            self._pipe.call("HEXISTS", oown, cid),
            self._pipe.call("ZSCORE", ohld, cid),
        )
        return not (mail or owned or sending or (queued and held is None))

    async def load_reply(self, cid: str, event_id: str) -> Reply:
        """See `Store.load_reply`. One trip."""
        # In this order: once the mailbox is seen empty, the answer was there before.
        mail, body = await asyncio.gather(
            self._pipe.call("EXISTS", self.keys.of(cid, "m")[0]), self._pipe.call("GET", self.keys.reply(cid, event_id))
        )
        return Reply(body or b"", bool(mail) and not body)

    async def save_values(self, values: Mapping[str, str]) -> None:
        """See `Store.save_values`. One trip."""
        life = round(self.bounds.value * 1000)
        await asyncio.gather(
            *(self._pipe.call("SET", self.keys.value(token), value, "PX", life) for token, value in values.items())
        )

    async def load_value(self, token: str) -> str:
        """See `Store.load_value`. One trip."""
        found = await self._pipe.call("GET", self.keys.value(token))
        return found.decode() if found else ""

    async def save_unreadable(self, account: str, reason: str, body: bytes) -> None:
        """See `Store.save_unreadable`. One trip."""
        name = self.keys.unreadable
        fields = ("account", account, "reason", reason, "body", body[:65536])
        await asyncio.gather(
            self._pipe.call("XADD", name, "MAXLEN", "~", 1000, "*", *fields),
            self._pipe.call("PEXPIRE", name, 7 * _DAY_MS),
        )

    async def dead_letters(self) -> int:
        """Returns how many events and messages were given up."""
        lengths = await asyncio.gather(*(self._pipe.call("XLEN", shared["dead"]) for shared in self.keys.partitions))
        return sum(lengths)

    async def read_dead_letters(self, cid: str) -> list[dict[str, str]]:
        """Returns a conversation's dead letters: `id`, `kind`, `entry` and `err` of each, oldest first."""
        return [letter async for letter in self._scan_dead(cid)]

    async def _scan_dead(self, cid: str) -> Any:
        name = self.keys.of(cid, "dead")[0]
        start = "-"
        while page := await self._pipe.call("XRANGE", name, start, "+", "COUNT", 500):
            for entry_id, fields in page:
                pairs = [part.decode() for part in fields]
                letter = dict(zip(pairs[::2], pairs[1::2], strict=True))
                if letter["cid"] == cid:
                    yield {"id": entry_id.decode(), **letter}
            start = f"({page[-1][0].decode()}"

    async def forget(self, cid: str) -> int:
        """See `Store.forget`. Two trips, and one for each 500 dead letters of the partition."""
        keys = self.keys.of(cid, "m x c o t e tmr rdy lse own try ordy olse oown otry ohld ses")
        answer = await self._script("forget", keys, cid)
        removed: int = answer[0]
        ids: Sequence[bytes] = answer[1]
        if ids:
            # From here on no handler at work can store another answer.
            removed += await self._pipe.call("DEL", *(self.keys.reply(cid, event_id.decode()) for event_id in ids))
        async for letter in self._scan_dead(cid):
            removed += await self._pipe.call("XDEL", self.keys.of(cid, "dead")[0], letter["id"])
        return removed

    # --- the server ---

    async def wait(self, seconds: float) -> None:
        """See `Store.wait`. Holds a connection of its own."""
        wakes = [shared["wake"] for shared in self.keys.partitions]
        await self._listener.call("BLPOP", *wakes, max(0.05, seconds))

    async def ping(self) -> None:
        """See `Store.ping`. One trip."""
        await self._pipe.call("PING")

    async def check(self, cid: str, timers: Sequence[str] = ()) -> list[str]:
        """Returns the rules of structure that a conversation breaks; `timers` are names that seem to be due. One trip.

        Changes nothing, and sees one moment, so that a store in use gives no false alarms.
        """
        keys = self.keys.of(cid, "m o rdy lse own try ordy olse oown otry ohld tmr t e c ses")
        return [rule.decode() for rule in await self._script("check", keys, cid, *timers)]

    async def call(self, *command: str | bytes | int | float) -> Any:
        """Sends one command as it is; for tools that look at the data. One trip."""
        return await self._pipe.call(*command)

    async def server_settings(self, *names: str) -> dict[str, str]:
        """Returns settings of the server, without those it does not tell."""
        answers = await asyncio.gather(*(self._pipe.call("CONFIG", "GET", n) for n in names), return_exceptions=True)
        found = [a for a in answers if isinstance(a, list) and len(a) == 2]
        return {name.decode(): value.decode() for name, value in found}

    async def close(self) -> None:
        """Closes the connections."""
        await asyncio.gather(self._pipe.close(), self._listener.close())


def _server_version(hello: Sequence[bytes]) -> str:
    # HELLO is the one command that tells the version and needs no rights.
    return dict(zip(hello[::2], hello[1::2], strict=True))[b"version"].decode()


def _cut(error: str, size: int) -> bytes:
    # The text of an exception may hold halves of UTF-16 pairs, which have no UTF-8.
    return error[:size].encode(errors="replace")


def _attempt(turn: Turn) -> str:
    return f"{turn.token}/{turn.id}/{turn.attempts}"


def _turn(queue: Queue, cid: str, token: str, entry: bytes, attempts: int, record: Record) -> Turn:
    size = _EVENT_ID if queue is Queue.MAILBOX else _MESSAGE_KEY
    return Turn(cid, token, entry[:size].decode(), entry[size:], attempts, record)


def _record(fields: Sequence[Any]) -> Record:
    state, *numbers = fields
    version, started, sent, in_row, ends, hour, this_hour, queued = (int(number or 0) for number in numbers)
    return Record(state or b"", version, Counts(started, sent, in_row, ends, hour, this_hour), queued)


def _terms(fields: Sequence[Any]) -> Record:
    paced_ms, gone = fields
    return Record(paced_ms=int(paced_ms or 0), gone=(gone or b"").decode(errors="replace"))
