"""What the send API answers when it does not do what it was asked."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct
from starlette.responses import Response

from botkit.exceptions import BotkitError, InvalidRequestError, Problem, StoreUnavailableError

#: When a program whose request was not stored should come again, in seconds.
RETRY_AFTER = 2


class Fault(Struct, frozen=True):
    """What kind of error it is, and what it says to a person."""

    code: str
    message: str


class ErrorAnswer(Struct, frozen=True, omit_defaults=True):
    """The answer to what is not done; `problems` lists everything that is wrong in a request."""

    error: Fault
    problems: Sequence[Problem] = ()


class RefusedError(BotkitError):
    """A request is answered with an error: its status, its code, and a text without anybody's words or numbers."""

    def __init__(self, status: int, code: str, what: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(what)
        self.status = status
        self.code = code
        self.headers = headers or {}


def unauthorized() -> RefusedError:
    """Returns the refusal of a program that shows no key that is known here."""
    what = "the header X-Botkit-Key holds no key that is known here"
    return RefusedError(401, "unauthorized", what, headers={"WWW-Authenticate": "X-Botkit-Key"})


def conflict() -> RefusedError:
    """Returns the refusal of another request with the idempotency key of an earlier one."""
    return RefusedError(409, "conflict", "this idempotency key stands for another request")


def too_late() -> RefusedError:
    """Returns the refusal to cancel a message that does not wait for its time, or not any more."""
    return RefusedError(409, "too_late", "only a message that still waits for its time can be cancelled")


def later(what: str, *, seconds: int = RETRY_AFTER) -> RefusedError:
    """Returns the refusal of what could not be stored now."""
    return RefusedError(503, "unavailable", what, headers={"Retry-After": str(seconds)})


def refusal_of(error: Exception) -> Response:
    """Returns the answer that an error stands for: 500 for any that is a mistake of ours."""
    match error:
        case RefusedError():
            return _answer(error)
        case InvalidRequestError():
            refused = RefusedError(400, "invalid_request", "the request breaks the rules that `problems` names")
            return _answer(refused, error.problems)
        case StoreUnavailableError():
            return _answer(later("it could not be stored: the same again, with its idempotency key, is safe"))
    return _answer(RefusedError(500, "internal", "a mistake of the service's; nobody knows whether it was stored"))


def _answer(error: RefusedError, problems: Sequence[Problem] = ()) -> Response:
    body = ErrorAnswer(Fault(error.code, error.what), problems)
    return answer(body, status=error.status, headers=error.headers)


def answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns an answer with a JSON body."""
    return Response(msgspec.json.encode(body), status, dict(headers or {}), media_type="application/json")
