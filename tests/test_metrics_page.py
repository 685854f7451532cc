"""What Prometheus reads at `/metrics`: who may, what it finds, and that nobody outside can add to it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from botkit.app import App
from botkit.bot import Bot
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.metrics import FAMILIES
from botkit.metrics_page import GAUGES
from botkit.redaction import Secret
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.settings import Settings
from tests.generated import ROOT
from tests.test_app import logs_as_they_were

__all__ = ["logs_as_they_were"]

LOOPBACK = ("127.0.0.1", 50000)
ELSEWHERE = ("203.0.113.5", 50000)
TOKEN = "m" * 32
CANARY = "canary-f00d"


def shop() -> Bot:
    router = Router()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"you said {event.text}")

    return Bot("shop", routers=[router], accounts=[Viber(prefix="SHOP_VIBER")])


@pytest.fixture
def app(botkit_redis_url: str, tmp_path: Path) -> App:
    prefix = f"page{tmp_path.name[-20:].replace('_', '')}"
    return App([shop()], settings=Settings(folder=tmp_path, redis_url=Secret(botkit_redis_url), key_prefix=prefix))


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with TestClient(app, "http://localhost:8000", client=LOOPBACK) as client:
        yield client


def read(client: TestClient) -> dict[tuple[str, ...], float]:
    """Returns every sample of the page by its name and its labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


# --- who may read ---


def test_programs_on_this_machine_read_without_a_token(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_nobody_elsewhere_reads_without_a_token(app: App) -> None:
    with TestClient(app, client=ELSEWHERE) as client:
        assert client.get("/metrics").status_code == 403


def test_what_came_through_a_proxy_on_this_machine_needs_the_token(client: TestClient) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403, header


@pytest.mark.parametrize("peer", [LOOPBACK, ELSEWHERE], ids=["here", "elsewhere"])
def test_where_there_is_a_token_it_is_all_that_counts(app: App, peer: tuple[str, int]) -> None:
    assert app.settings
    app.settings = replace(app.settings, metrics_token=Secret(TOKEN))
    given = {f"Bearer {TOKEN}": 200, f"Bearer {TOKEN}m": 403, f"Bearer {TOKEN[1:]}": 403, TOKEN: 403, "": 403}
    with TestClient(app, client=peer) as client:
        found = {word: client.get("/metrics", headers={"Authorization": word} if word else {}) for word in given}
    assert {word: answer.status_code for word, answer in found.items()} == given


# --- what it holds ---


def test_a_conversation_is_counted_from_its_webhook_to_its_send(client: TestClient) -> None:
    client.post("/play/viber/shop-viber", json={"verb": "says", "text": "hello"})
    found = read(client)
    account = ("account=shop-viber", "channel=viber")
    assert found["botkit_events_accepted_total", *account] >= 1
    assert found["botkit_events_committed_total", *account] >= 1
    assert found["botkit_sends_total", *account, "outcome=sent"] == 1
    assert found["botkit_handler_seconds_count", *account] == 1
    assert found["botkit_handler_seconds_bucket", *account, "le=+Inf"] == 1
    assert found["botkit_webhook_seconds_count", *account] >= 1
    assert found["botkit_store_up",] == found["botkit_processes",] == 1
    assert found["botkit_queue_age_seconds", "queue=mailbox"] == 0


def test_every_metric_has_its_help_and_its_type_and_botkits_name(client: TestClient) -> None:
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    assert {family.name for family in families} == {
        "botkit_info", *(f"botkit_{name}" for name in GAUGES), *(f"botkit_{family.name}" for family in FAMILIES),
    }  # fmt: skip
    assert all(family.documentation and family.type in ("counter", "gauge", "histogram") for family in families)


async def test_what_waits_is_told_with_how_long_it_has_been_due(client: TestClient, app: App) -> None:
    assert app.settings
    assert app.settings.redis_url
    assert app.service
    await_age = 90
    store = RedisStore(app.settings.redis_url.reveal(), prefix=app.settings.key_prefix)
    ready, ended = (store.keys.partitions[3][name] for name in ("ordy", "lse"))
    now = store.clock.timestamp() * 1000
    # Not in the bot's own hands: it would send it.
    app.service.engine._draining = True
    await store.call("ZADD", ready, now + 300_000, "viber:shop-viber:later")
    await store.call("ZADD", ended, now - await_age * 1000, "viber:shop-viber:left")
    found = read(client)
    await store.call("DEL", ready, ended)
    await store.close()
    assert found["botkit_queue_conversations", "queue=outbox", "state=waiting"] == 1
    assert found["botkit_queue_conversations", "queue=mailbox", "state=leased"] == 1
    assert found["botkit_queue_age_seconds", "queue=outbox"] == 0
    assert found["botkit_queue_age_seconds", "queue=mailbox"] == pytest.approx(await_age, abs=30)


def test_a_store_that_is_gone_costs_its_own_gauges_and_nothing_else(app: App, tmp_path: Path) -> None:
    app.settings = Settings(folder=tmp_path / "own")
    with TestClient(app, client=LOOPBACK) as client:
        assert app.server
        before = read(client)
        app._guarding.cancel() if app._guarding else None
        app.server.stop()
        after = read(client)
    assert after["botkit_store_up",] == 0
    missing = {name for name, *_ in before.keys() - after.keys()}
    assert missing == {"botkit_queue_conversations", "botkit_queue_age_seconds", "botkit_dead_letters"}


words = st.text(max_size=40).filter(lambda text: text.isprintable())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    channel=st.sampled_from(["viber", "telegram", "mitto", CANARY]),
    ta=words | st.sampled_from(["shop-viber", CANARY]),
    method=st.sampled_from(["POST", "GET", "PUT", CANARY.upper()]),
    body=st.binary(max_size=200),
    headers=st.dictionaries(st.sampled_from(["X-Viber-Content-Signature", "Content-Encoding"]), st.just(CANARY)),
)
def test_no_request_adds_a_series(
    client: TestClient, channel: str, ta: str, method: str, body: bytes, headers: dict[str, str]
) -> None:
    before = read(client).keys()
    client.request(method, f"/webhooks/{channel}", params={"ta": ta}, content=body, headers=headers)
    after = read(client).keys()
    assert after == before
    assert len(after) > 100


def test_no_words_and_no_ids_of_people_are_shown(client: TestClient) -> None:
    client.post("/play/viber/shop-viber", json={"verb": "says", "person": f"Olena {CANARY}", "text": CANARY})
    client.post("/webhooks/viber", params={"ta": CANARY}, content=CANARY)
    page = client.get("/metrics").text
    assert CANARY not in page
    accounts = set(re.findall(r'account="([^"]*)"', page))
    assert accounts == {"", "shop-viber"}


def test_every_metric_of_an_alert_is_one_that_the_page_has(client: TestClient) -> None:
    alerts = (ROOT / "docs" / "operate.md").read_text("utf-8").split("<!-- alerts -->")[1].split("```")[1]
    (group,) = yaml.safe_load(alerts.removeprefix("yaml\n"))["groups"]
    samples = {name for name, *_ in read(client)}
    for rule in group["rules"]:
        asked = set(re.findall(r"botkit_\w+", rule["expr"]))
        assert asked, rule
        assert asked <= samples, rule
