"""The faults of RedisChild are what they say: without that, the tests that use them would prove nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis
from redis.exceptions import NoPermissionError

from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild, real_server
from tests.generated import ROOT
from tests.waiting import wait_until

DAY = 86_400


def test_a_killed_server_comes_back_with_all_that_it_wrote(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="everysec")
    server.ask("SET", "a", "1")
    server.restart()
    assert server.ask("GET", "a") == b"1"


def test_a_power_cut_takes_what_was_not_synced(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="no", power_cut=True)
    server.ask("SET", "a", "1")
    server.cut_power()
    server.start()
    assert server.ask("GET", "a") is None


def test_a_power_cut_leaves_what_was_synced_also_after_the_file_was_written_anew(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="always", power_cut=True)
    server.ask("SET", "a", "1")
    server.ask("BGREWRITEAOF")
    while b"aof_rewrite_in_progress:1" in _info(server) or b"aof_rewrite_scheduled:1" in _info(server):
        pass
    server.ask("SET", "b", "2")
    server.cut_power()
    server.start()
    assert server.ask("MGET", "a", "b") == [b"1", b"2"]


def _info(server: RedisChild) -> bytes:
    with server.client() as client:
        client.set_response_callback("INFO", lambda answer: answer)
        answer: bytes = client.execute_command("INFO", "persistence")
        return answer


@pytest.mark.parametrize("seconds", [DAY, -DAY])
def test_a_shifted_clock_is_off_by_as_much_as_it_was_told(make_redis: MakeRedis, seconds: int) -> None:
    server = make_redis(clock_shift=True)
    server.shift_clock(seconds)
    assert int(server.ask("TIME")[0]) - time.time() == pytest.approx(seconds, abs=30)


def test_a_full_disk_ends_a_server_that_syncs_every_write(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="always")
    server.fill_disk()
    with pytest.raises(redis.ConnectionError):
        server.ask("SET", "a", "x" * 1000)
    assert server.wait_until_ended() == 1


def test_a_replica_has_what_its_primary_has(make_redis: MakeRedis) -> None:
    primary = make_redis()
    replica = make_redis(replica_of=primary)
    # One waits for what was written on its own connection alone.
    with primary.client() as client:
        client.set("a", "1")
        assert client.wait(1, 5000) == 1
    assert replica.ask("GET", "a") == b"1"


def test_a_frozen_server_answers_nothing_and_goes_on_when_it_is_thawed(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.freeze()
    with server.client(socket_timeout=0.2) as client, pytest.raises(redis.TimeoutError):
        client.ping()
    server.thaw()
    assert server.ask("PING") in (b"PONG", True)


def test_memory_and_users_are_those_it_was_given(make_redis: MakeRedis) -> None:
    server = make_redis(maxmemory=8_000_000, acl="user default on nopass ~* &* +@all\nuser bot on >word ~bk* +get")
    assert server.ask("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"8000000"]
    with server.client(username="bot", password="word") as client, pytest.raises(NoPermissionError):
        client.get("other")


def test_a_transaction_that_was_half_written_is_dropped_whole(make_redis: MakeRedis) -> None:
    server = make_redis()
    for name in ("kept", "torn"):
        server.ask("EVAL", "redis.call('SET', KEYS[1], 1) return redis.call('SET', KEYS[1]..'2', 1)", 1, name)
    server.kill()
    (file,) = [file for file in server.folder.rglob("appendonly*.aof") if file.stat().st_size]
    with file.open("r+b") as aof:
        # Without the end of its last word, EXEC.
        aof.truncate(file.stat().st_size - 3)
    server.start()
    server.ask("EVAL", "redis.call('SET', KEYS[1], 1) return redis.call('SET', KEYS[1]..'2', 1)", 1, "later")
    server.restart()
    assert server.ask("MGET", "kept", "kept2", "torn", "later", "later2") == [b"1", b"1", None, b"1", b"1"]


# Starts a server, tells its process, and stays.
STARTS = """
import sys
from pathlib import Path
from tests.faults.redis_child import RedisChild
server = RedisChild(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_the_process_that_started_it_though_that_was_killed() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ends a process with its parent")
    real_server()
    # A short name: the server's socket is in it.
    with TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [sys.executable, "-c", STARTS, f"{folder}/redis"],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with child:
            assert child.stdout is not None
            server = int(child.stdout.readline())
            assert is_alive(server)
            child.kill()
        try:
            wait_until(lambda: not is_alive(server))
        except AssertionError:
            os.kill(server, signal.SIGKILL)
            raise
        assert not is_alive(server)


def is_alive(pid: int) -> bool:
    """Whether the process runs: one that ended stays in the list until somebody asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_server_does_not_end_with_the_thread_that_asked_for_it(make_redis: MakeRedis) -> None:
    server = make_redis()
    thread = threading.Thread(target=server.restart)
    thread.start()
    thread.join()
    # Joined is not yet gone, and a server that ends with the thread does so when it is.
    wait_until(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
    assert server.ask("PING") in (b"PONG", True)
