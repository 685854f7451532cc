"""Redis servers for the faults: each test makes its own, and they end with it."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.faults.redis_child import RedisChild
from tests.processes.conftest import folder, own_redis, project, services

__all__ = ["folder", "make_redis", "own_redis", "project", "services"]


class MakeRedis(Protocol):
    def __call__(self, **options: Any) -> RedisChild:
        """Returns a server that runs; it ends with the test. The options are RedisChild's."""
        ...


@pytest.fixture
def make_redis(tmp_path: Path) -> Iterator[MakeRedis]:
    numbers = count()
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(RedisChild(tmp_path / f"redis{next(numbers)}", **options))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # A hang is to be found out all the same; what --long and --hours do takes as long as it takes.
    is_long = config.getoption("--long") or config.getoption("--hours")
    limit = pytest.mark.timeout(0 if is_long else 600)
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(limit, append=False)
