import contextlib
import re
import signal
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes.conftest import SHOP, AppChild, Project, Services, processes_in, until
from tests.raw_http import exchange, statuses

# What comes before the definition in a project that cannot work.
IMPORTS = "from botkit import App, Bot, Flow, Router, Telegram, Trigger\n\n"
BAD_FLOW = f"""{IMPORTS}class Order(Flow):
    states = ("idle", "paid")
    pay = Trigger("idle", "payed")
"""
BAD_ROUTE = f"""{IMPORTS}class Order(Flow):
    states = ("idle", "paid")
    pay = Trigger("idle", "paid")

router = Router(Order)

@router.text("hello", state="payed")
async def hello(event, ctx):
    pass

app = App([Bot("shop", routers=[router], accounts=[Telegram.from_env("SHOP_TELEGRAM")])])
"""


async def test_a_start_tells_where_the_store_is_who_answers_where_and_what_is_simulated(project: Project) -> None:
    app = await project.start().until_ready()
    said = app.output
    assert re.search(r"^  store +embedded .+ \d", said, re.M)
    assert re.search(r"^  bot +shop \(1 flow, 8 routes\)$", said, re.M)
    for channel in ("telegram", "viber", "gbm"):
        assert re.search(rf"^  account +shop-{channel} on {channel} +SIMULATED: no credentials set$", said, re.M)
    assert f"botkit chat --bot shop --channel telegram --url {app.url}" in said


async def test_a_running_service_says_that_it_is_alive_and_ready(project: Project) -> None:
    app = await project.start().until_ready()
    for path in ("healthz", "readyz"):
        answer = await app.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_port_that_is_taken_is_named_with_what_to_do(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        app = project.start(port=port)
        assert await app.until_ended() == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in app.output
    assert "fix: stop what listens there, or choose another with --port or BOTKIT_PORT" in app.output
    assert "Traceback" not in app.output


@pytest.mark.parametrize(
    ("name", "value"),
    [("BOTKIT_WORKERS", "many"), ("BOTKIT_COLOUR", "red"), ("SHOP_TELEGRAM_TOKEN", "none"), ("BOTKIT_ENV", "prod")],
)
async def test_a_wrong_setting_is_named_and_ends_the_start(project: Project, name: str, value: str) -> None:
    project.environ[name] = value
    app = project.start()
    assert await app.until_ended() == 3
    assert name in app.output
    assert "Traceback" not in app.output


@pytest.mark.parametrize(("code", "line", "word"), [(BAD_FLOW, 5, "payed"), (BAD_ROUTE, 9, "payed")])
async def test_a_project_that_cannot_work_is_told_where_and_how_to_mend_it(
    project: Project, code: str, line: int, word: str
) -> None:
    project.write(code)
    app = project.start()
    assert await app.until_ended() == 1
    assert f"bots/__init__.py:{line}" in app.output
    assert word in app.output
    assert "fix: " in app.output
    assert "Traceback" not in app.output


async def test_a_syntax_error_is_shown_as_python_shows_it(project: Project) -> None:
    project.write("app = App(\n")
    app = project.start()
    assert await app.until_ended() == 1
    assert "Traceback (most recent call last)" in app.output
    assert f'File "{project.folder}/bots/__init__.py", line 1' in app.output
    assert "SyntaxError: '(' was never closed" in app.output


async def test_two_workers_that_cannot_start_say_so_once_each_and_end_all(project: Project) -> None:
    project.write(BAD_FLOW)
    app = project.start("run", "--workers=2")
    assert await app.until_ended() == 1
    assert 1 <= app.output.count("error:") <= 2


class End(NamedTuple):
    """How a service has ended, and what it has left."""

    code: int = 0
    has_failed: bool = False
    left: dict[int, str] = {}


async def end_of(app: AppChild) -> End:
    """Returns how a service that was told to stop ends, which is in time."""
    code = await app.until_ended(seconds=5)
    return End(code, "Traceback" in app.output, processes_in(app.folder))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_stop_ends_workers_and_store(project: Project, number: signal.Signals) -> None:
    app = await project.start().until_ready()
    app.process.send_signal(number)
    assert await end_of(app) == End(), app.output


async def test_ctrl_c_which_all_processes_get_ends_workers_and_store(project: Project, services: Services) -> None:
    app = await project.start("run", "--workers=2").until_ready()
    app.send_to_all(signal.SIGINT)
    assert await end_of(app) == End(), app.output


async def test_a_second_signal_to_stop_changes_nothing(project: Project) -> None:
    app = await project.start().until_ready()
    for _ in range(2):
        app.process.send_signal(signal.SIGTERM)
    assert await end_of(app) == End(), app.output


#: How far a start is: the processes at work in the project beside the first.
MOMENTS = {"at once": "", "when a worker is there": "botkit.cli.worker", "when the store is there": "redis"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("process", MOMENTS.values(), ids=MOMENTS)
async def test_a_signal_to_stop_ends_a_start_as_well(project: Project, number: signal.Signals, process: str) -> None:
    app = project.start()
    await until(lambda: any(process in command for command in processes_in(app.folder).values()))
    app.send_to_all(number)
    # Before it can catch the signal it ends as any program does: of the signal, or aborted.
    assert await app.until_ended() in ((0,) if process else (0, 1, -number)), app.output
    assert await app.until_gone() == {}


async def test_ctrl_c_while_the_code_is_imported_is_no_error_of_the_code(project: Project) -> None:
    project.write("""\
import time
from pathlib import Path

Path("importing").touch()
while True:
    time.sleep(0.01)
""")
    app = project.start()
    await until(project.file("importing").exists, told=lambda: app.output)
    app.send_to_all(signal.SIGINT)
    assert await app.until_ended() == 0
    assert app.output == ""


async def test_a_worker_whose_parent_was_killed_during_the_start_ends(project: Project) -> None:
    app = project.start()
    await until(lambda: "botkit.cli.worker" in " ".join(processes_in(app.folder).values()))
    app.process.kill()
    assert await app.until_gone() == {}


async def until_watching(app: AppChild) -> None:
    """Waits until the kernel tells the process of changes to files."""

    def is_watching() -> bool:
        found = False
        for file in Path(f"/proc/{app.process.pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found = found or "inotify wd:" in file.read_text()
        return found

    await until(is_watching)


async def test_dev_starts_again_when_code_is_saved_and_goes_on_with_the_conversation(project: Project) -> None:
    pytest.importorskip("watchfiles")
    app = await project.start("dev").until_ready()
    assert (await app.says("telegram", "hello"))[-1] == "1: hello"
    before = app.workers
    await until_watching(app)
    project.write(SHOP.replace("{ctx.flow.count}: ", "{ctx.flow.count} so far: "))
    await app.until_workers_change(before)
    await app.until_ready()
    assert (await app.says("telegram", "again"))[-1] == "2 so far: again"


async def test_dev_waits_until_an_error_in_the_code_is_mended(project: Project) -> None:
    pytest.importorskip("watchfiles")
    app = await project.start("dev").until_ready()
    await until_watching(app)
    project.write(SHOP + "def broken(:\n")
    await until(lambda: "waiting for a change to the code" in app.output, told=lambda: app.output)
    assert "SyntaxError" in app.output
    project.write(SHOP)
    await until(lambda: app.output.count("Ctrl+C stops") == 2, told=lambda: app.output)
    await app.until_ready()
    assert (await app.says("telegram", "hello"))[-1] == "1: hello"
    app.process.send_signal(signal.SIGTERM)
    assert await app.until_ended() == 0


async def test_strangers_meet_the_strict_reader_of_heads_and_learn_nothing_of_the_server(project: Project) -> None:
    app = await project.start().until_ready()
    head = b"POST /webhooks/viber?ta=shop-viber HTTP/1.1\r\nHost: x\r\n"
    two_lengths = head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    trailing = head + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n"
    huge = head + b"Content-Length: 2147483648\r\n\r\n"
    unsigned = head + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    sent = {two_lengths: 400, trailing: 400, huge: 413, unsigned: 403}
    for request, status in sent.items():
        received = await exchange(app.port, request)
        assert statuses(received) == [status]
        assert b"server:" not in received.lower()
        assert received.endswith(b"\r\n\r\n"), "no body"
    assert "Traceback" not in app.output
