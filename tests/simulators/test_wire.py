"""What a simulated service does to a call instead of answering it, on a real socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
import uvicorn

from botkit.channels.telegram import Telegram
from botkit.clock import Clock
from botkit.exceptions import UnknownOutcomeError
from botkit.http import Http
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.wire import Fault
from botkit.transport import MAX_ANSWER


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Ctrl+C belongs to pytest.
        yield


class Talk:
    """A caller of a simulated Telegram."""

    def __init__(self, simulator: TelegramSimulator, url: str) -> None:
        self.simulator = simulator
        self._url = url

    async def call(self, *, seconds: float = 30) -> int:
        async with Http(seconds=seconds) as http:
            return (await http.request("POST", self._url, json={})).status


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    simulator = TelegramSimulator(Clock())
    adapter = Telegram(ta="demo").simulated("http://telegram.test")
    simulator.add_account(adapter)
    (token,) = (secret.reveal() for secret in adapter.secrets() if ":" in secret.reveal())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(uvicorn.Config(simulator.app, lifespan="off", log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve([listener]))
        yield Talk(simulator, f"http://127.0.0.1:{listener.getsockname()[1]}/bot{token}/getMe")
        server.should_exit = server.force_exit = True
        await serving
    await simulator.close()


async def test_without_a_fault_it_answers(talk: Talk) -> None:
    assert await talk.call() == 200


@pytest.mark.parametrize("before", [True, False])
async def test_a_dropped_call_has_no_answer(talk: Talk, before: bool) -> None:
    talk.simulator.wire.faults.append(Fault(drop=True, before=before))
    with pytest.raises(UnknownOutcomeError):
        await talk.call()


async def test_an_endless_answer_is_hung_up_on_once_it_is_too_long(talk: Talk) -> None:
    talk.simulator.wire.faults.append(Fault(status=200, body=b"x" * (MAX_ANSWER // 8), endless=True))
    with pytest.raises(UnknownOutcomeError, match="longer than"):
        await talk.call()
    assert await talk.call() == 200


async def test_an_answer_that_does_not_come_in_time_is_given_up(talk: Talk) -> None:
    talk.simulator.wire.faults.append(Fault(hang=60))
    with pytest.raises(UnknownOutcomeError):
        await talk.call(seconds=0.1)
