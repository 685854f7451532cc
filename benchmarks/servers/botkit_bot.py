"""The parcel bot on botkit, as `botkit run` serves it."""

import os
from pathlib import Path

from benchmarks.sampler import Sampler
from botkit import App, Bot, Context, Flow, MessageReceived, Router, Telegram, Trigger


class Parcel(Flow):
    states = ("idle", "number", "day")
    order = Trigger("*", "number")
    find = Trigger("number", "day")
    book = Trigger("day", "idle")

    turn: str = ""
    number: str = ""


router = Router(Parcel)


@router.text(r"^order (?P<turn>\d+)$")
async def order(event: MessageReceived, ctx: Context[Parcel]) -> None:
    ctx.flow.turn = ctx.match["turn"]
    ctx.flow.order()
    ctx.reply(f"{ctx.flow.turn}: what is the parcel number?")


@router.text(r"^\d+$", state="number")
async def number(event: MessageReceived, ctx: Context[Parcel]) -> None:
    ctx.flow.number = event.text
    ctx.flow.find()
    ctx.reply(f"{ctx.flow.turn}: found {ctx.flow.number}. Which day?")


@router.text(r"^\w+$", state="day")
async def day(event: MessageReceived, ctx: Context[Parcel]) -> None:
    ctx.flow.book()
    ctx.reply(f"{ctx.flow.turn}: {ctx.flow.number} comes on {event.text}.")


app = App([Bot("bench", routers=[router], accounts=[Telegram.from_env("BENCH_TELEGRAM")])])

if path := os.environ.get("BENCH_SAMPLES"):
    Sampler(Path(path)).install()
