"""Runs the scripts, on a server that was found fit for them."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError

from botkit.clock import Clock
from botkit.exceptions import SettingsError, StoreUnavailableError
from botkit.redis.keys import Keys
from botkit.redis.pipe import Command, Pipe
from botkit.redis.scripts import Script, load_scripts

log = structlog.get_logger("botkit.redis")

#: The layout of the keys; a store of a newer format is refused.
FORMAT = 1


class Runner:
    """Runs scripts by their names, over `pipe`.

    `version` is the server's, and `log_key` what all processes of the store share; empty before it was connected to.
    """

    def __init__(self, url: str, clock: Clock, keys: Keys) -> None:
        self.version = ""
        # For the names in logs: the same in all processes of a store, and in no other store.
        self.log_key = b""
        self.pipe = Pipe(url, on_connect=self._prepare)
        self._clock = clock
        self._keys = keys
        self._scripts: Mapping[str, Script] = load_scripts(shebang=False)

    async def run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        """Returns what a script answers; raises StoreUnavailableError where Redis does not run it. One trip."""
        try:
            return await self._run(name, keys, *args)
        except ResponseError as error:
            # A key of a wrong type, say: nothing can be stored there, and whoever sent it must not think so.
            log.error("Redis refused a script", script=name, reason=str(error)[:200])
            raise StoreUnavailableError(f"Redis refused the script {name}") from None

    async def _run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        offset = self._clock.offset_ms
        try:
            return await self.pipe.call("EVALSHA", self._scripts[name].sha, len(keys), *keys, offset, *args)
        except NoScriptError:
            # Flushed, or the first call: which text the server takes is known when it is connected.
            return await self.pipe.call("EVAL", self._scripts[name].text, len(keys), *keys, offset, *args)

    async def _prepare(self, send: Callable[[Sequence[Command]], Awaitable[list[Any]]]) -> None:
        (hello,) = await send([("HELLO", 2)])
        self.version = _server_version(hello)
        self._scripts = load_scripts(shebang=int(self.version.split(".")[0]) >= 7)
        meta = self._keys.meta
        commands: list[Command] = [("SCRIPT", "LOAD", script.text) for script in self._scripts.values()]
        commands.append(("HSETNX", meta, "partitions", len(self._keys.partitions)))
        commands.append(("HSETNX", meta, "format", FORMAT))
        commands.append(("HSETNX", meta, "log_key", secrets.token_hex(16)))
        commands.append(("HMGET", meta, "partitions", "format", "log_key"))
        answers = await send(commands)
        for answer in answers:
            # Without memory nothing new is noted, but what is there can be worked on.
            if isinstance(answer, Exception) and not (isinstance(answer, OutOfMemoryError) and all(answers[-1])):
                raise StoreUnavailableError(f"Redis is not ready ({type(answer).__name__})") from answer
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


def _server_version(hello: Sequence[bytes]) -> str:
    # HELLO is the one command that tells the version and needs no rights.
    return dict(zip(hello[::2], hello[1::2], strict=True))[b"version"].decode()
