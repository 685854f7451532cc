import sys
from collections.abc import Callable
from typing import Any

from benchmarks.sampler import REST, layer_of


def layer(*paths: str) -> str:
    """Returns the layer of calls from one file into the next."""
    found: list[str] = []
    call: Callable[[], object] = lambda: found.append(layer_of(sys._getframe(1)))  # noqa: E731
    for path in reversed(paths):
        scope: dict[str, Any] = {"call": call}
        exec(compile("def step(): call()", path, "exec"), scope)  # noqa: S102
        call = scope["step"]
    call()
    return found[0]


def test_a_sample_belongs_to_the_innermost_file_that_has_a_layer() -> None:
    assert layer("/x/botkit/engine.py", "/x/botkit/redis/pipe.py") == "Redis"
    assert layer("/x/botkit/redis/store.py", "/x/botkit/engine.py") == "taking in"


def test_the_standard_library_works_for_its_caller() -> None:
    assert layer("/x/site-packages/httpx/_client.py", "/lib/python3.11/contextlib.py") == "sending"


def test_what_runs_the_loop_has_no_part_in_what_it_runs() -> None:
    assert layer("/x/site-packages/uvicorn/server.py", "/lib/python3.11/asyncio/events.py") == REST


def test_what_has_no_layer_is_the_event_loops() -> None:
    assert layer_of(None) == REST
