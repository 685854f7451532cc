"""The tree of errors: its drawing is true, its texts say how to mend things."""

import inspect
import pickle
import re

import pytest

from botkit import exceptions
from botkit.exceptions import BotkitError, MessageError, NotSentError, ServiceError, TransportError, UnknownOutcomeError

CLASSES = {name: cls for name, cls in vars(exceptions).items() if inspect.isclass(cls) and issubclass(cls, Exception)}


def drawn() -> dict[str, str]:
    """The tree of the module's docstring: each class and the one it hangs from."""
    ancestors: list[tuple[int, str]] = []
    parents = {}
    for line in (exceptions.__doc__ or "").splitlines():
        match = re.match(r"(?P<indent>[ │├└─]*)(?P<name>[A-Z]\w*Error)\b", line)
        if match is None:
            continue
        indent = len(match["indent"])
        ancestors = [(depth, name) for depth, name in ancestors if depth < indent]
        parents[match["name"]] = ancestors[-1][1] if ancestors else "Exception"
        ancestors.append((indent, match["name"]))
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    assert drawn() == {name: cls.__bases__[0].__name__ for name, cls in CLASSES.items()}


def test_every_class_says_what_to_do_about_it() -> None:
    assert [name for name, cls in CLASSES.items() if not cls.__doc__] == []


def test_the_fix_stands_on_a_line_of_its_own() -> None:
    assert str(BotkitError("the port is taken", fix="choose another")) == "the port is taken\n  fix: choose another"


def test_an_error_without_a_fix_is_one_line() -> None:
    error = BotkitError("the port is taken")
    assert str(error) == error.what == "the port is taken"


def test_a_service_error_carries_the_service_s_own_code() -> None:
    error = ServiceError("Viber refused set_webhook", code=2, fix="set the token")
    assert (error.code, error.what, error.fix) == (2, "Viber refused set_webhook", "set the token")


def test_a_message_nobody_would_take_is_also_a_value_error() -> None:
    assert issubclass(MessageError, ValueError)


@pytest.mark.parametrize("error", [NotSentError, UnknownOutcomeError])
def test_whatever_fails_on_the_way_to_a_service_is_a_transport_error(error: type[Exception]) -> None:
    assert issubclass(error, TransportError)


def test_proof_that_nothing_was_sent_is_not_taken_for_doubt() -> None:
    assert not issubclass(NotSentError, UnknownOutcomeError)
    assert not issubclass(UnknownOutcomeError, NotSentError)


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(  # noqa: S301 - our own, of a moment ago
        pickle.dumps(ServiceError("refused", code=7, fix="wait"))
    )
    assert (error.what, error.code, error.fix) == ("refused", 7, "wait")
