"""`botkit people`: what is kept of somebody, and how to forget them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import click

from botkit.cli.project import load_project_settings, open_store
from botkit.cli.terminal import print_json
from botkit.conversation import Conversation
from botkit.redis.store import RedisStore


@click.group
def people() -> None:
    """What is kept of somebody, and how to forget them.

    A conversation is named channel:account:id, as in telegram:shop-telegram:123456789.
    """


@people.command
@click.argument("conversation")
def export(conversation: str) -> None:
    """Prints all that is kept of a conversation, as JSON.

    Example: botkit people export telegram:shop-telegram:123456789
    """
    print_json(_ask(conversation, lambda store, cid: store.export(cid)))


@people.command
@click.argument("conversation")
def forget(conversation: str) -> None:
    """Removes all that is kept of a conversation; a handler at work cannot write it back.

    Example: botkit people forget telegram:shop-telegram:123456789
    """
    removed: int = _ask(conversation, lambda store, cid: store.forget(cid)) or 0
    click.echo(f"forgotten: {removed} entries" if removed else "nothing is kept of this conversation")


def _ask(address: str, question: Callable[[RedisStore, str], Awaitable[Any]]) -> Any:
    try:
        where = Conversation.parse(address)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="CONVERSATION") from None

    async def ask() -> Any:
        async with open_store(load_project_settings()) as store:
            return await question(store, where.key) if store else None

    return asyncio.run(ask())
