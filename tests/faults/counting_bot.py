"""A bot in a project that tells everybody how much they have said, and what Telegram posts to it."""

import time

import httpx

from tests.processes.conftest import AppChild, Project

SECRET = "telegram-secret"

BOT = '''\
"""Tells everybody how much they have said, and what was the last of it."""

from botkit import App, Bot, Context, Flow, MessageReceived, Router, Telegram


class Said(Flow):
    states = ("on",)
    count: int = 0


router = Router(Said)


@router.text()
async def hear(event: MessageReceived, ctx: Context[Said]) -> None:
    ctx.flow.count += 1
    ctx.reply(f"{ctx.flow.count}: {event.text}")


app = App([Bot("counter", routers=[router], accounts=[Telegram.from_env("COUNTER")])])
'''


def put_bot(project: Project, api_url: str) -> None:
    """Makes it the project's bot, whose messages go to an address at the pace at which they come."""
    project.write(BOT)
    project.environ |= {
        "COUNTER_TA": "counter",
        "COUNTER_TOKEN": f"123456789:{'A' * 35}",
        "COUNTER_SECRET": SECRET,
        "COUNTER_API_URL": api_url,
        "COUNTER_RATE": "0",
        "COUNTER_CHAT_RATE": "0",
    }


async def post(client: httpx.AsyncClient, app: AppChild, update_id: int, chat: int, text: str) -> httpx.Response:
    """Posts what somebody writes as Telegram does, but once, whatever the answer."""
    person = {"id": chat, "first_name": f"Person {chat}"}
    message = {
        "message_id": update_id,
        "date": int(time.time()),
        "from": person | {"is_bot": False},
        "chat": person | {"type": "private"},
        "text": text,
    }
    return await client.post(
        f"{app.url}/webhooks/telegram?ta=counter",
        json={"update_id": update_id, "message": message},
        headers={"X-Telegram-Bot-Api-Secret-Token": SECRET},
    )
