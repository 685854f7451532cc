"""The ways that a requested message may go: what each account makes of it, and where the person is there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from botkit.adapter import Adapter, Addressed
from botkit.addresses import AddressKind, is_phone, parse_phone
from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.nouns import message_of
from botkit.chatapps.requests import Request
from botkit.contacts import takes_number
from botkit.conversation import Conversation
from botkit.degradation import Prepared
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, Problem
from botkit.messages import AnyMessage
from botkit.outgoing import Hop


class Step(Struct, frozen=True):
    """One account of several in order: within `seconds` (0 = without end) a message must have come to `status` there.

    `path` is where the request names it.
    """

    adapter: Adapter
    path: str = "trafficAccountId"
    seconds: float = 0
    status: Literal["sent", "delivered", "seen"] = "delivered"


class Way(Struct, frozen=True):
    """A step, the person's conversation there, what is said in it, and what is sent for that.

    `to` is empty where only the person's number is known, and their conversation must be looked up.
    """

    step: Step
    to: str
    message: AnyMessage
    prepared: Prepared

    @property
    def adapter(self) -> Adapter:
        """The account."""
        return self.step.adapter

    @property
    def account(self) -> tuple[str, str]:
        """The account's channel and id."""
        return self.adapter.channel, self.adapter.ta

    @property
    def conversation(self) -> Conversation:
        """Where it goes."""
        return Conversation(self.adapter.account, self.to)

    @property
    def hop(self) -> Hop:
        """The way as a trail has it."""
        return Hop(self.account, self.to, self.step.seconds, self.step.status, self.message)


def read_way(step: Step, content: Mapping[str, Any], problems: list[Problem]) -> Way | None:
    """Returns a way as its adapter reads a request's members; adds what is wrong with it."""
    return _checked(step, lambda: step.adapter.read_send(content), problems)


def read_ways(
    steps: Sequence[Step], body: Mapping[str, Any], request: Request, problems: list[Problem]
) -> tuple[list[Way | None], str]:
    """Returns each step's way, and the person's number if the destination is one; adds what is wrong with them."""
    adapters = [step.adapter for step in steps]
    phone = _phone(request.destination, adapters)
    problems += _address_problems(request.destination, adapters, phone)
    problems += _report_problems(steps)
    return [_read_step(step, body, request, problems, phone) for step in steps], phone


def _read_step(
    step: Step, body: Mapping[str, Any], request: Request, problems: list[Problem], phone: str
) -> Way | None:
    network = step.adapter.network
    is_reached = not phone or takes_number(step.adapter, phone)
    if network in request.contents and is_reached:
        return read_way(step, _content(body, step.adapter), problems)
    if problems or not request.contents:
        return None
    # What an account is not told in its own network's words, it is told in the first there are.
    content = request.contents.get(network) or next(iter(request.contents.values()))

    def read() -> Addressed:
        to = step.adapter.find_address(request.destination) if is_reached else ""
        return Addressed(to, message_of(content))

    return _checked(step, read, problems)


def _content(body: Mapping[str, Any], adapter: Adapter) -> Mapping[str, Any]:
    """Returns what one way's adapter reads."""
    own = adapter.send_options
    named = {name: value for name, value in body.items() if name.casefold() == adapter.network or name in own}
    return {"trafficAccountId": adapter.ta, "destination": body.get("destination"), **named}


def _checked(step: Step, read: Callable[[], Addressed], problems: list[Problem]) -> Way | None:
    adapter = step.adapter
    try:
        addressed = read()
        prepared = adapter.prepare(addressed.message, Conversation(adapter.account, addressed.to or "anybody"))
    except InvalidRequestError as error:
        # What both of us look at is said once.
        known = {problem.path for problem in problems}
        problems += [problem for problem in error.problems if problem.path not in known]
        return None
    except MessageError as error:
        path = "destination" if isinstance(error, AddressError) else adapter.network
        problems.append(Problem(path, error.what))
        return None
    if not prepared.messages:
        problems.append(Problem(adapter.network, "holds nothing that this account can show"))
    return Way(step, addressed.to, addressed.message, prepared)


def _phone(destination: str, adapters: Sequence[Adapter]) -> str:
    """Returns the number that a destination is, in E.164; an empty text for the id of a person or a chat."""
    is_number = is_phone(destination) or any(adapter.address is AddressKind.PHONE for adapter in adapters)
    try:
        return parse_phone(destination) if is_number else ""
    except AddressError:  # which the accounts that write to numbers tell
        return ""


def _address_problems(destination: str, adapters: Sequence[Adapter], phone: str) -> Iterator[Problem]:
    """Yields why a destination is none for one of the accounts, if it is none."""
    for adapter in adapters:
        try:
            if destination and (not phone or takes_number(adapter, phone)):
                adapter.find_address(destination)
        except AddressError as error:
            yield Problem("destination", f"{error.what}: {error.fix}" if error.fix else error.what)
            return


def _report_problems(steps: Sequence[Step]) -> Iterator[Problem]:
    """Yields what keeps the next way from being the wrong one: what is waited for must be told."""
    for step in steps:
        if step.seconds and step.status != "sent" and not step.adapter.has_receipts:
            yield Problem(step.path, f"never tells that a message is {step.status}")


def is_common(body: Mapping[str, Any]) -> bool:
    """Whether a request is in the form that all accounts know, and not in a gateway's own."""
    names = ("destination", "destinations", "failover", "route")
    # A service's own form may have a word such as `viber` as well, which is no object then.
    return any(
        name in names or (name.casefold() in NETWORKS and isinstance(value, Mapping)) for name, value in body.items()
    )
