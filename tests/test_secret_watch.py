"""The watch over the whole suite sees what it must: one that looks nowhere finds nothing either."""

import logging

import pytest

from tests.secret_watch import find_secret

pytest_plugins = ["pytester"]

TOKEN = "123456789:AAE-abcdefghijklmnopqrstuvwxyz_0123"


@pytest.mark.parametrize(
    "text",
    [
        f"POST https://api.telegram.org/bot{TOKEN}/sendMessage",
        "redis://botkit:hunter2-hunter2@redis.example.org:6379/0",
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0",
        "-----BEGIN PRIVATE KEY-----",
        f"X-Botkit-Key: bk_{'k' * 43}",
        "key=made-at-run-time",
    ],
)
def test_a_secret_is_found_by_its_form_or_since_it_was_made_here(text: str) -> None:
    found = find_secret(f"first line\n{text}\n", {"made-at-run-time"})
    assert found.endswith("[here]")
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "text",
    ["", "at 12:30 123456:short", "redis://botkit:***@redis.example.org", "redis://127.0.0.1:6379/0", "eyJ.eyJ.x"],
)
def test_ordinary_output_is_left_alone(text: str) -> None:
    assert find_secret(text, {"made-at-run-time"}) == ""


LEAKS = (
    "print(SECRET.reveal())",
    "sys.stderr.write(SECRET.reveal())",
    "logging.getLogger('a.library').debug('sent %s', SECRET.reveal())",
    "structlog.get_logger().debug('sent', url=f'/{SECRET.reveal()}/x')",
)


def test_a_test_that_lets_a_secret_out_fails(pytester: pytest.Pytester) -> None:
    code = "import logging, sys, structlog\nfrom botkit.redaction import Secret\n\nSECRET = Secret('s-3cr3t-of-this')\n"
    tests = [f"def test_leak_{number}():\n    {leak}\n" for number, leak in enumerate(LEAKS)]
    pytester.makepyfile("\n".join([code, *tests, "def test_none():\n    print(SECRET)\n"]))
    watch = "def pytest_configure(config):\n    config.pluginmanager.register(Watcher())\n"
    pytester.makeconftest(f"from tests.secret_watch import Watcher\n{watch}")
    result = pytester.runpytest_subprocess("-o", "log_level=DEBUG", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=len(LEAKS), passed=1)
    result.stdout.fnmatch_lines(["*a secret stands in what*"])


def test_the_suite_runs_with_every_log_at_debug_and_under_the_watch(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    assert request.config.pluginmanager.has_plugin("secret_watch")
    assert logging.getLogger().level == logging.DEBUG
    logging.getLogger("tests.watch").debug("heard")
    assert "heard" in caplog.text
