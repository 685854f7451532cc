"""The turns that one process has taken, and the tasks that work on them."""

import asyncio
from collections.abc import Coroutine

from botkit.turn import Queue, Turn


class HeldTurns:
    """At most `most` turns of each queue, by conversation, each with its token and the task that works on it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._is_closed = False
        self._turns: dict[Queue, dict[str, tuple[str, asyncio.Task[None]]]] = {queue: {} for queue in Queue}
        #: Events that are being stored, and may become this process's to handle.
        self.asked_for = 0
        #: All that is under way, and how much has ever been.
        self.tasks: set[asyncio.Task[None]] = set()
        self.spawned = 0
        #: Set when there may be more to take.
        self.kick = asyncio.Event()

    def close(self) -> None:
        """Leaves no room for more; what is held stays."""
        self._is_closed = True
        self.kick.set()

    def room(self, queue: Queue) -> int:
        """Returns how many turns more may be taken; less than one is none."""
        asked_for = self.asked_for if queue is Queue.MAILBOX else 0
        return 0 if self._is_closed else self._most - len(self._turns[queue]) - asked_for

    def of(self, queue: Queue) -> dict[str, tuple[str, asyncio.Task[None]]]:
        """Returns the tokens and the tasks of a queue, by conversation."""
        return self._turns[queue]

    def spawn(
        self, work: Coroutine[None, None, None], loop: asyncio.AbstractEventLoop | None = None
    ) -> asyncio.Task[None]:
        """Begins work that `tasks` has until it ends, in this loop or in the running one."""
        task = (loop or asyncio.get_running_loop()).create_task(work)
        self.spawned += 1
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def keep(self, queue: Queue, turn: Turn, task: "asyncio.Task[None] | None" = None) -> None:
        """Notes who works on a turn: this task, or the current one."""
        if (worker := task or asyncio.current_task()) is not None:
            self._turns[queue][turn.cid] = (turn.token, worker)

    def release(self, queue: Queue, turn: Turn) -> None:
        """Forgets a turn, unless its conversation was taken anew."""
        token, _ = self._turns[queue].get(turn.cid, ("", None))
        if token != turn.token:
            return
        del self._turns[queue][turn.cid]
        if self.room(queue) == 1:
            # What had no room until now is due.
            self.kick.set()
