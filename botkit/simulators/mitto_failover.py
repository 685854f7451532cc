"""The failover of the simulated Mitto: one step at a time, by the clock.

https://docs.mitto.ch/chat-apps
"""

from collections.abc import Callable, Sequence

from botkit.simulators.mitto_servers import Servers
from botkit.simulators.mitto_state import Chain, Message, Turn

#: A step that was never started is deleted after so many seconds.
FORGOTTEN_AFTER = 60 * 24 * 3600


class Failover:
    """Starts the next step where the one before has not got far enough in its time; `start` sends a message."""

    def __init__(self, servers: Servers, start: Callable[[Message, float], None]) -> None:
        self._servers = servers
        self._start = start

    def link(self, messages: Sequence[Message], status: str, seconds: float) -> None:
        """Makes steps of messages: all but the first are only created."""
        state, first = self._servers.state, messages[0]
        state.chains[first.id] = Chain([message.id for message in messages], status, seconds)
        for message in messages:
            message.chain = first.id
        for message in messages[1:]:
            message.status = "Created"
        state.schedule(first.created_at + FORGOTTEN_AFTER, Turn.FORGET, first.id)

    def watch(self, message: Message, at: float) -> None:
        """Sets the time of a step that starts now; its own time, and nothing else, starts with it."""
        if message.chain:
            seconds = self._servers.state.chains[message.chain].seconds
            self._servers.state.schedule(at + seconds, Turn.FAIL_OVER, message.id)

    def go_on(self, message: Message, at: float) -> None:
        """Starts the step after this one, unless it has started or some step has got as far as was asked for."""
        state = self._servers.state
        chain = state.chains.get(message.chain)
        if chain is None:
            return
        steps = [state.messages[message_id] for message_id in chain.ids]
        after = steps[chain.ids.index(message.id) + 1 :]
        if after and after[0].status == "Created" and not any(step.has_reached(chain.status) for step in steps):
            self._start(after[0], at)

    def has_failed(self, message: Message, at: float) -> None:
        """Hears of a step that will not arrive."""
        if self._servers.fails_over_early:
            self.go_on(message, at)

    def forget(self, message_id: str) -> None:
        """Deletes the steps that were never started; what is left of the failover is messages like others."""
        state = self._servers.state
        for step in state.chains.pop(message_id).ids:
            if state.messages[step].status == "Created":
                del state.messages[step]
            else:
                state.messages[step].chain = ""
