"""How far a broadcast has come: a bar for each account in a terminal, a line for each step elsewhere."""

import asyncio

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from botkit.broadcast import Progress, Stage, Tally
from botkit.cli.terminal import open_console
from botkit.redis.store import RedisStore

#: How often the store is asked, in seconds.
INTERVAL = 0.25

_ENDS = (Stage.DONE, Stage.CANCELLED)


class BroadcastRow(Struct, frozen=True):
    """A broadcast as it is printed."""

    id: str
    bot: str
    name: str
    stage: str
    total: int
    sent: int
    failed: int
    skipped: int
    delivered: int
    seen: int
    undelivered: int


def row(progress: Progress) -> BroadcastRow:
    """Returns a broadcast as it is printed."""
    what, tally = progress.broadcast, progress.tally
    numbers = {name: getattr(tally, name) for name in BroadcastRow.__struct_fields__[4:]}
    return BroadcastRow(id=what.id, bot=what.bot, name=what.name, stage=progress.stage.value, **numbers)


async def follow(store: RedisStore, broadcast_id: str, *, as_json: bool) -> Progress | None:
    """Shows each step until the broadcast is over; returns the last of it, None if it is unknown."""
    progress = await store.broadcasts.load(broadcast_id)
    if progress is None:
        return None
    console = open_console()
    view = Bars(console, progress) if console.is_terminal and not as_json else Lines(as_json=as_json)
    with view:
        view.show(progress)
        while progress is not None and progress.stage not in _ENDS:
            await asyncio.sleep(INTERVAL)
            progress = await store.broadcasts.load(broadcast_id)
            if progress is not None:
                view.show(progress)
    return progress


class Lines:
    """A line for each tenth and each change of the stage; as JSON, for each change."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._shown: object = None

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, progress: Progress) -> None:
        """Prints how far it has come, if that is a step."""
        tally, now = progress.tally, row(progress)
        step: object = now if self._as_json else (now.stage, 10 * tally.ended // max(1, tally.total))
        if step == self._shown:
            return
        self._shown = step
        click.echo(msgspec.json.encode(now) if self._as_json else f"{now.stage} {_numbers(tally)}")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


class Bars:
    """A bar for each account."""

    def __init__(self, console: Console, progress: Progress) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn())
        self._bars = RichProgress(*columns, TextColumn("{task.fields[numbers]}"), console=console)
        self._tasks = [
            self._bars.add_task(account.ta, total=lane.total, completed=lane.ended, numbers="")
            for account, lane in zip(progress.broadcast.accounts, progress.lanes, strict=True)
        ]

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, progress: Progress) -> None:
        """Moves the bars to how far it has come."""
        for task, lane in zip(self._tasks, progress.lanes, strict=True):
            stage = "" if progress.stage is Stage.RUNNING else f"{progress.stage.value}: "
            self._bars.update(task, completed=lane.ended, numbers=f"{stage}{_numbers(lane)}")


def _numbers(tally: Tally) -> str:
    ends = f"{tally.sent} sent, {tally.failed} failed, {tally.skipped} skipped of {tally.total}"
    return f"{ends}; {tally.delivered} delivered, {tally.seen} seen"
