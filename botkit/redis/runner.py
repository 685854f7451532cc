"""Runs the scripts, on a server that was found fit for them."""

import secrets
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import structlog

from botkit.clock import Clock
from botkit.exceptions import BotkitError, SettingsError, StoreUnavailableError
from botkit.redis.cluster import Cluster
from botkit.redis.keys import Keys
from botkit.redis.pipe import Send
from botkit.redis.refusals import NoScriptError, RefusedError, ResponseError, ScriptRefusedError
from botkit.redis.scripts import Script, load_scripts, name_of
from botkit.redis.single import Single
from botkit.redis.urls import ClusterUrl, is_cluster
from botkit.redis.wire import Command

log = structlog.get_logger("botkit.redis")

#: The layout of the keys; a store of a newer format is refused.
FORMAT = 1


class Runner:
    """Runs scripts by their names, on `redis`.

    `version` is the server's, and `log_key` what all processes of the store share; empty before it was connected to.

    With `replicas`, what is `accepted` counts only when so many of them have confirmed it.
    """

    def __init__(self, url: str, clock: Clock, keys: Keys, *, replicas: int = 0) -> None:
        self.version = ""
        # For the names in logs: the same in all processes of a store, and in no other store.
        self.log_key = b""
        self._is_cluster = is_cluster(url)
        self.redis: Single | Cluster = (
            Cluster(ClusterUrl(url), self._prepare, self._refuse, self._check, replicas=replicas)
            if self._is_cluster
            else Single(url, self._prepare, self._refuse, replicas=replicas)
        )
        self._clock = clock
        self._keys = keys
        self._scripts: Mapping[str, Script] = load_scripts(shebang=False)

    def run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Awaitable[Any]:
        """Returns what a script answers; raises StoreUnavailableError where Redis does not run it. One trip."""
        return self.redis.call("EVALSHA", self._scripts[name].sha, len(keys), *keys, self._clock.offset_ms, *args)

    def accept(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Awaitable[Any]:
        """Runs a script whose success is told to others; raises UnconfirmedError where replicas do not confirm it."""
        return self.redis.confirm("EVALSHA", self._scripts[name].sha, len(keys), *keys, self._clock.offset_ms, *args)

    def _refuse(self, command: Command, error: ResponseError) -> Command | Exception:
        """Says what becomes of a command that was answered with an error: a script that Redis lost is sent again."""
        if command[0] not in ("EVALSHA", "EVAL"):
            return error
        name = name_of(command[1])
        if isinstance(error, NoScriptError) and command[0] == "EVALSHA":
            # Flushed, or the first call: which text the server takes is known when it is connected.
            return ("EVAL", self._scripts[name].text, *command[2:])
        # A key of a wrong type, say: nothing can be stored there, and whoever sent it must not think so.
        log.error("Redis refused a script", script=name, reason=str(error)[:200])
        return ScriptRefusedError(f"Redis refused the script {name}")

    async def _prepare(self, send: Send) -> None:
        hello = await send([("HELLO", 2)])
        _require(hello, is_known=False)
        self._learn(hello[0])
        loads: list[Command] = [("SCRIPT", "LOAD", script.text) for script in self._scripts.values()]
        if self._is_cluster:
            _require(await send(loads), is_known=True)
        else:
            await self._check(send, loads)

    def _learn(self, hello: Sequence[bytes]) -> None:
        # HELLO is the one command that tells the version and needs no rights.
        told = dict(zip(hello[::2], hello[1::2], strict=True))
        self.version = told[b"version"].decode()
        self._scripts = load_scripts(shebang=int(self.version.split(".")[0]) >= 7)
        if not self._is_cluster and told.get(b"mode") == b"cluster":
            raise SettingsError(
                "the server is part of a cluster", fix="write BOTKIT_REDIS_URL as redis+cluster://host:port,host:port"
            )

    async def _check(self, send: Send, before: Sequence[Command] = ()) -> None:
        """Finds out whether this is a store of ours; begins it if it is empty. What is sent with it must succeed."""
        meta = self._keys.meta
        answers = await send([
            *before,
            ("HSETNX", meta, "partitions", len(self._keys.partitions)),
            ("HSETNX", meta, "format", FORMAT),
            ("HSETNX", meta, "log_key", secrets.token_hex(16)),
            ("HMGET", meta, "partitions", "format", "log_key"),
        ])  # fmt: skip
        _require(answers, is_known=isinstance(answers[-1], list) and all(answers[-1]))
        *layout, self.log_key = answers[-1]
        self._check_meta(*layout)

    def _check_meta(self, partitions: bytes, layout: bytes) -> None:
        if int(partitions) != len(self._keys.partitions):
            raise SettingsError(
                f"the store has {int(partitions)} partitions, not {len(self._keys.partitions)}",
                fix="keep the number it was started with, or use another BOTKIT_KEY_PREFIX",
            )
        if int(layout) > FORMAT:
            raise SettingsError(
                f"the store has format {int(layout)}; this version knows {FORMAT}", fix="run the newer botkit"
            )


def _require(answers: Sequence[Any], *, is_known: bool) -> None:
    for answer in answers:
        # Without memory nothing new is noted, but what is there can be worked on.
        if isinstance(answer, Exception) and not (is_known and _lacks_memory(answer)):
            if isinstance(answer, BotkitError):
                raise answer
            raise StoreUnavailableError(f"Redis is not ready ({type(answer).__name__})") from answer


def _lacks_memory(error: Exception) -> bool:
    return isinstance(error, ResponseError | RefusedError) and error.word == "OOM"
