"""The text of a script is constant: whatever is stored goes by arguments, and nothing else is ever run."""

import ast
import hashlib
import re
from pathlib import Path

import pytest

import botkit
from botkit.redis.embedded import ServerKind
from botkit.redis.scripts import NAMES, load_scripts, name_of
from botkit.redis.store import RedisStore
from tests.conftest import Servers
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import commit, take

ROOT = Path(botkit.__file__).parent
LUA = ROOT / "redis" / "lua"


def test_every_file_is_a_script_and_every_script_is_a_file_with_the_time_before_it() -> None:
    assert {path.stem for path in LUA.glob("*.lua")} == {*NAMES, "head"}
    time = (LUA / "head.lua").read_text().partition("\n\n")[0]
    for shebang in (False, True):
        for name, script in load_scripts(shebang=shebang).items():
            first, _, rest = script.text.partition("\n") if shebang else ("#!lua", "", script.text)
            assert first.split()[0] == "#!lua"
            assert rest.startswith(time)
            assert rest.endswith((LUA / f"{name}.lua").read_text())
            assert script.sha == hashlib.sha1(script.text.encode()).hexdigest()  # noqa: S324


@pytest.mark.parametrize("name", NAMES)
def test_a_script_has_the_functions_of_the_head_that_it_calls_and_no_others(name: str) -> None:
    parts = (LUA / "head.lua").read_text().strip().split("\n\n")[1:]
    functions = {re.findall(r"^local function (\w+)", part, re.MULTILINE)[0]: part for part in parts}
    text = load_scripts(shebang=False)[name].text
    before = text.removesuffix((LUA / f"{name}.lua").read_text())
    had = [function for function, part in functions.items() if part in before]
    # Called by the script, or by a function that it has.
    called = [function for function in functions if re.search(rf"(?<!function )\b{function}\(", text)]
    assert had == called


def test_no_other_module_names_a_command_that_runs_a_text() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and str(node.value).upper() in ("EVAL", "EVALSHA", "SCRIPT", "FCALL", "FUNCTION")
    }
    assert {name for name in found if not name.startswith("simulators/")} == {
        "redis/acl.py",
        "redis/runner.py",
        # Where the keys stand in them.
        "redis/slots.py",
    }


def test_no_script_makes_code_or_names_of_keys_of_what_it_is_given() -> None:
    for path in LUA.glob("*.lua"):
        text = path.read_text()
        assert not [word for word in ("loadstring", "load(", "dofile", "'KEYS'", "'SCAN'", "pcall") if word in text]


@pytest.mark.parametrize("shebang", [False, True])
def test_a_script_is_known_by_its_hash_and_by_its_text(shebang: bool) -> None:
    scripts = load_scripts(shebang=shebang)
    assert [name_of(script.sha) for script in scripts.values()] == list(scripts)
    assert [name_of(script.text) for script in scripts.values()] == list(scripts)
    assert name_of("0" * 40) == ""


async def test_a_server_knows_no_script_but_those_of_the_files(
    make_store: MakeStore, kind: ServerKind, servers: Servers
) -> None:
    if kind is ServerKind.FAKE:
        pytest.skip("fakeredis does not tell what it ran")
    store, admin = make_store(), RedisStore(servers.url(kind))
    await admin.call("SCRIPT", "FLUSH")
    await admin.call("CONFIG", "RESETSTAT")
    await commit(store, await take(store, 1))
    known = [script.sha for script in load_scripts(shebang=int(store.version.split(".")[0]) >= 7).values()]
    assert await admin.call("SCRIPT", "EXISTS", *known) == [1] * len(known)
    told = dict(line.split(":", 1) for line in (await admin.call("INFO", "memory")).decode().split() if ":" in line)
    assert int(told["number_of_cached_scripts"]) == len(known)
    await admin.close()
