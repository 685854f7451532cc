"""Looks on while the whole suite runs, with every log at DEBUG: no test may let a secret be printed or logged."""

import logging
import re
from collections.abc import Generator

import pytest

from botkit.redaction import Secret

#: What looks like a secret whoever made it: a Telegram token, a signed token, a private key, a password in
#: an address, a key of the send API.
SHAPES = re.compile(
    r"(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|rediss?://[^\s:@/]*:(?!\*\*\*@)[^\s@/]+@"
    r"|\bbk_[A-Za-z0-9_-]{43}\b"
    r"|canary"
)

# Shorter ones are found by chance.
_LONG = 8

_made: set[str] = set()
_lasting: set[str] = set()


class Watcher:
    """Notes every secret that is made, and fails the test in whose output one of them stands."""

    def __init__(self) -> None:
        # Nothing else sees all of them: most live in an adapter for the time of one test.
        made = Secret.__init__

        def noted(secret: Secret, text: str) -> None:
            made(secret, text)
            if len(text) >= _LONG:
                _made.add(text)

        Secret.__init__ = noted  # type: ignore[method-assign,assignment]

    @pytest.hookimpl
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begins a test: what was made while modules were imported lasts, what other tests made does not."""
        if not _lasting:
            _lasting.update(_made)
        _made.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Ends a part of a test: its output is looked through."""
        report = yield
        text = "\n".join(content for title, content in report.sections if title.endswith(str(report.when)))
        if report.passed and text and (where := find_secret(text, _made | _lasting)):
            report.outcome = "failed"
            report.longrepr = f"a secret stands in what {item.nodeid} printed or logged: {where}"
        return report


def find_secret(text: str, secrets: set[str]) -> str:
    """Returns what stands around the first secret in a text, itself left out; nothing where there is none."""
    shaped = SHAPES.search(text)
    place = shaped.start() if shaped else next((text.index(secret) for secret in secrets if secret in text), -1)
    return "" if place < 0 else f"...{text[max(0, place - 60) : place]}[here]"


def quiet() -> None:
    """Leaves out what libraries tell of their own work at DEBUG, with no word of ours in it: it would cost minutes."""
    for name in ("markdown_it", "asyncio", "transitions", "faker", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)
