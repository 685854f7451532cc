"""The model of the scripts in many more histories than the suite has time for."""

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import Servers
from tests.redis.test_scripts_model import Scripts

#: All parts together, in the short form and in the long one.
HISTORIES, MANY = 240, 100_000
PARTS = 4
STEPS = 60


@pytest.mark.parametrize("part", range(PARTS))
def test_the_scripts_do_what_the_model_does_in_many_histories(
    part: int, servers: Servers, seed: int, pytestconfig: pytest.Config
) -> None:
    class ScriptsHere(Scripts):
        url = servers.any_url()

    hypothesis.seed(seed + part)(ScriptsHere)
    size = settings(
        max_examples=(MANY if pytestconfig.getoption("--long") else HISTORIES) // PARTS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(ScriptsHere, settings=size)
