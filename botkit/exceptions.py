"""What can go wrong, drawn as a tree.

    BotkitError
    ├── SettingsError               fix the settings, then start again
    ├── DefinitionError             fix the code, then start again
    │   ├── FlowError               a flow's states, triggers or timeouts do not fit together
    │   └── RouteError              a route is unknown, doubled or can never be reached
    ├── IllegalMoveError            a trigger was called in a state that does not allow it
    ├── MessageError                no service would take this message
    │   ├── AddressError            what was given is no phone number, or no id, that the account can write to
    │   └── InvalidRequestError     a request of the send API breaks rules; `problems` names each by its path
    ├── DownloadError               a file that somebody sent cannot be fetched
    ├── PayloadError                a genuine webhook body that cannot be read
    ├── RecordError                 a stored record that this version must not overwrite
    ├── ServiceError                a service refused a call; `code` is its own code
    ├── TooManyTimersError          a conversation already has as many timers as it may
    ├── StoreUnavailableError       Redis did not answer in time; try again
    └── TransportError              an HTTP call to a service failed
        ├── NotSentError            proof that the service did not get it; try again
        └── UnknownOutcomeError     the service may have acted on it

No text here holds a secret, a URL with a token, or a user's words.
"""

from collections.abc import Sequence

from msgspec import Struct


class BotkitError(Exception):
    """Something went wrong in botkit.

    `what` says what and where; `fix`, if given, says how to mend it and is printed on a line of its own.
    """

    def __init__(self, what: str, *, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}" if self.fix else self.what


class SettingsError(BotkitError):
    """A setting is missing or wrong; the text names it and where it came from."""


class DefinitionError(BotkitError):
    """The application's code cannot work as written; found at import or start."""


class FlowError(DefinitionError):
    """A flow names an unknown state or trigger, or its data cannot be stored."""


class RouteError(DefinitionError):
    """A route is doubled, cannot be reached, or is bound to a state that does not exist."""


class IllegalMoveError(BotkitError):
    """A trigger was called in a state that does not allow it."""


class MessageError(BotkitError, ValueError):
    """No service, or not this one, would take the message; the text names the bound."""


class AddressError(MessageError):
    """What was given is no address of the kind that the account writes to; the text does not repeat it."""


class Problem(Struct, frozen=True):
    """One thing wrong in a request: where, as `viber.button.action`, and the rule, with both numbers of a bound."""

    path: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}" if self.path else self.rule


class InvalidRequestError(MessageError):
    """A request to send breaks rules of the service; `problems` has all of them, in the order of the request."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class DownloadError(BotkitError):
    """A file that somebody sent cannot be fetched: gone, too large, or of another type than asked for."""


class PayloadError(BotkitError):
    """A genuine webhook body that cannot be read; it is kept as an ingress dead letter."""


class RecordError(BotkitError):
    """A stored record that cannot be read, or was written by a newer version; it is never overwritten."""


class ServiceError(BotkitError):
    """A service refused a call of ours; trying the same again is of no use."""

    def __init__(self, what: str, *, code: int | str = "", fix: str = "") -> None:
        super().__init__(what, fix=fix)
        self.code = code


class TooManyTimersError(BotkitError):
    """A conversation already has as many timers as it may; nothing of the handler's decisions was committed."""


class StoreUnavailableError(BotkitError):
    """Redis did not answer in time; nothing can be said about the last command, all commands may be repeated."""


class TransportError(BotkitError):
    """An HTTP call to a service failed."""


class NotSentError(TransportError):
    """The request did not reach the service: no connection, or none free in time."""


class UnknownOutcomeError(TransportError):
    """The connection failed after the first byte of the request: the service may have acted on it."""
