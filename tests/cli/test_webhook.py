import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.cli.webhook import SIMULATED, needs_https
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.viber import ViberSimulator
from tests.cli.conftest import TELEGRAM_TOKEN, VIBER_TOKEN, Outcome, Run, served

BASE = "https://bots.example.org"

BOTS = """
from botkit import App, Bot, BusinessMessages, Router, Telegram, Viber
from botkit.channels.google_oauth import ServiceAccount

ACCOUNT = ServiceAccount("bot@example.org", None, "key", "https://oauth.example.org")
GBM = BusinessMessages(ACCOUNT, [], "client-token", "brands/a/agents/b", ta="parcel-gbm")

app = App([
    Bot("parcel", routers=[], accounts=[
        Telegram.from_env("PARCEL_TELEGRAM"), Viber.from_env("PARCEL_VIBER"), BusinessMessages.from_env("PARCEL_GBM"),
    ]),
    Bot("taxi", routers=[], accounts=[Viber.from_env("TAXI_VIBER")]),
])
console = App([Bot("parcel", routers=[], accounts=[GBM])])
"""


@pytest.fixture(autouse=True)
def bots(project: Path) -> None:
    (project / "bots.py").write_text(BOTS)


def told(out: str) -> dict[str, dict[str, object]]:
    return {row["account"]: row for row in json.loads(out)}


def test_set_registers_every_account_with_credentials_and_asks_the_service(
    run: Run, telegram: TelegramSimulator, viber: ViberSimulator
) -> None:
    done = run("webhook", "set", "--url", BASE, "--yes", "--json")
    assert done.code == 0
    rows = told(done.out)
    for account, channel in (("parcel-telegram", "telegram"), ("taxi-viber", "viber")):
        assert rows[account]["now"] == f"{BASE}/webhooks/{channel}?ta={account}"
        assert rows[account]["result"] == "set and verified"
    assert telegram.bot("parcel-telegram").webhook.url == rows["parcel-telegram"]["now"]
    assert viber.bot("taxi-viber").url == rows["taxi-viber"]["now"]
    assert rows["parcel-viber"]["result"] == SIMULATED


def test_the_base_address_comes_from_the_settings_and_the_account_is_url_encoded(
    run: Run, telegram: TelegramSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_PUBLIC_URL", f"{BASE}/")
    monkeypatch.setenv("PARCEL_TELEGRAM_TA", "a b&c")
    telegram.add_account(Telegram(TELEGRAM_TOKEN, "secret", ta="a b&c"))
    assert run("webhook", "set", "--yes").code == 0
    assert telegram.bot("a b&c").webhook.url == f"{BASE}/webhooks/telegram?ta=a%20b%26c"


def test_a_dry_run_shows_the_difference_and_changes_nothing(run: Run, telegram: TelegramSimulator) -> None:
    run("webhook", "set", "--url", "https://old.example.org", "--yes")
    done = run("webhook", "set", "--url", BASE, "--dry-run")
    assert done.code == 0
    assert "would be set" in done.out
    assert "https://old.example.org/webhooks/telegram?ta=parcel-telegram" in done.out
    assert f"{BASE}/webhooks/telegram?ta=parcel-telegram" in done.out
    assert telegram.bot("parcel-telegram").webhook.url.startswith("https://old.example.org/")


@pytest.mark.parametrize(("answer", "code", "is_set"), [("n\n", 1, False), ("", 1, False), ("y\n", 0, True)])
def test_set_shows_its_plan_and_asks(
    run: Run, telegram: TelegramSimulator, answer: str, code: int, is_set: bool
) -> None:
    done = run("webhook", "set", "--url", BASE, typed=answer)
    assert done.code == code
    assert "would be set" in done.out
    assert "Set 1 webhook?" in done.err
    assert bool(telegram.bot("parcel-telegram").webhook.url) is is_set


def test_with_json_the_plan_is_no_part_of_the_document(run: Run, telegram: TelegramSimulator) -> None:
    done = run("webhook", "set", "--url", BASE, "--json", typed="y\n")
    assert told(done.out)["parcel-telegram"]["result"] == "set and verified"
    assert "would be set" in done.err


def test_the_right_address_is_registered_again(run: Run, telegram: TelegramSimulator) -> None:
    run("webhook", "set", "--url", BASE, "--yes")
    assert "would be set again" in run("webhook", "set", "--url", BASE, "--dry-run").out


def test_only_the_accounts_that_are_named_are_registered(
    run: Run, telegram: TelegramSimulator, viber: ViberSimulator
) -> None:
    for which in (("--bot", "taxi"), ("--account", "taxi-viber"), ("--channel", "viber")):
        rows = told(run("webhook", "set", "--url", BASE, *which, "--yes", "--json").out)
        assert rows["taxi-viber"]["result"] == "set and verified"
    assert telegram.bot("parcel-telegram").webhook.url == ""


def test_delete_asks_and_removes(run: Run, viber: ViberSimulator) -> None:
    run("webhook", "set", "--url", BASE, "--yes")
    assert run("webhook", "delete", typed="n\n").code == 1
    assert viber.bot("taxi-viber").url
    done = run("webhook", "delete", "--yes")
    assert done.code == 0
    assert "deleted" in done.out
    assert viber.bot("taxi-viber").url == ""


def test_info_compares_what_is_with_what_should_be(run: Run, telegram: TelegramSimulator) -> None:
    def result(*args: str) -> object:
        return told(run("webhook", "info", *args, "--json").out)["parcel-telegram"]["result"]

    assert result("--url", BASE) == "not set"
    run("webhook", "set", "--url", BASE, "--yes")
    assert result("--url", BASE) == "as it should be"
    assert result("--url", "https://other.example.org") == "differs; set it with: botkit webhook set"
    assert result() == "set"


def test_info_shows_what_the_service_says_and_no_secret(
    run: Run, telegram: TelegramSimulator, viber: ViberSimulator
) -> None:
    done = run("webhook", "info")
    assert "pending_update_count 0" in done.out
    assert TELEGRAM_TOKEN not in done.out
    assert VIBER_TOKEN not in done.out


def test_a_refusal_is_told_after_all_accounts_were_tried(
    run: Run, telegram: TelegramSimulator, viber: ViberSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = f"987654321:{'B' * 35}"
    monkeypatch.setenv("PARCEL_TELEGRAM_TOKEN", unknown)
    done = run("webhook", "set", "--url", BASE, "--yes")
    assert done.code == 4
    assert "telegram parcel-telegram: " in done.err
    assert "PARCEL_TELEGRAM_TOKEN" in done.err
    assert unknown not in done.err + done.out
    assert viber.bot("taxi-viber").url


def test_a_service_out_of_reach_is_a_failure(
    run: Run, telegram: TelegramSimulator, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARCEL_TELEGRAM_API_URL", f"http://127.0.0.1:{closed_port}")
    done = run("webhook", "info")
    assert done.code == 1
    assert "telegram parcel-telegram: no connection" in done.err


@pytest.mark.parametrize("command", [("set", "--url", BASE), ("info",), ("delete",)])
def test_without_credentials_there_is_nothing_to_register(run: Run, command: tuple[str, ...]) -> None:
    done = run("webhook", *command)
    assert done.code == 3
    assert done.out.count(SIMULATED) == 4
    assert "PARCEL_TELEGRAM_TOKEN" in done.err


def test_set_needs_a_base_address(run: Run, telegram: TelegramSimulator) -> None:
    done = run("webhook", "set", "--yes")
    assert done.code == 3
    assert "BOTKIT_PUBLIC_URL" in done.err


def test_an_account_that_does_not_exist_is_misuse_and_all_are_listed(run: Run) -> None:
    done = run("webhook", "info", "--bot", "parzel")
    assert done.code == 2
    assert "no account fits --bot parzel" in done.err
    assert "taxi on viber (taxi-viber)" in done.err


# --- Business Messages, whose console takes the address ---


def console_receiver(answer: str) -> Starlette:
    async def receive(request: Request) -> Response:
        return PlainTextResponse(answer or (await request.json())["secret"])

    return Starlette(routes=[Route("/webhooks/gbm", receive, methods=["POST"])])


def test_business_messages_are_set_when_the_address_passes_the_console_s_check(run: Run) -> None:
    with served(console_receiver("")) as url:
        done = run("webhook", "set", "--app", "bots:console", "--url", url, "--yes", "--json")
    assert done.code == 0
    assert "the address is set in the Business" in str(told(done.out)["parcel-gbm"]["result"])


def test_business_messages_are_refused_where_the_address_answers_something_else(run: Run) -> None:
    with served(console_receiver("hello")) as url:
        assert run("webhook", "set", "--app", "bots:console", "--url", url, "--yes").code == 4


def test_business_messages_are_deleted_in_the_console_only(run: Run) -> None:
    done = run("webhook", "delete", "--app", "bots:console", "--yes")
    assert done.code == 4
    assert "console" in done.err


# --- http ---


def test_real_services_need_https_and_servers_of_one_s_own_do_not() -> None:
    own, telegram, viber = Telegram(api_url="http://localhost:8081"), Telegram(), Viber()
    assert needs_https({own}) == ""
    assert needs_https({own, telegram}) == "Telegram accepts"
    assert needs_https({telegram, viber}) == "Telegram and Viber accept"


# --- gateways, whose consoles take the addresses ---

WORD, KEY = "a-word-that-nobody-guesses", "a-key-that-nobody-guesses-either"
GATEWAYS = f"""
from botkit import App, Bot, Mitto, Rapporto, Smsc

RAPPORTO = Rapporto("sms", login="shop", password="password", api_url="https://rapporto.example/send", ta="r",
                    callback_secret="{WORD}")
app = App([Bot("shop", routers=[], accounts=[RAPPORTO, Smsc(api_key="key-of-smsc", ta="s")])])
mitto = App([Bot("shop", routers=[], accounts=[Mitto(api_key="key-of-mitto", inbound_keys="{KEY}", ta="m")])])
"""


@pytest.fixture
def gateways(project: Path) -> None:
    (project / "bots.py").write_text(GATEWAYS)


def addresses(done: Outcome, account: str) -> object:
    return told(done.out)[account]["addresses"]


def test_info_shows_the_addresses_that_are_entered_by_hand_with_what_proves_the_caller_hidden(
    run: Run, gateways: None
) -> None:
    done = run("webhook", "info", "--url", BASE, "--json")
    assert done.code == 0
    assert addresses(done, "r") == {
        "report": f"{BASE}/webhooks/rapporto/report?ta=r&key=***",
        "inbound": f"{BASE}/webhooks/rapporto/inbound?ta=r&key=***",
    }
    assert WORD not in done.out
    assert f"  report   {BASE}/webhooks/rapporto/report?ta=r&key=***" in run("webhook", "info", "--url", BASE).out


def test_info_shows_what_proves_the_caller_when_asked_to(run: Run, gateways: None) -> None:
    done = run("webhook", "info", "--url", BASE, "--show-secrets", "--json")
    assert f"{BASE}/webhooks/rapporto/inbound?ta=r&key={WORD}" in done.out


def test_kinds_that_share_an_address_stand_together(run: Run, gateways: None) -> None:
    done = run("webhook", "info", "--url", BASE, "--json")
    assert addresses(done, "s") == {"report, inbound": f"{BASE}/webhooks/smsc/report?ta=s"}


def test_a_token_in_an_address_is_hidden_too(run: Run, gateways: None) -> None:
    done = run("webhook", "info", "--app", "bots:mitto", "--url", BASE, "--json")
    assert addresses(done, "m") == {
        "report": f"{BASE}/webhooks/mitto/report?ta=m",
        "inbound": f"{BASE}/webhooks/mitto/inbound?ta=m&token=***",
    }


def test_without_a_base_info_says_how_the_addresses_are_seen(run: Run, gateways: None) -> None:
    done = run("webhook", "info", "--account", "r")
    assert "its addresses are entered by hand; to see them: botkit webhook info --url" in done.out


@pytest.mark.parametrize("command", [("set", "--url", BASE), ("delete",)])
def test_what_is_entered_by_hand_is_neither_set_nor_deleted_and_no_failure(
    run: Run, gateways: None, command: tuple[str, ...]
) -> None:
    done = run("webhook", *command, "--json")
    assert done.code == 0
    assert {str(row["result"]).partition(";")[0] for row in told(done.out).values()} == {
        "its addresses are entered by hand"
    }
