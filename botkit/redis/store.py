"""The store on Redis: keys, partitions, and one method for each script."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar
from uuid import uuid4

from botkit.clock import Clock
from botkit.conversation import pseudonym
from botkit.deliveries import Status
from botkit.exceptions import TooManyTimersError
from botkit.pace import Pace
from botkit.record import phone_in
from botkit.redis.accounts import RedisAccounts
from botkit.redis.bounds import Bounds
from botkit.redis.broadcasts import RedisBroadcasts
from botkit.redis.contacts import RedisConsents, RedisContacts
from botkit.redis.dead_letters import DeadLetters
from botkit.redis.deliveries import RedisDeliveries
from botkit.redis.inspection import count_replicas, load_server_settings
from botkit.redis.keys import Keys
from botkit.redis.people import conversation_of, place_of, scan_people
from botkit.redis.refusals import UnconfirmedError
from botkit.redis.retention import export, find_idle, forget_traces
from botkit.redis.runner import Runner
from botkit.redis.script_values import (
    RECORD,
    VERDICTS,
    attempt_of,
    cut,
    mark_of,
    read_ahead,
    read_committed,
    read_ingested,
    read_next,
    read_record,
)
from botkit.redis.session_arguments import count_arguments, heard_arguments
from botkit.redis.single import Call
from botkit.redis.submissions import RedisSubmissions
from botkit.redis.timers import load_due
from botkit.redis.turns import RedisTurns
from botkit.session_rules import Heard, SessionRules
from botkit.store import Ahead, Begun, Claim, Commit, Committed, Counted, Ingested, Mine, Person, Reply, Verdict
from botkit.timer import LATER, DueTimer, Timer
from botkit.turn import Queue, Record, Turn

_DAY_MS = 86_400_000
# For the ids of timers and of our own messages: as long as the longest window of a channel, so that none is shortened.
_OWN_WINDOW_SECONDS = 8 * 86_400
_OWN_WINDOW_MS = 1000 * _OWN_WINDOW_SECONDS
# How long what a month cost can be looked up.
_LEDGER_MS = 400 * _DAY_MS
_INGEST = "m x c rdy lse own try w o ordy ohld wake ses all"
_FIRE = f"{_INGEST} tmr t"
_COMMIT = "m c rdy lse own try o ordy olse oown otry ohld"
# With an answer that travels in the webhook's response, or with timers.
_COMMIT_MORE = f"{_COMMIT} w tmr t e"


class RedisStore:
    """Keeps conversations in Redis 6.2 or later; implements `botkit.store.Store`.

    All keys of a conversation carry the hash tag of its partition, so each script touches one slot, and `url` may be
    that of a cluster. `prefix` separates botkits that share a server. With `ack_replicas`, what is taken in - an event,
    a message, a submission - counts only when so many replicas have confirmed it within half a second; else the call
    raises StoreUnavailableError, and may be repeated.
    """

    _runner_type: ClassVar[type[Runner]] = Runner

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        prefix: str = "bk",
        bounds: Bounds | None = None,
        ack_replicas: int = 0,
    ) -> None:
        self.clock = clock or Clock()
        self.bounds = bounds or Bounds()
        self.keys = Keys(prefix, self.bounds.partitions)
        self._runner = self._runner_type(url, self.clock, self.keys, replicas=ack_replicas)
        self._redis = self._runner.redis
        # Runs a script by its name; and one whose success is told to others, when replicas have confirmed it.
        self._script, self._accept = self._runner.run, self._runner.accept
        accept, confirm = self._accept, self._redis.confirm
        self._turns = RedisTurns(
            self._script, self._redis.call, self.keys, lease=self.bounds.lease, named=self.pseudonym
        )
        self.accounts = RedisAccounts(self._script, self.call, self.keys, life=self.bounds.receipt)
        self.contacts = RedisContacts(self.call, self.keys, self.clock)
        self.consents = RedisConsents(self.call, self.keys)
        self.deliveries = RedisDeliveries(self._script, self.call, self.keys, life=self.bounds.receipt)
        self.broadcasts = RedisBroadcasts(self._script, self.call, accept, confirm, self.keys, self.clock)
        self.submissions = RedisSubmissions(accept, self.call, confirm, self.keys)
        self.dead_letters = DeadLetters(self._script, self.call, self.keys, self.bounds)
        self._lease_ms = round(1000 * self.bounds.lease)
        self._reply_ms = round(1000 * self.bounds.reply)
        self._worker = uuid4().hex[:12]
        self._counter = count()

    def new_token(self) -> str:
        """Returns a token nobody used before: it makes a repeated call recognisable."""
        return f"{self._worker}.{next(self._counter)}"

    # --- calls ---

    @property
    def version(self) -> str:
        """The server's version, empty before it was connected to."""
        return self._runner.version

    def pseudonym(self, cid: str) -> str:
        """See `Store.pseudonym`."""
        return pseudonym(cid, self._runner.log_key)

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
        stays_away: bool = False,
    ) -> Ingested:
        """See `Store.ingest`. One trip."""
        keys = self.keys.of(cid, _INGEST, event_id)
        stays = "" if opens is None else 2 if opens and stays_away else int(opens)
        place = place_of(cid, payload) if opens else ""
        try:
            answer = await self._accept(
                "ingest", keys, cid, event_id, payload, token, *self._ingest_bounds(window), "", 0, stays, place,
                *heard_arguments(heard), mark_of(payload),
            )  # fmt: skip
        except UnconfirmedError as error:
            # It is stored here all the same: whoever is free handles it, and the repeat will be a duplicate.
            unconfirmed = read_ingested(error.answer, cid, token, event_id, payload)
            if isinstance(unconfirmed, Mine):
                await self.retry(Queue.MAILBOX, unconfirmed.turn, delay=0)
            raise
        return read_ingested(answer, cid, token, event_id, payload)

    async def fire(self, due: DueTimer, event_id: str) -> Ingested:
        """See `Store.fire`. One trip."""
        timer = due.timer
        is_later = timer.name.startswith(LATER)
        if is_later:
            event_id = timer.name.removeprefix(LATER)
        keys = self.keys.of(due.cid, _FIRE, event_id)
        if is_later:
            keys[-1] = self.keys.of(due.cid, "e")[0]
        answer = await self._script(
            "ingest", keys, due.cid, event_id, timer.payload, "", *self._ingest_bounds(_OWN_WINDOW_SECONDS), timer.name,
            timer.due_ms, "", "", *heard_arguments(None), mark_of(timer.payload),
        )  # fmt: skip
        return read_ingested(answer, due.cid, "", event_id, timer.payload)

    def _ingest_bounds(self, window: float) -> tuple[int, int, int, int]:
        return self._lease_ms, round(window * 1000), self.bounds.ids, self.bounds.mailbox

    async def claim(self, queue: Queue, limit: int) -> Claim:
        """See `Store.claim`. Two trips for all partitions together, one when nothing is due."""
        return await self._turns.claim(queue, limit, self.new_token())

    async def renew(self, queue: Queue, held: Mapping[str, str]) -> set[str]:
        """See `Store.renew`. One trip for all partitions together."""
        return await self._turns.renew(queue, held)

    async def commit(self, turn: Turn, commit: Commit, *, keep: bool, send: bool) -> Committed | None:
        """See `Store.commit`. One trip."""
        keys = self.keys.of(turn.cid, _COMMIT_MORE if commit.reply or commit.timers else _COMMIT, turn.id)
        # Made of the event, so that a repeat of this very commit is recognised.
        send_token = f"{turn.token}/{turn.id}" if send and commit.outgoing else ""
        timers = _written(commit.timers) if commit.timers else ()
        answer = await self._script(
            "commit", keys, turn.cid, turn.token, turn.id, commit.state, self._lease_ms, int(keep), send_token,
            commit.reply, self._reply_ms, len(commit.timers), self.bounds.timers, *timers,
            *commit.outgoing,
        )  # fmt: skip
        if answer[0] == b"FENCED":
            return None
        if answer[0] == b"TIMERS":
            raise TooManyTimersError(
                f"a conversation may have {self.bounds.timers} timers at a time",
                fix="give timers that replace one another the same name, and cancel what is not needed",
            )
        return read_committed(answer, turn, commit, send_token)

    async def peek(self, turn: Turn, limit: int) -> Ahead:
        """See `Store.peek`. One trip."""
        return read_ahead(await self._script("peek", self.keys.of(turn.cid, "m x"), turn.id, limit))

    # --- outbound ---

    async def sent(self, turn: Turn, *, keep: bool, pace: Pace | None = None) -> Turn | None:
        """See `Store.sent`. One trip."""
        keys = self.keys.of(turn.cid, "o ordy olse oown otry c")
        interval, burst = (math.ceil(1000 * pace.interval), pace.at_once) if pace else (0, 0)
        answer = await self._script(
            "sent", keys, turn.cid, turn.token, turn.id, self._lease_ms, int(keep), interval, burst
        )
        return read_next(answer, turn)

    async def count(
        self, turn: Turn, rules: SessionRules, *, account: str, month: str, outside: bool, expires_ms: int = 0
    ) -> Counted:
        """See `Store.count`. One trip."""
        keys = self.keys.of(turn.cid, "c ordy olse oown otry ohld ses led")
        found = await self._script(
            "count", keys, turn.cid, turn.token, attempt_of(turn), turn.id, account, f"{account}|{month}",
            *count_arguments(rules, expires_ms, outside=outside),
        )  # fmt: skip
        verdict, word = VERDICTS[found[0]], found[1].decode()
        return Counted(verdict, country=word) if verdict is Verdict.OUTSIDE else Counted(verdict, word)

    async def buy(self, account: str, month: str, *, free: int, charged_as: str) -> str:
        """See `Store.buy`. One trip."""
        key = self.keys.month(account, month)
        entry: bytes = await self._script("buy", [key], free, charged_as, _LEDGER_MS)
        return entry.decode()

    async def book(self, account: str, month: str, entries: Mapping[str, int]) -> None:
        """See `Store.book`. One trip."""
        key = self.keys.month(account, month)
        added = (self._redis.call("HINCRBY", key, entry, number) for entry, number in entries.items())
        await asyncio.gather(*added, self._redis.call("PEXPIRE", key, _LEDGER_MS))

    async def booked(self, account: str, month: str) -> Mapping[str, int]:
        """See `Store.booked`. One trip."""
        found = await self._redis.call("HGETALL", self.keys.month(account, month))
        return {name.decode(): int(number) for name, number in zip(found[::2], found[1::2], strict=True)}

    async def reset_session(self, cid: str) -> bool:
        """Ends a conversation's session as if nothing had been sent; what is held is tried again. One trip."""
        return bool(await self._script("reset", self.keys.of(cid, "c ses ohld ordy"), cid))

    async def retry(
        self, queue: Queue, turn: Turn, *, delay: float, error: str = "", max_attempts: int = 0, refund: bool = False
    ) -> Verdict:
        """See `Store.retry`. One trip."""
        return await self._turns.give_back(queue, turn, delay, error, str(max_attempts), "", refund=refund)

    async def retry_unknown(self, turn: Turn, *, delay: float, max_repeats: int) -> Verdict:
        """See `Store.retry_unknown`. One trip."""
        return await self._turns.give_back(Queue.OUTBOX, turn, delay, "", "", str(max_repeats), refund=False)

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
        status: Status | None = Status.FAILED,
    ) -> Turn | None:
        """See `Store.fail`. One trip."""
        keys = self.keys.of(turn.cid, "o ordy olse oown otry dead m x c rdy own wake ses led")
        keys.append(self.keys.delivery(turn.cid, turn.id))
        attempt = attempt_of(turn) if refund else ""
        answer = await self._script(
            "fail", keys, turn.cid, turn.token, turn.id, cut(error, 500), attempt, event_id, event, self._lease_ms,
            int(keep), _OWN_WINDOW_MS, self.bounds.ids, int(is_dead), cut(gone, 200),
            round(self.bounds.receipt * 1000), status.value if status else "",
        )  # fmt: skip
        return read_next(answer, turn)

    async def suspect(self, turn: Turn) -> int:
        """See `Store.suspect`. One trip."""
        keys = self.keys.of(turn.cid, "own try")
        answer: int = await self._script("suspect", keys, turn.cid, turn.token, attempt_of(turn))
        return answer

    async def begin(self, turn: Turn, *, notes: bool = True) -> Begun:
        """See `Store.begin`. One trip."""
        keys = self.keys.of(turn.cid, "oown otry")
        answer: bytes = await self._script("begin", keys, turn.cid, turn.token, attempt_of(turn), int(notes))
        return Begun(answer.decode().lower())

    async def enqueue(self, cid: str, key: str, payload: bytes, *, watch: Timer | None = None) -> bool:
        """See `Store.enqueue`. One trip."""
        keys = self.keys.of(cid, "x o ordy oown ohld wake tmr e")
        timer = watch or Timer("", 0)
        answer: bytes = await self._accept(
            "enqueue", keys, cid, key, payload, _OWN_WINDOW_MS, self.bounds.ids, self.bounds.outbox, timer.name,
            timer.due_ms, timer.payload,
        )  # fmt: skip
        return answer != b"FULL"

    # --- timers ---

    async def due_timers(self, limit: int) -> tuple[Sequence[DueTimer], float | None]:
        """See `Store.due_timers`. Two trips for all partitions together, one when nothing is due."""
        return await load_due(self._redis.call, self.keys, round(self.clock.timestamp() * 1000), limit)

    async def load_timers(self, cid: str) -> Sequence[bytes]:
        """See `Store.load_timers`. One trip."""
        payloads: Sequence[bytes] = await self._redis.call("HVALS", self.keys.of(cid, "t")[0])
        return payloads

    # --- records, replies ---

    async def load(self, cid: str) -> Record:
        """See `Store.load`. One trip."""
        c, o = self.keys.of(cid, "c o")
        fields, queued = await asyncio.gather(self._redis.call("HMGET", c, *RECORD), self._redis.call("LLEN", o))
        return read_record([*fields, queued])

    def people(self) -> AsyncIterator[Sequence[Person]]:
        """See `Store.people`. Two trips for each page, one for each partition."""
        return scan_people(self.call, self.keys, RECORD, read_record)

    async def is_idle(self, cid: str) -> bool:
        """Whether nothing of a conversation is waiting or under way, except what is held for the person. One trip."""
        m, own, o, oown, ohld = self.keys.of(cid, "m own o oown ohld")
        mail, owned, queued, sending, held = await asyncio.gather(
            self._redis.call("EXISTS", m),
            self._redis.call("HEXISTS", own, cid),
            self._redis.call("EXISTS", o),
            self._redis.call("HEXISTS", oown, cid),
            self._redis.call("ZSCORE", ohld, cid),
        )
        return not (mail or owned or sending or (queued and held is None))

    async def load_reply(self, cid: str, event_id: str) -> Reply:
        """See `Store.load_reply`. One trip."""
        # In this order: once the mailbox is seen empty, the answer was there before.
        mail, body = await asyncio.gather(
            self._redis.call("EXISTS", self.keys.of(cid, "m")[0]),
            self._redis.call("GET", self.keys.reply(cid, event_id)),
        )
        return Reply(body or b"", bool(mail) and not body)

    async def save_values(self, values: Mapping[str, str]) -> None:
        """See `Store.save_values`. One trip."""
        life = round(self.bounds.value * 1000)
        await asyncio.gather(
            *(self._redis.call("SET", self.keys.value(token), value, "PX", life) for token, value in values.items())
        )

    async def load_value(self, token: str) -> str:
        """See `Store.load_value`. One trip."""
        found = await self._redis.call("GET", self.keys.value(token))
        return found.decode() if found else ""

    async def save_unreadable(self, account: str, reason: str, body: bytes) -> None:
        """See `Store.save_unreadable`. One trip."""
        name = self.keys.unreadable
        fields = ("account", account, "reason", reason, "body", body[:65536])
        await asyncio.gather(
            self._redis.confirm("XADD", name, "MAXLEN", "~", 1000, "*", *fields),
            self._redis.confirm("PEXPIRE", name, 7 * _DAY_MS),
        )

    async def forget(self, cid: str) -> int:
        """See `Store.forget`. Up to five trips, one for each 500 dead letters, and a look at every key of the store."""
        # Sent first, and so read before it is removed.
        found = asyncio.ensure_future(self._redis.call("HGET", self.keys.of(cid, "c")[0], "id"))
        removed = await self._forget(cid)
        where = conversation_of(cid, await found or b"")
        servers = (await self.servers()).values()
        return removed + (await forget_traces(self.call, servers, self.keys, where) if where else 0)

    async def export(self, cid: str) -> dict[str, Any]:
        """Returns all that is kept of a conversation, readable: its record, queues, timers, dead letters, and links.

        A look at every key of the store.
        """
        place = await self._redis.call("HGET", self.keys.of(cid, "c")[0], "id")
        letters = await self.dead_letters.read(cid)
        servers = (await self.servers()).values()
        return await export(self.call, servers, self.keys, cid, conversation_of(cid, place or b""), letters)

    async def sweep(self, *, idle: float = 0) -> int:
        """See `Store.sweep`. One trip for 500 people of a partition, and some for each who is forgotten."""
        now = round(1000 * self.clock.timestamp())
        await self.dead_letters.trim(now - round(1000 * self.bounds.letter))
        if not idle:
            return 0
        since, forgotten = now - round(1000 * idle), 0
        async for cid in find_idle(self.call, self.keys, since):
            forgotten += await self._forget(cid, since_ms=since) >= 0
        return forgotten

    async def _forget(self, cid: str, since_ms: int = 0) -> int:
        phone = phone_in((await self.load(cid)).state)
        keys = self.keys.of(cid, "m x c o t e tmr rdy lse own try ordy olse oown otry ohld ses all")
        removed: int
        ids: Sequence[bytes]
        removed, ids = await self._script("forget", keys, cid, since_ms)
        if removed < 0:
            return removed
        if phone:
            await self.contacts.unlink(phone, cid)
        if ids:
            # From here on no handler at work can store another answer.
            removed += await self._redis.call("DEL", *(self.keys.reply(cid, event_id.decode()) for event_id in ids))
        async for letter in self.dead_letters.scan(cid):
            removed += await self.dead_letters.remove(letter.id)
        return removed

    # --- the server ---

    async def wait(self, seconds: float) -> None:
        """See `Store.wait`. Holds a connection of its own, on a cluster one for each partition."""
        await self._redis.wait([shared["wake"] for shared in self.keys.partitions], seconds)

    async def wake(self) -> None:
        """See `Store.wake`. One trip."""
        # Taken out first, a list that nobody waits for does not grow.
        await asyncio.gather(
            *(
                self.call(*command)
                for shared in self.keys.partitions
                for command in (("LPOP", shared["wake"]), ("RPUSH", shared["wake"], "1"))
            )
        )

    async def ping(self) -> None:
        """See `Store.ping`. One trip."""
        await self._redis.call("PING")

    async def check(self, cid: str, timers: Sequence[str] = ()) -> list[str]:
        """Returns the rules of structure that a conversation breaks; `timers` are names that seem to be due. One trip.

        Changes nothing, and sees one moment, so that a store in use gives no false alarms.
        """
        keys = self.keys.of(cid, "m o rdy lse own try ordy olse oown otry ohld tmr t e c ses")
        return [rule.decode() for rule in await self._script("check", keys, cid, *timers)]

    async def call(self, *command: str | bytes | int | float) -> Any:
        """Sends one command as it is, with its key first; for tools that look at the data. One trip."""
        return await self._redis.call(*command)

    async def servers(self) -> Mapping[str, Call]:
        """Returns the means to send a command to each server that has keys, by its address: one, or a cluster's."""
        return await self._redis.servers()

    async def server_settings(self, *names: str) -> dict[str, dict[str, str]]:
        """Returns settings of each server, by its address, without those it does not tell."""
        calls = await self.servers()
        return {address: await load_server_settings(call, names) for address, call in calls.items()}

    async def replicas(self) -> dict[str, int | None]:
        """Returns how many replicas are connected to each server, by its address; None where it does not tell."""
        calls = await self.servers()
        return {address: await count_replicas(call) for address, call in calls.items()}

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.close()


def _written(timers: Sequence[Timer]) -> list[str | int | bytes]:
    return [part for timer in timers for part in (timer.name, timer.due_ms, timer.payload)]
