"""Who is measured: the command that starts each, its environment, and the Redis it is given."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.redis_server import DEFAULT, DURABLE
from benchmarks.webhook import SECRET

ROOT = Path(__file__).parents[1]
#: Environments, measurements, and the data of runs: nothing that is to be kept.
SCRATCH = ROOT / ".bench"
TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"


class Contestant(Struct, frozen=True):
    """One bot: its server among `servers/` and that one's mode, its environment among `.bench/` (empty: ours)."""

    name: str
    title: str
    server: str
    mode: str = ""
    venv: str = ""
    path: str = "/webhook"
    redis: Sequence[str] = DEFAULT

    def command(self, port: int, workers: int = 1) -> list[str]:
        """Returns the command that starts it."""
        module = f"benchmarks.servers.{self.server}_bot"
        if self.server == "botkit":
            options = ["--port", str(port), "--log", "warning", "--workers", str(workers)]
            return [str(self.python), "-m", "botkit", "run", f"{module}:app", *options]
        return [str(self.python), "-m", module]

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return SCRATCH / self.venv / "bin" / "python" if self.venv else Path(sys.executable)

    def environ(self, port: int, api_url: str, redis_url: str) -> Mapping[str, str]:
        """Returns the environment variables it is started with."""
        shared = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        if self.server != "botkit":
            own = {"PORT": str(port), "API_URL": api_url, "REDIS_URL": redis_url, "TOKEN": TOKEN}
            return shared | own | {"SECRET": SECRET, "MODE": self.mode}
        # Telegram's own limits, 30 messages a second, would be all that is measured.
        account = {"TOKEN": TOKEN, "SECRET": SECRET, "API_URL": api_url, "RATE": "0", "CHAT_RATE": "0"}
        named = {f"BENCH_TELEGRAM_{name}": value for name, value in account.items()}
        return shared | named | {"BOTKIT_ENV": "prod", "BOTKIT_REDIS_URL": redis_url}


def _peer(name: str, title: str, server: str, mode: str = "", path: str = "/webhook") -> Contestant:
    return Contestant(name, title, server, mode, server, path)


BOTKIT = Contestant(
    "botkit",
    "botkit, everything durable",
    "botkit",
    venv="botkit",
    path="/webhooks/telegram?ta=bench-telegram",
    redis=DURABLE,
)
AIOGRAM = _peer("aiogram", "aiogram 3, default", "aiogram", "default")
INLINE = _peer("aiogram-inline", "aiogram 3, inline", "aiogram", "inline")
#: No contestant, but the limit.
BARE = Contestant("bare", "bare sockets, no framework, no Redis", "bare")

CONTESTANTS = (
    BOTKIT,
    AIOGRAM,
    _peer("aiogram-isolation", "aiogram 3, RedisEventIsolation", "aiogram", "isolation"),
    INLINE,
    _peer("ptb", "python-telegram-bot 22", "ptb", "default"),
    _peer("ptb-concurrent", "python-telegram-bot 22, concurrent_updates", "ptb", "concurrent"),
    _peer("telebot", "pyTelegramBotAPI", "telebot"),
    _peer("nonebot", "nonebot2", "nonebot", path="/telegram"),
    BARE,
)
