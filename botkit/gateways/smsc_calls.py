"""Calls of SMSC's scripts: who asks, how the answer is to be written, and what an answer means."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from botkit.clock import Clock
from botkit.conversation import digest
from botkit.exceptions import PayloadError, ServiceError, UnknownOutcomeError
from botkit.gateways.smsc_answers import (
    Balance,
    Incoming,
    MessageState,
    Price,
    read_balance,
    read_inbox,
    read_price,
    read_state,
    read_states,
)
from botkit.gateways.smsc_errors import Endpoint, Verdict, meaning_of
from botkit.gateways.smsc_formats import Format, Refusal
from botkit.gateways.smsc_limits import BALANCES, EQUAL_CONTACTS, EQUAL_PRICES, Limits, Window, shared_limits
from botkit.http_client import HttpAnswer, HttpClient
from botkit.redaction import Secret

T = TypeVar("T")

#: Without them SMSC reads and answers in windows-1251, and in words.
FORMAT: Mapping[str, str] = {"fmt": str(Format.JSON.value), "charset": "utf-8"}

#: How many messages are asked for at a time, and how far back the first time, in hours.
PAGE, FIRST_HOURS = 500, 1
#: The most bytes of a list.
MAX_LIST = 16 * 1024 * 1024
#: The error that stands for an empty list.
NOTHING_FOUND = 3

_WINDOWS = {Endpoint.CONTACTS: EQUAL_CONTACTS, Endpoint.BALANCE: BALANCES}


class RefusedError(ServiceError):
    """SMSC answered with an error; `verdict` says what to do about it, after `retry_after` seconds."""

    def __init__(self, endpoint: Endpoint, refusal: Refusal) -> None:
        meaning = meaning_of(endpoint, refusal)
        super().__init__(f"SMSC refused {endpoint.value}: {meaning.words}", code=refusal.code)
        self.refusal = refusal
        self.verdict: Verdict = meaning.verdict
        self.retry_after = meaning.seconds


class SmscCalls:
    """One login at SMSC; all requests of the process under it share its limits."""

    def __init__(self, api_url: str, credentials: Mapping[str, Secret], clock: Clock) -> None:
        self.api_url = api_url
        self._credentials = credentials
        self.clock = clock

    async def post(
        self, endpoint: Endpoint, parameters: Mapping[str, str], client: HttpClient, *, most: int | None = None
    ) -> HttpAnswer:
        """Makes one request, as soon as fewer than eight are under way; its answer may have `most` bytes.

        Transport errors pass through.
        """
        async with self._limits().connections:
            url = f"{self.api_url}/sys/{endpoint.value}"
            # In no variable of ours: tools that look into tracebacks would find the password there.
            return await client.request("POST", url, form={**self._revealed(), **FORMAT, **parameters}, most=most)

    def _revealed(self) -> Mapping[str, str]:
        return {name: secret.reveal() for name, secret in self._credentials.items()}

    async def ask(
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, str],
        client: HttpClient,
        read: Callable[[bytes], T | Refusal],
        *,
        most: int | None = None,
    ) -> T:
        """Returns what `read` makes of an answer. Raises RefusedError, also for a request that would be one too many.

        UnknownOutcomeError where there is no answer, or none that can be read; ServiceError for an HTTP status 4xx.
        """
        if wait := self._wait(endpoint, parameters):
            raise RefusedError(endpoint, Refusal(9, retry_after=wait))
        answer = await self.post(endpoint, parameters, client, most=most)
        if answer.status == 429:
            raise RefusedError(endpoint, Refusal(9))
        if 400 <= answer.status < 500:
            raise ServiceError(f"{endpoint.value} was answered with HTTP {answer.status}", code=f"HTTP {answer.status}")
        if answer.status != 200:
            raise UnknownOutcomeError(f"{endpoint.value} was answered with HTTP {answer.status}")
        try:
            result = read(answer.body)
        except PayloadError as error:
            raise UnknownOutcomeError(f"{endpoint.value} cannot be understood: {error.what}") from None
        if isinstance(result, Refusal):
            raise RefusedError(endpoint, result)
        return result

    async def load_balance(self, client: HttpClient) -> Balance:
        """Asks what is left on the account, at most ten times a minute. Raises as `ask`."""
        return await self.ask(Endpoint.BALANCE, {"cur": "1"}, client, read_balance)

    async def load_price(self, parameters: Mapping[str, str], client: HttpClient) -> Price:
        """Asks what a message would cost, and sends nothing: the parameters of a send. Raises as `ask`."""
        return await self.ask(Endpoint.SEND, {**parameters, "cost": "1"}, client, read_price)

    async def load_inbox(self, client: HttpClient, *, after: int, number: str = "") -> Sequence[Incoming]:
        """Asks for what people wrote after the message `after`, to one of the account's numbers if it is named.

        In the order of their ids, at most 500; with an `after` of 0, what came in the last hour. Raises as `ask`.
        """
        parameters = {"get_answers": "1", "cnt": str(PAGE), **({"to_phone": number} if number else {})}
        since = {"after_id": str(after)} if after else {"hour": str(FIRST_HOURS)}
        try:
            found = await self.ask(Endpoint.INBOX, parameters | since, client, read_inbox, most=MAX_LIST)
        except RefusedError as error:
            if error.code != NOTHING_FOUND:
                raise
            return []
        return sorted(found, key=lambda message: message.id)

    async def load_state(self, phone: str, identity: str, client: HttpClient, *, is_bot: bool) -> MessageState:
        """Asks what became of a message: of one that a bot has sent, only when it is said so. Raises as `ask`."""
        parameters = {"phone": phone, "id": identity, **({"bot": "1"} if is_bot else {})}
        return await self.ask(Endpoint.STATUS, parameters, client, read_state)

    async def load_states(
        self, phones: Sequence[str], identity: str, client: HttpClient, *, is_bot: bool
    ) -> Sequence[MessageState]:
        """Asks what became of one message to several numbers, in their order. Raises as `ask`."""
        # The comma behind the last makes it a list, whatever the number.
        listed = {"phone": "".join(f"{phone}," for phone in phones), "id": f"{identity}," * len(phones)}
        states = await self.ask(Endpoint.STATUS, listed | ({"bot": "1"} if is_bot else {}), client, read_states)
        if len(states) != len(phones):
            raise UnknownOutcomeError(f"{Endpoint.STATUS.value} told of {len(states)} messages, not {len(phones)}")
        return states

    def _wait(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> float:
        window = _window(endpoint, parameters)
        if window is None:
            return 0
        request = (
            f"{endpoint.value}|" if endpoint is Endpoint.BALANCE else f"{endpoint.value}|{sorted(parameters.items())}"
        )
        return self._limits().wait(digest(request), window, self.clock.timestamp())

    def _limits(self) -> Limits:
        names = sorted(f"{name}={secret.reveal()}" for name, secret in self._credentials.items() if name != "psw")
        return shared_limits(digest("|".join((self.api_url, *names))))


def _window(endpoint: Endpoint, parameters: Mapping[str, str]) -> Window | None:
    if endpoint is Endpoint.SEND:
        return EQUAL_PRICES if parameters.get("cost") == "1" else None
    return _WINDOWS.get(endpoint)
