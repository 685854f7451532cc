import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

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


#: The first releases without the weaknesses that are known: a request's host taken from another header, forms without
#: a bound, requests with two lengths, and keys of one kind taken for another.
FLOORS = {"starlette": "1.3.1", "h11": "0.16", "pyjwt": "2.10", "cryptography": "44.0.1", "anyio": "4.4"}


@pytest.mark.parametrize("name", FILES)
def test_no_library_is_older_than_its_last_known_weakness(name: str) -> None:
    pinned = pins(name)
    assert [library for library, floor in FLOORS.items() if Version(pinned[library]) < Version(floor)] == []


def test_nothing_that_reads_forms_is_installed_with_the_service() -> None:
    assert not {"python-multipart", "multipart"} & pins("run").keys()


def test_the_request_s_own_idea_of_its_host_decides_nothing() -> None:
    texts = {
        path: path.read_text("utf-8") for path in (ROOT / "botkit").rglob("*.py") if "simulators" not in path.parts
    }
    found = {path.name for path, text in texts.items() if re.search(r"request\.(url|base_url)\b(?!\.path)", text)}
    # These send requests, and take none.
    assert found <= {"http.py", "transport.py"}


# --- what builds and publishes

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.stem))


@every_workflow
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    used = re.findall(r"uses: *(\S+)(.*)", workflow.read_text("utf-8"))
    assert used
    assert [action for action, _ in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    assert [action for action, note in used if not re.fullmatch(r" +# v[0-9.]+", note)] == []


@every_workflow
def test_a_workflow_may_read_and_nothing_else(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    assert "permissions:\n  contents: read\n" in text
    assert "write" not in text
    assert "pull_request_target" not in text


def test_what_is_pinned_is_audited_every_night() -> None:
    text = (ROOT / ".github/workflows/audit.yml").read_text("utf-8")
    assert re.search(r"schedule:\n +- cron: \"[0-9]+ [0-9]+ \* \* \*\"", text)
    assert "pip-audit --require-hashes" in text
    assert re.search(r"requirements: \[run, test\]", text)
