"""What services do not call us for is asked for: by one process at a time, and nothing heard is lost."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from structlog.testing import capture_logs

from botkit.accounts import Poll
from botkit.adapter import Polled
from botkit.context import Context
from botkit.conversation import Account
from botkit.engine import EnginePolicy
from botkit.events import MessageReceived
from botkit.exceptions import NotSentError, ServiceError, StoreUnavailableError
from botkit.flow import Flow
from botkit.http_client import HttpClient
from botkit.redis.accounts import RedisAccounts
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.router import Router
from tests.desk import Desk, Process, bot, says


class Inbox(Desk):
    """A desk that must be asked; `letters` are what it has to tell."""

    poll_seconds = 60

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self.letters: deque[Sequence[str] | Exception] = deque()

    async def poll(self, cursor: bytes, client: HttpClient) -> Polled:
        self.asked.append(cursor)
        told = self.letters.popleft() if self.letters else ()
        if isinstance(told, Exception):
            raise told
        return Polled([says(text, native=text) for text in told], b"%d" % len(self.asked))


def echo() -> Router[Flow]:
    router = Router()

    @router.text(".*")
    async def answer(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(event.text)

    return router


async def test_what_is_heard_is_handled_and_the_next_question_goes_on_from_there(botkit_redis_url: str) -> None:
    inbox = Inbox()
    async with Process(botkit_redis_url, bot(echo(), inbox)) as process:
        inbox.letters += [["one", "two"], ["three"]]
        assert await process.engine.poll_once() <= 60
        await process.engine.poll_once()
        process.clock.advance(seconds=60)
        await process.engine.poll_once()
        await process.engine.settle()
        assert inbox.asked == [b"", b"1"]
        assert inbox.texts == ["one", "two", "three"]


async def test_of_two_processes_one_asks(botkit_redis_url: str) -> None:
    inbox = Inbox()
    async with Process(botkit_redis_url, bot(echo(), inbox)) as first, first.another() as second:
        await first.engine.poll_once()
        await second.engine.poll_once()
        assert len(inbox.asked) == 1


async def test_trouble_of_any_kind_leaves_the_cursor_and_is_over_at_the_next_question(botkit_redis_url: str) -> None:
    inbox = Inbox()
    async with Process(botkit_redis_url, bot(echo(), inbox)) as process:
        inbox.letters += [["one"], ServiceError("no"), NotSentError("no connection"), ValueError("a mistake"), ["two"]]
        for _ in range(5):
            await process.engine.poll_once()
            await process.engine.settle()
            process.clock.advance(seconds=60)
        assert inbox.asked == [b"", b"1", b"1", b"1", b"1"]
        assert inbox.texts == ["one", "two"]


async def test_what_could_not_all_be_stored_is_asked_for_again(botkit_redis_url: str) -> None:
    inbox = Inbox()
    full = Process(botkit_redis_url, bot(echo(), inbox), role="web", bounds=Bounds(mailbox=1))
    async with full as process, process.another() as worker:
        inbox.letters += [["one", "two"], ["two"]]
        await process.engine.poll_once()
        await worker.engine.settle()
        process.clock.advance(seconds=60)
        await process.engine.poll_once()
        await worker.engine.settle()
        assert inbox.asked == [b"", b""]
        assert inbox.texts == ["one", "two"]


async def test_a_service_that_calls_us_is_not_asked(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(echo())) as process:
        assert await process.engine.poll_once() > 0


class Away(RedisAccounts):
    """Accounts that cannot be asked about at first: Redis is away, then there is a mistake of ours."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.plan = deque[Exception]([StoreUnavailableError("away"), ZeroDivisionError("a mistake")])

    async def begin_poll(self, account: Account, token: str, *, every: float, lease: float) -> Poll:
        if account.channel == "desk" and self.plan:
            raise self.plan.popleft()
        return await super().begin_poll(account, token, every=every, lease=lease)


class Uncertain(RedisStore):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.accounts = Away(self._script, self.call, self.keys, life=60)


async def test_the_loop_of_a_worker_asks_whatever_happened_before(botkit_redis_url: str) -> None:
    inbox = Inbox()
    inbox.letters.append(["hello"])
    policy = EnginePolicy(poll=0.01)
    async with Process(botkit_redis_url, bot(echo(), inbox), engine=policy, store=Uncertain) as process:
        with capture_logs() as logs:
            process.engine.start()
            await inbox.has_shown(1)
        assert inbox.texts == ["hello"]
        assert "the services could not be asked" in {entry["event"] for entry in logs}
