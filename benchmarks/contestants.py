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
    """One bot: its name, the environment (a folder of `.bench/`, empty for botkit's own) and the mode of its server."""

    name: str
    title: str
    venv: str = ""
    mode: str = ""
    path: str = "/webhook"
    redis: Sequence[str] = DEFAULT

    def command(self, port: int, workers: int = 1) -> list[str]:
        """Returns the command that starts it."""
        if not self.venv:
            module = "benchmarks.servers.botkit_bot:app"
            run = [sys.executable, "-m", "botkit", "run", module, "--port", str(port), "--log", "warning"]
            return [*run, "--workers", str(workers)]
        return [str(self.python), str(ROOT / "benchmarks" / "servers" / f"{self.venv}_bot.py")]

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return SCRATCH / self.venv / "bin" / "python" if self.venv else Path(sys.executable)

    def environ(self, port: int, api_url: str, redis_url: str) -> Mapping[str, str]:
        """Returns the environment variables it is started with."""
        shared = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        if self.venv:
            own = {"PORT": str(port), "API_URL": api_url, "REDIS_URL": redis_url, "TOKEN": TOKEN}
            return shared | own | {"SECRET": SECRET, "MODE": self.mode}
        # Telegram's own limits, 30 messages a second, would be all that is measured.
        account = {"TOKEN": TOKEN, "SECRET": SECRET, "API_URL": api_url, "RATE": "0", "CHAT_RATE": "0"}
        return (
            shared
            | {f"BENCH_TELEGRAM_{name}": value for name, value in account.items()}
            | {"BOTKIT_ENV": "prod", "BOTKIT_REDIS_URL": redis_url}
        )


BOTKIT = Contestant("botkit", "botkit, everything durable", path="/webhooks/telegram?ta=bench-telegram", redis=DURABLE)
AIOGRAM = Contestant("aiogram", "aiogram 3, default", "aiogram", "default")
INLINE = Contestant("aiogram-inline", "aiogram 3, inline", "aiogram", "inline")

CONTESTANTS = (
    BOTKIT,
    AIOGRAM,
    Contestant("aiogram-isolation", "aiogram 3, RedisEventIsolation", "aiogram", "isolation"),
    INLINE,
    Contestant("ptb", "python-telegram-bot 22", "ptb", "default"),
    Contestant("ptb-concurrent", "python-telegram-bot 22, concurrent_updates", "ptb", "concurrent"),
    Contestant("telebot", "pyTelegramBotAPI", "telebot"),
    Contestant("nonebot", "nonebot2", "nonebot", path="/telegram"),
)
