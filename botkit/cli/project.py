"""Finding the project that a command is about: its application and its settings."""

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from botkit.app import App
from botkit.exceptions import SettingsError
from botkit.redis.embedded import EmbeddedServer
from botkit.redis.store import RedisStore
from botkit.settings import Settings, load_settings, read_dotenv

T = TypeVar("T")


def load_app(spec: str) -> App:
    """Imports `module:attribute` from the working directory, as `bots:app`.

    In development the values of `.env` are put into the environment first, where accounts read their credentials.
    Raises SettingsError when there is no such application; an error inside the project's code passes through.
    """
    folder = Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if os.environ.get("BOTKIT_ENV", "dev") != "prod":
        for name, value in read_dotenv(folder).items():
            os.environ.setdefault(name, value)
    module, colon, attribute = spec.partition(":")
    if not colon or not attribute.isidentifier():
        raise click.UsageError(f"expected module:attribute such as bots:app, not {spec!r}")
    try:
        found: Any = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise SettingsError(
            f"there is no module {error.name!r} in {folder}",
            fix="run the command in the project's folder, or make a bot with: botkit new NAME",
        ) from None
    if not isinstance(found, App):
        raise SettingsError(f"{spec} is not a botkit.App", fix=f"define {attribute} = App([...]) in {module}")
    return found


def load_project_settings(**flags: Any) -> Settings:
    """Reads the settings of the project in the working directory; flags that are None count as not given."""
    return load_settings(flags=flags)


def ask_store(ask: Callable[[RedisStore], Awaitable[T]]) -> T | None:
    """Returns what the project's store answers; None where there is none yet. Raises as `open_store` does."""

    async def asked() -> T | None:
        async with open_store(load_project_settings()) as store:
            return await ask(store) if store else None

    return asyncio.run(asked())


@contextlib.asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[RedisStore | None]:
    """Opens the store that the settings name, or the embedded one; None where that was never started.

    Raises SettingsError in production without a server's address.
    """
    folder = settings.folder / "redis"
    if settings.redis_url is None and settings.is_production:
        raise SettingsError("BOTKIT_REDIS_URL is not set, and BOTKIT_ENV=prod", fix="set it to your Redis or Valkey")
    if settings.redis_url is None and not folder.is_dir():
        yield None
        return
    server = None if settings.redis_url else EmbeddedServer.start(folder)
    store = RedisStore(
        settings.redis_url.reveal() if settings.redis_url else server.url if server else "",
        prefix=settings.key_prefix,
        ack_replicas=settings.ack_replicas if settings.redis_url else 0,
    )
    try:
        yield store
    finally:
        await store.close()
        if server:
            server.stop()
