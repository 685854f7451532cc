"""The ASGI application: what it starts and stops, what it tells about itself, and why it does not start."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match, Route
from starlette.testclient import TestClient

from botkit.app import App, _webhook_place
from botkit.bot import Bot
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.events import MessageReceived
from botkit.exceptions import DefinitionError, SettingsError, StoreUnavailableError
from botkit.flow import Flow
from botkit.redaction import Secret
from botkit.redis.embedded import EmbeddedServer
from botkit.router import Router
from botkit.settings import Settings
from tests.process_logs import logs_kept

HERE = "http://localhost:8000"
LOOPBACK = ("127.0.0.1", 50000)
VERBS = ("POST", "GET", "HEAD", "PUT", "OPTIONS")
ROUTES = [
    Route("/webhooks/{channel}", print, methods=["POST"]),
    Route("/webhooks/{channel}/{kind}", print, methods=["GET", "POST"]),
]
TOKEN = "44d32a6f1b-cafe-0123-canary"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    with logs_kept():
        yield


def shop(*, token: str = "", prefix: str = "", name: str = "shop") -> Bot:
    router = Router()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"you said {event.text}")

    return Bot(name, routers=[router], accounts=[Viber(token, prefix=prefix)])


def is_stopped(app: App) -> bool:
    return app.service is None and app.server is None


def is_running(url: str) -> bool:
    # Not by its process id: one that has ended keeps it until somebody asks how.
    with redis.Redis.from_url(url, retry=None) as client:
        try:
            client.ping()
        except redis.ConnectionError:
            return False
    return True


def server_of(folder: Path) -> str:
    url: str = msgspec.json.decode((folder / "redis" / "server.json").read_bytes())["url"]
    return url


def test_it_starts_with_a_server_of_its_own_and_takes_it_along_when_it_stops(tmp_path: Path) -> None:
    app = App([shop()], settings=Settings(folder=tmp_path))
    with TestClient(app, HERE, client=LOOPBACK) as client:
        assert app.service is not None
        assert app.server is not None
        url = app.server.url
        assert is_running(url)
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").status_code == 200
        said = client.post("/play/viber/shop-viber", json={"verb": "says", "person": "Olena", "text": "hello"}).json()
        assert [bubble["text"] for bubble in said["bubbles"]] == ["hello", "you said hello"]
    assert is_stopped(app)
    assert not is_running(url)


def test_a_given_server_is_used_and_left_running(botkit_redis_url: str, tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path, redis_url=Secret(botkit_redis_url), key_prefix="appleft")
    app = App([shop()], settings=settings)
    with TestClient(app) as client:
        assert app.server is None
        assert client.get("/readyz").status_code == 200
    with TestClient(app) as client:
        assert client.get("/readyz").status_code == 200, "it can be started again"


def test_it_is_alive_but_not_ready_while_the_store_is_away(tmp_path: Path) -> None:
    server = EmbeddedServer.start(tmp_path / "elsewhere", fsync="everysec")
    settings = Settings(folder=tmp_path, redis_url=Secret(server.url), shutdown_seconds=0)
    with TestClient(App([shop()], settings=settings)) as client:
        assert client.get("/readyz").status_code == 200
        server.stop()
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200


@given(st.text("/webhookstgk\n%. ", max_size=30) | st.from_regex(r"/webhooks/[^/]*(/[^/]*)?/?"), st.sampled_from(VERBS))
def test_the_short_way_to_the_receiver_is_open_to_what_the_routes_would_give_it(path: str, method: str) -> None:
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    matches = [route.matches(scope) for route in ROUTES]
    routed = next((child["path_params"] for match, child in matches if match is Match.FULL), None)
    # Whoever is not sent the short way goes the long one: only posts are many.
    place = (routed["channel"], routed.get("kind", "")) if routed and method == "POST" else None
    assert _webhook_place(scope) == place


def test_no_webhook_goes_the_short_way_below_another_application() -> None:
    assert _webhook_place({"type": "http", "method": "POST", "path": "/webhooks/viber", "root_path": "/bots"}) is None
    assert _webhook_place({"type": "websocket", "path": "/webhooks/viber"}) is None


def test_webhooks_before_the_start_and_after_the_end_must_come_again(tmp_path: Path) -> None:
    answer = TestClient(App([shop()], settings=Settings(folder=tmp_path))).post("/webhooks/viber?ta=shop-viber")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert TestClient(App([shop()])).get("/readyz").status_code == 503


# --- the phones ---


@pytest.mark.parametrize(
    ("client", "host", "headers", "status"),
    [
        ("127.0.0.1", "localhost:8000", {}, 200),
        ("::1", "[::1]:8000", {}, 200),
        ("10.0.0.9", "localhost:8000", {}, 404),
        ("", "localhost:8000", {}, 404),
        ("127.0.0.1", "evil.example", {}, 404),
        ("127.0.0.1", "localhost:8000", {"X-Forwarded-For": "10.0.0.9"}, 404),
    ],
    ids=["here", "here by IPv6", "another machine", "nobody knows", "another name", "behind a proxy"],
)
def test_the_phones_are_there_for_this_machine_only(
    botkit_redis_url: str, tmp_path: Path, client: str, host: str, headers: dict[str, str], status: int
) -> None:
    settings = Settings(folder=tmp_path, redis_url=Secret(botkit_redis_url), key_prefix="appphones")
    with TestClient(App([shop()], settings=settings), f"http://{host}", client=(client, 1), headers=headers) as phone:
        assert phone.get("/play/accounts").status_code == status
        act = {"verb": "looks", "person": "Olena"}
        assert phone.post("/play/viber/shop-viber", json=act).status_code == status


def test_the_phones_are_not_there_in_production(botkit_redis_url: str, tmp_path: Path) -> None:
    settings = Settings(env="prod", folder=tmp_path, redis_url=Secret(botkit_redis_url), key_prefix="appprod")
    with TestClient(App([shop(token=TOKEN)], settings=settings), HERE, client=LOOPBACK) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/play/accounts").status_code == 404
        assert client.post("/play/viber/shop-viber", json={"verb": "looks"}).status_code == 404


# --- what keeps it from starting ---


def fail_to_start(app: App, kind: type[Exception]) -> Exception:
    with pytest.raises(kind) as caught, TestClient(app):
        raise AssertionError("it started")
    assert app.failure is caught.value
    assert is_stopped(app)
    return caught.value


def test_in_production_it_does_not_start_without_a_store(tmp_path: Path) -> None:
    app = App([shop(token=TOKEN)], settings=Settings(env="prod", folder=tmp_path))
    assert "BOTKIT_REDIS_URL is not set" in str(fail_to_start(app, SettingsError))
    assert not (tmp_path / "redis").exists()


def test_in_production_it_does_not_start_without_credentials(botkit_redis_url: str, tmp_path: Path) -> None:
    settings = Settings(env="prod", folder=tmp_path, redis_url=Secret(botkit_redis_url))
    app = App([shop(prefix="SHOP_VIBER")], settings=settings)
    assert "SHOP_VIBER_TOKEN is not set" in str(fail_to_start(app, SettingsError))


@pytest.mark.parametrize("settings", [{"role": "web"}, {"role": "worker"}, {"workers": 2}], ids=str)
def test_a_start_that_fails_leaves_no_server_behind(tmp_path: Path, settings: dict[str, object]) -> None:
    chosen = msgspec.structs.replace(Settings(folder=tmp_path), **settings)
    assert "lives in one process" in str(fail_to_start(App([shop()], settings=chosen), SettingsError))
    assert not is_running(server_of(tmp_path))


def test_a_start_that_fails_for_whatever_reason_leaves_no_server_behind(tmp_path: Path) -> None:
    (tmp_path / "simulators").mkdir()
    (tmp_path / "simulators" / "viber.json").write_bytes(b"this is no snapshot")
    fail_to_start(App([shop()], settings=Settings(folder=tmp_path)), Exception)
    assert not is_running(server_of(tmp_path))


def test_a_store_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    url = Secret("redis://:hunter2-canary@127.0.0.1:1/0")
    app = App([shop(token=TOKEN)], settings=Settings(env="prod", folder=tmp_path, redis_url=url))
    said = str(fail_to_start(app, StoreUnavailableError))
    assert "127.0.0.1:1" in said
    assert "hunter2" not in said


def test_two_bots_cannot_share_a_name() -> None:
    with pytest.raises(DefinitionError, match="two bots share a name: shop, shop"):
        App([shop(), shop()])


async def test_a_process_that_is_cancelled_while_it_runs_stops_in_order(tmp_path: Path) -> None:
    app = App([shop()], settings=Settings(folder=tmp_path))
    said: asyncio.Queue[str] = asyncio.Queue()
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        await said.put(message["type"])

    await inbox.put({"type": "lifespan.startup"})
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send))
    async with asyncio.timeout(10):
        assert await said.get() == "lifespan.startup.complete"
        assert app.server is not None
        url = app.server.url
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not is_running(url)
