from pathlib import Path

import pytest

from benchmarks.contestants import CONTESTANTS
from tests.test_requirements import entries, faults

FOLDER = Path(__file__).parents[2] / "benchmarks"
PEERS = sorted({one.venv for one in CONTESTANTS if one.venv} - {"botkit"})


@pytest.mark.parametrize("peer", PEERS)
def test_every_entry_of_a_peers_environment_is_pinned_and_hashed(peer: str) -> None:
    text = (FOLDER / f"requirements-{peer}.txt").read_text("utf-8")
    assert entries(text)
    assert faults(text) == []
    assert "://" not in text


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_has_a_server(peer: str) -> None:
    assert (FOLDER / "servers" / f"{peer}_bot.py").is_file()
