"""Calls of Mitto's API: with the key, and with an error that says what to mend where one is refused."""

from collections.abc import Mapping

import structlog
from msgspec import Struct

from botkit.exceptions import ServiceError
from botkit.gateways.mitto_answers import read_words
from botkit.http_client import HttpAnswer, HttpClient
from botkit.redaction import Redactor, Secret

log = structlog.get_logger("botkit.gateways.mitto")

_FIXES: Mapping[int, str] = {
    401: "check {prefix}_API_KEY, and that Mitto knows the addresses that this service calls from",
    403: "check {prefix}_API_KEY, and that Mitto knows the addresses that this service calls from",
    404: "check {prefix}_API_URL and {prefix}_TA",
}


class Calls(Struct, frozen=True):
    """The API at an address, under a key; `hidden` is what no error may show."""

    url: str
    key: Secret
    prefix: str
    hidden: tuple[Secret, ...]

    async def request(self, method: str, path: str, client: HttpClient, body: object = None) -> HttpAnswer:
        """Makes a call and returns the answer, whatever it is."""
        # In no variable of ours: tools that look into tracebacks would find the key there.
        answer = await client.request(
            method, f"{self.url}{path}", json=body, headers={"X-Mitto-API-Key": self.key.reveal()}
        )
        if answer.status in (401, 403):
            # Every message will fail until somebody mends it.
            log.error("Mitto does not accept the key", status=answer.status, fix=_FIXES[401].format(prefix=self.prefix))
        return answer

    async def order(self, method: str, path: str, client: HttpClient, body: object = None) -> HttpAnswer:
        """Makes a call that must succeed. Raises ServiceError with the gateway's word for it."""
        answer = await self.request(method, path, client, body)
        if 200 <= answer.status < 300:
            return answer
        raise self.refusal(f"{method} {path.partition('?')[0]}", answer)

    def refusal(self, what: str, answer: HttpAnswer) -> ServiceError:
        """Returns the error for an answer that is no success."""
        words = Redactor(self.hidden).redact(read_words(answer))
        fix = _FIXES.get(answer.status, "try again later" if answer.status >= 500 else "mend what it says")
        return ServiceError(
            f"Mitto refused {what}: HTTP {answer.status}{f' ({words})' if words else ''}",
            code=answer.status,
            fix=fix.format(prefix=self.prefix),
        )
