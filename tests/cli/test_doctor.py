import asyncio
import json
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest

from botkit.cli.doctor import (
    RECOMMENDED,
    package_findings,
    python_finding,
    recommended,
    replica_finding,
    server_finding,
)
from botkit.clock import Clock
from botkit.gateways.smsgold import SmsGold
from botkit.redis.embedded import EmbeddedServer
from botkit.redis.store import RedisStore
from botkit.simulators.smsgold import SmsGoldSimulator
from botkit.simulators.telegram import TelegramSimulator
from botkit.store import Mine
from botkit.turn import Queue
from tests.cli.conftest import TELEGRAM_TOKEN, Run, served
from tests.conftest import Servers

BASE = "https://bots.example.org"
BOTS = """
from botkit import App, Bot, Router, Telegram

app = App([Bot("parcel", routers=[Router()], accounts=[Telegram.from_env("PARCEL_TELEGRAM")])])
"""


@pytest.fixture(autouse=True)
def bots(project: Path) -> None:
    (project / "bots.py").write_text(BOTS)


@pytest.fixture
def store_url(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> str:
    """A running Redis with a prefix nobody used before, as the settings name it."""
    url = servers.any_url()
    monkeypatch.setenv("BOTKIT_REDIS_URL", url)
    monkeypatch.setenv("BOTKIT_KEY_PREFIX", f"doctor{uuid4().hex[:8]}")
    return url


@pytest.fixture
def prefix(store_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    prefix = f"doctor{uuid4().hex[:8]}"
    monkeypatch.setenv("BOTKIT_KEY_PREFIX", prefix)
    return prefix


def line(text: str, out: str) -> str:
    """Returns the one line of the report that holds the text."""
    (found,) = [line for line in out.splitlines() if text in line]
    return found


def test_all_is_well_in_a_new_project_and_nothing_is_left_behind(run: Run, project: Path) -> None:
    done = run("doctor")
    assert done.code == 0
    assert " !! " not in done.out
    assert "would be started" in line("store", done.out)
    assert "PARCEL_TELEGRAM_TOKEN is not set: telegram is simulated" in line(" -- ", done.out)
    assert not (project / ".botkit").exists()


def test_programs_get_mark_text_and_fix_of_every_finding(run: Run) -> None:
    findings = json.loads(run("doctor", "--json").out)
    assert findings[0]["mark"] == "ok"
    assert findings[0]["what"].startswith("Python 3.")
    assert {"mark", "what", "fix"} <= set(findings[-1])


def test_a_message_that_a_service_shows_otherwise_than_written_is_a_note(run: Run, project: Path) -> None:
    code = """
from botkit import App, AskLocation, Bot, BusinessMessages, Router

router = Router()

@router.text()
async def where(event, ctx):
    ctx.reply("Where?", buttons=[AskLocation("Here")])

app = App([Bot("parcel", routers=[router], accounts=[BusinessMessages.from_env("PARCEL_GBM")])])
"""
    (project / "bots.py").write_text(code)
    done = run("doctor")
    assert line("AskLocation", done.out) == " --  shown otherwise: bots.py:8  Text on gbm: AskLocation as words"
    assert done.code == 0


# --- the machine ---


@pytest.mark.parametrize(("version", "mark"), [((3, 10), "problem"), ((3, 11), "ok"), ((3, 12), "ok")])
def test_python_is_3_11_or_newer(version: tuple[int, int], mark: str) -> None:
    assert python_finding(version).mark == mark


CLICK = version("click")


@pytest.mark.parametrize(
    ("pins", "mark", "told"),
    [
        (f"click=={CLICK} \\\n    --hash=sha256:00\n", "ok", "1 packages match"),
        ("click==0.1\n", "note", f"click is {CLICK}, not 0.1"),
        ("no-such-package==1\n", "note", "no-such-package is missing"),
        ("no-such-package==1 ; sys_platform == 'win32'\n", "ok", "match"),
        (f"click==0.1 ; python_version < '3'\nclick=={CLICK} ; python_version >= '3'\n", "ok", "match"),
    ],
)
def test_what_is_installed_is_compared_with_what_is_pinned(project: Path, pins: str, mark: str, told: str) -> None:
    file = project / "run.txt"
    file.write_text(pins)
    (finding,) = package_findings(file)
    assert finding.mark == mark
    assert told in finding.what


def test_without_pinned_packages_nothing_is_said_of_them(project: Path) -> None:
    assert list(package_findings(project / "run.txt")) == []


# --- settings ---


def test_a_wrong_setting_is_not_configured(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_PORT", "many")
    done = run("doctor")
    assert done.code == 3
    assert "port must be a number" in line(" !! ", done.out)


# --- the store ---


def test_a_store_that_answers_is_timed_and_has_no_dead_letters(run: Run, prefix: str) -> None:
    done = run("doctor")
    assert done.code == 0
    assert "answers in" in line("store at", done.out)
    assert line("dead letters", done.out).startswith(" ok ")


def test_a_store_that_does_not_answer_is_a_problem_and_its_password_is_not_printed(
    run: Run, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_REDIS_URL", f"redis://:hunter22@127.0.0.1:{closed_port}/0")
    done = run("doctor")
    assert done.code == 1
    assert f"127.0.0.1:{closed_port}" in line(" !! ", done.out)
    assert "hunter22" not in done.out + done.err


def test_a_store_of_another_layout_is_not_configured(run: Run, store_url: str, prefix: str) -> None:
    call(store_url, "HSET", f"{prefix}:meta", "format", "99")
    done = run("doctor")
    assert done.code == 3
    assert "format 99" in line(" !! ", done.out)


def test_production_needs_a_store_and_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_ENV", "prod")
    done = run("doctor")
    assert done.code == 3
    problems = [line for line in done.out.splitlines() if line.startswith(" !! ")]
    assert ["BOTKIT_REDIS_URL" in problems[0], "PARCEL_TELEGRAM_TOKEN" in problems[1]] == [True, True]


def test_the_embedded_store_s_data_are_looked_at_and_its_server_ends_again(run: Run, project: Path) -> None:
    folder = project / ".botkit" / "redis"
    EmbeddedServer.start(folder).stop()
    assert "answers in" in line("store at .botkit/redis", run("doctor").out)
    again = EmbeddedServer.start(folder)
    again.stop()
    assert not again.adopted


@pytest.mark.parametrize("name", RECOMMENDED)
def test_a_server_that_may_lose_what_it_was_given_is_noted(name: str) -> None:
    finding = server_finding(RECOMMENDED | {name: "other"})
    assert finding.mark == "note"
    assert f"{name} other" in finding.what
    assert finding.fix == f"set {name} {RECOMMENDED[name]}"


def test_a_server_that_keeps_what_it_was_given_is_well() -> None:
    assert server_finding(RECOMMENDED).mark == "ok"


def test_a_server_that_tells_nothing_is_noted_with_what_to_set() -> None:
    assert "appendfsync always" in server_finding({}).fix


@pytest.mark.parametrize(
    ("ack_replicas", "is_cluster", "more"),
    [
        (0, False, {}),
        (2, False, {"min-replicas-to-write": "2", "min-replicas-max-lag": "2"}),
        (0, True, {"cluster-require-full-coverage": "no"}),
    ],
)
def test_what_a_server_should_be_set_to_depends_on_what_is_asked_of_it(
    ack_replicas: int, is_cluster: bool, more: dict[str, str]
) -> None:
    wanted = recommended(ack_replicas, is_cluster=is_cluster)
    assert wanted == RECOMMENDED | more
    for name, value in more.items():
        finding = server_finding(wanted | {name: "7"}, wanted, "the server a:1")
        assert (finding.mark, finding.fix) == ("note", f"set {name} {value}")
        assert finding.what == f"the server a:1 is not set up for its part: {name} 7"


@pytest.mark.parametrize(("count", "mark"), [(0, "problem"), (1, "problem"), (2, "ok"), (3, "ok"), (None, "note")])
def test_fewer_replicas_than_must_confirm_are_a_problem(count: int | None, mark: str) -> None:
    finding = replica_finding("a:1", count, 2)
    assert finding.mark == mark
    assert ("503" in finding.fix) is (mark == "problem")


def test_replicas_that_must_confirm_and_are_not_there_are_found(
    run: Run, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_ACK_REPLICAS", "1")
    done = run("doctor")
    assert done.code == 1
    assert ": 0, and BOTKIT_ACK_REPLICAS=1" in line("replicas of the server", done.out)


def test_dead_letters_are_counted(run: Run, store_url: str, prefix: str) -> None:
    async def give_up() -> None:
        store = RedisStore(store_url, prefix=prefix)
        taken = await store.ingest("telegram:t:1", "e" * 22, b"{}", token=store.new_token(), window=60)
        assert isinstance(taken, Mine)
        await store.retry(Queue.MAILBOX, taken.turn, delay=0, error="no", max_attempts=1)
        await store.close()

    asyncio.run(give_up())
    done = run("doctor")
    assert done.code == 0
    assert line("dead letter", done.out).startswith(" --  1 dead letter:")


def test_only_the_audit_finds_a_broken_structure(run: Run, store_url: str, prefix: str) -> None:
    assert "everything stored is whole" in line("audit", run("doctor", "--audit").out)
    store = RedisStore(store_url, prefix=prefix)
    call(store_url, "ZADD", f"{{{prefix}:{store.keys.partition('lost')}}}:rdy", "1", "lost")
    assert run("doctor").code == 0
    done = run("doctor", "--audit")
    assert done.code == 1
    assert "lost" in line(" !! ", done.out)


def call(url: str, *command: str) -> None:
    async def send() -> None:
        store = RedisStore(url, prefix="doctor")
        await store.call(*command)
        await store.close()

    asyncio.run(send())


# --- the application ---


def test_an_application_that_cannot_be_imported_is_a_problem(run: Run, project: Path) -> None:
    (project / "bots.py").write_text("import no_such_module")
    done = run("doctor")
    assert done.code == 1
    assert "no_such_module" in line(" !! ", done.out)


def test_routes_that_do_not_fit_together_are_a_problem(run: Run, project: Path) -> None:
    code = '\nrouter = Router()\n@router.text("x", state="nowhere")\nasync def x(event, ctx): ...\n'
    (project / "bots.py").write_text(BOTS.replace("\napp", f"{code}\napp").replace("[Router()]", "[router]"))
    done = run("doctor")
    assert done.code == 1
    assert "has no state 'nowhere'" in done.out


def test_credentials_of_the_wrong_form_are_not_configured(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARCEL_TELEGRAM_TOKEN", "hunter22")
    done = run("doctor")
    assert done.code == 3
    assert "PARCEL_TELEGRAM_TOKEN" in line(" !! ", done.out)
    assert "hunter22" not in done.out


def test_a_spec_that_is_none_is_misuse(run: Run) -> None:
    assert run("doctor", "--app", "bots").code == 2


# --- webhooks ---


def test_a_webhook_that_is_set_right_is_well(
    run: Run, telegram: TelegramSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
    run("webhook", "set", "--yes")
    done = run("doctor")
    assert done.code == 0
    assert line("webhook of", done.out).startswith(" ok ")
    assert TELEGRAM_TOKEN not in done.out


def test_a_webhook_that_is_set_elsewhere_is_a_problem(
    run: Run, telegram: TelegramSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("webhook", "set", "--url", "https://old.example.org", "--yes")
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
    done = run("doctor")
    assert done.code == 1
    assert "is https://old.example.org/webhooks/" in line(" !! ", done.out)


def test_a_webhook_that_is_missing_is_a_problem_with_the_command_that_mends_it(
    run: Run, telegram: TelegramSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
    done = run("doctor")
    assert done.code == 1
    assert f"is not set, not {BASE}/webhooks/telegram?ta=parcel-telegram" in line(" !! ", done.out)
    assert "fix: botkit webhook set --bot parcel --account parcel-telegram" in done.out


def test_a_service_out_of_reach_is_noted(
    run: Run, telegram: TelegramSimulator, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
    monkeypatch.setenv("PARCEL_TELEGRAM_API_URL", f"http://127.0.0.1:{closed_port}")
    done = run("doctor")
    assert done.code == 0
    assert "could not be asked" in line("webhook of", done.out)


def test_a_token_that_the_service_does_not_know_is_a_problem(
    run: Run, telegram: TelegramSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
    monkeypatch.setenv("PARCEL_TELEGRAM_TOKEN", f"987654321:{'B' * 35}")
    done = run("doctor")
    assert done.code == 1
    assert "Telegram refused" in line(" !! ", done.out)


def test_without_a_public_address_webhooks_are_not_asked_for(run: Run, telegram: TelegramSimulator) -> None:
    done = run("doctor")
    assert done.code == 0
    assert "BOTKIT_PUBLIC_URL is not set" in line(" -- ", done.out)


def test_the_keys_of_the_send_api_are_named_and_those_of_no_account_pointed_out(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "closed, since there are no keys" in line("send API", run("doctor").out)
    key = f'sha256 = "{"0" * 64}", scopes = ["send"]'
    (project / "keys.toml").write_text(f'shop = {{ {key}, accounts = ["parcel-telegram", "till"] }}')
    monkeypatch.setenv("BOTKIT_API_KEYS_FILE", "keys.toml")
    done = run("doctor")
    assert done.code == 0
    assert line("send API", done.out).endswith("shop")
    assert "key shop is for account till" in line("key shop", done.out)
    (project / "keys.toml").write_text("shop = {}")
    wrong = run("doctor")
    assert wrong.code == 3
    assert "key shop" in line(" !! ", wrong.out)


def test_a_gateway_that_calls_nobody_has_no_webhook_to_look_for(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = SmsGoldSimulator(Clock())
    simulator.add_account(SmsGold(user="12345", password="password", bot_id="shop", ta="gold"))
    with served(simulator.app) as url:
        account = f'SmsGold(user="12345", password="password", bot_id="shop", ta="gold", api_url="{url}")'
        (project / "bots.py").write_text(
            f"from botkit import App, Bot, SmsGold\n\napp = App([Bot('shop', routers=[], accounts=[{account}])])\n"
        )
        monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
        assert line("gold: smsgold answers", run("doctor").out).startswith(" ok ")


def test_what_is_entered_in_a_console_is_noted_with_the_command_that_shows_it(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "bots.py").write_text(
        "from botkit import App, Bot, Smsc\n\n"
        "app = App([Bot('shop', routers=[], accounts=[Smsc(api_key='a-key-of-smsc', ta='s')])])\n"
    )
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", BASE)
    done = run("doctor")
    assert "set in the account's settings at smsc.ru" in line("webhook of s", done.out)
    assert "fix: compare it with: botkit webhook info --account s" in done.out
