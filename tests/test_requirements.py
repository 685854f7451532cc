import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = ("run", "test")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

PINNED = re.compile(
    r"(?P<name>[a-z0-9-]+)(\[[a-z,]+\])?==(?P<version>[0-9][^\s;]*)( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+"
)


def entries(text: str) -> list[str]:
    """Returns the entries of a requirements file, each as one line; comments are gone."""
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"\s+", " ", line).strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def faults(text: str) -> list[str]:
    """Returns the entries that are not a name, one version and its hashes."""
    return [entry for entry in entries(text) if not PINNED.fullmatch(entry)]


def pins(name: str) -> dict[str, str]:
    matches = (PINNED.fullmatch(entry) for entry in entries((ROOT / f"requirements/{name}.txt").read_text("utf-8")))
    return {match["name"]: match["version"] for match in matches if match}


def declared(kind: str) -> list[Requirement]:
    """Returns what pyproject.toml asks for in one set-up: everything but the tests' tools, or only these."""
    groups = PROJECT["dependency-groups"]
    if kind == "test":
        return [Requirement(text) for text in groups["test"]]
    extras = PROJECT["project"]["optional-dependencies"]
    # The others are for who asks for them.
    installed = chain.from_iterable(extras[name] for name in ("embedded", "dev"))
    return [Requirement(text) for text in (*PROJECT["project"]["dependencies"], *installed, *groups["build"])]


HASH = f"--hash=sha256:{'0' * 64}"


@pytest.mark.parametrize("name", FILES)
def test_every_entry_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    assert entries(text)
    assert faults(text) == []


@pytest.mark.parametrize("name", FILES)
def test_no_line_names_an_address_or_a_machine(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    assert [
        line
        for line in text.splitlines()
        if re.search(r"://|file:|--(extra-)?index|--find-links|--trusted|(?<!\w)/\w", line)
    ] == []


@pytest.mark.parametrize(
    "line",
    [
        "httpx==0.28.1",
        f"httpx>=0.28.1 {HASH}",
        f"httpx {HASH}",
        f"httpx @ https://example.org/httpx.tar {HASH}",
        "-i https://example.org/all",
        "-e .",
    ],
)
def test_an_unpinned_or_unhashed_entry_or_an_option_is_found(line: str) -> None:
    assert faults(f"# a comment\nclick==8.2.0 \\\n    {HASH}\n{line}\n") == [line]


@pytest.mark.parametrize("kind", ["run", "test"])
def test_every_declared_dependency_is_pinned_within_its_bounds(kind: str) -> None:
    pinned = pins(kind)
    missing = [str(r) for r in declared(kind) if not r.specifier.contains(pinned.get(canonicalize_name(r.name), "0"))]
    assert missing == []


def test_the_tests_run_on_the_versions_that_the_service_runs_on() -> None:
    assert pins("run").items() <= pins("test").items()


def test_a_lock_with_download_addresses_is_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "uv.lock" in ignored
    assert (
        not (ROOT / ".git").exists()
        or subprocess.run(["git", "check-ignore", "-q", "uv.lock"], cwd=ROOT).returncode == 0
    )
