"""The model of the scripts in many more histories than the suite has time for."""

import pytest
from hypothesis import settings

from tests.conftest import Servers
from tests.redis.test_scripts_model import WEIGHTS, run_model

#: All parts together, in the short form and in the long one.
HISTORIES, MANY = 240, 100_000
PARTS = 4
STEPS = 60


@pytest.mark.parametrize("part", range(PARTS))
def test_the_scripts_do_what_the_model_does_in_many_histories(
    part: int, servers: Servers, seed: int, pytestconfig: pytest.Config
) -> None:
    size = settings(
        max_examples=(MANY if pytestconfig.getoption("--long") else HISTORIES) // PARTS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
    )
    assert run_model(servers.any_url(), size, seed + part) == WEIGHTS.keys()
