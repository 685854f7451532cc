"""The callbacks of the simulated Mitto: how they are written, posted and repeated."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from botkit.simulators.mitto_answers import PHONES, message_object
from botkit.simulators.mitto_servers import Servers, fixed_id, owner_of, told_time
from botkit.simulators.mitto_state import Hook, Message, Report
from botkit.simulators.mitto_tokens import spoil
from botkit.simulators.postman import put_off
from botkit.simulators.simulator import NotOnScreenError
from botkit.simulators.wire import Exchange

_TOKEN = re.compile(rb"(token=)[^&\"\s]+")

#: The error codes of reports; the numbers are ours.
_CODES = {"UNDELIVERED": "1", "FAILED": "1", "EXPIRED": "2"}


class Callbacks:
    """Tells customers what becomes of their messages, and what people write."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._posting: set[int] = set()

    # What is told

    def tell(self, message: Message, status: str, at: float, *, told_id: str = "") -> list[int]:
        """Queues a report of one message: as a delivery report if it is the SMS API's, else to the webhooks.

        `told_id` replaces its id. Returns the numbers of what was queued.
        """
        if message.api == "sms":
            return self._tell_sms(message, status, at, told_id or message.id)
        told = message_object(self._servers, message) | {"deliveryStatus": self._servers.word(status)}
        return self._tell_hooks(message.ta, "report", told | ({"messageId": told_id} if told_id else {}), at)

    def _tell_sms(self, message: Message, status: str, at: float, told_id: str) -> list[int]:
        servers = self._servers
        account = servers.accounts.get(message.ta)
        url = message.callback or servers.address_in_console(message.ta, "report")
        url = url or (account.callback_url if account else "")
        if not url:
            return []
        known = {"msgid": told_id, "status": status, "errorcode": _CODES.get(status, "0")}
        body = servers.template
        for name, value in (known | {"reference": message.reference}).items() if servers.fills_template else ():
            body = body.replace(f"~{name}~", value)
        report = Report(message.ta, "report", body, at, self._spoilt(message.ta, "report", url))
        return self._queue(self._written(report, known))

    def tell_inbound(self, ta: str, address: str, text: str, name: str, **more: Any) -> list[int]:
        """Queues what a person wrote.

        Raises NotOnScreenError where the account has no webhook and no address for it, so that nobody would hear of it.
        """
        now, url = self._servers.clock.timestamp(), self._servers.address_in_console(ta, "inbound")
        if url and self._servers.accounts[ta].via == "sms":
            return self._tell_inbound_sms(ta, url, address, text, now)
        phone = "phoneNumber" if self._servers.accounts[ta].via in PHONES else "messagingAppIdentifier"
        told = {
            "messageId": self._servers.next_id(),
            "trafficAccountId": ta,
            "text": text,
            "sender": {phone: address, "name": name},
            "conversation": {"id": fixed_id("conversation", ta, address.removeprefix("+")), "participants": []},
            "createdAt": told_time(now),
            "deliveryStatus": None,
            **more,
            **self._servers.extras,
        }
        if numbers := self._tell_hooks(ta, "inbound", told, now):
            return numbers
        raise NotOnScreenError(f"nobody hears what people write to {ta}: it has no webhook and no inbound address")

    def _tell_inbound_sms(self, ta: str, url: str, address: str, text: str, now: float) -> list[int]:
        account, names = self._servers.accounts[ta], self._servers.spelling
        number = account.sender if account.sender.lstrip("+").isdigit() else "385990000009"
        known = {"from": address.removeprefix("+"), "to": number, "text": text}
        known |= {"id": self._servers.next_id(), "at": told_time(now)}
        told = {names[name]: value for name, value in known.items() if name in names}
        body = msgspec.json.encode(told).decode()
        return self._queue(self._written(Report(ta, "inbound", body, now, self._spoilt(ta, "inbound", url)), told))

    def _spoilt(self, ta: str, kind: str, url: str) -> str:
        """Returns an address as it is called: as it was given, unless its token is to be spoilt."""
        account = self._servers.accounts.get(ta)
        if account is None:
            return url
        own, other = account.report_keys, account.inbound_keys
        if kind == "inbound":
            own, other = other, own
        return spoil(url, self._servers.tokens, own, other, self._servers.clock.timestamp())

    def _written(self, report: Report, fields: Mapping[str, str]) -> Report:
        """Writes a callback of the SMS API in the style that is set."""
        if self._servers.callback_style == "query":
            joint = "&" if urlsplit(report.url).query else "?"
            report.url, report.body = f"{report.url}{joint}{urlencode(fields)}", ""
        elif self._servers.callback_style == "form":
            report.body, report.content_type = urlencode(fields), "application/x-www-form-urlencoded"
        else:
            report.content_type = self._servers.content_type
        return report

    def _tell_hooks(self, ta: str, kind: str, told: Mapping[str, Any], at: float) -> list[int]:
        """Queues a message for the webhooks that are linked to its account, else for what was entered by hand."""
        body = msgspec.json.encode([told] if self._servers.webhook_lists else told).decode()
        numbers: list[int] = []
        account = self._servers.accounts.get(ta)
        owner = owner_of(account.key) if account else ""
        for hook in self._servers.state.hooks.values():
            # An account may have got another key since its webhook was linked.
            if ta in hook.accounts and hook.owner == owner and self._wants(hook, kind):
                report = Report(ta, kind, body, at, hook=hook.id, content_type=self._servers.content_type)
                numbers += self._queue(report)
        url = self._servers.address_in_console(ta, kind)
        if numbers or not url:
            return numbers
        url = self._spoilt(ta, kind, url)
        return self._queue(Report(ta, kind, body, at, url, content_type=self._servers.content_type))

    def _wants(self, hook: Hook, kind: str) -> bool:
        return not hook.triggers or kind in {self._servers.triggers.get(name.lower()) for name in hook.triggers}

    def _queue(self, report: Report) -> list[int]:
        if not self._servers.reports and report.name != "inbound":
            return []
        number = self._servers.state.next_number()
        self._servers.state.reports[number] = report
        return [number]

    # How it is posted

    async def post_due(self) -> int:
        """Posts what is due, each at most once at a time; returns how many were tried."""
        now, reports = self._servers.clock.timestamp(), self._servers.state.reports
        due = [number for number, report in reports.items() if report.due_at <= now and number not in self._posting]
        due.sort(key=lambda number: (reports[number].due_at, number))
        await self.post(due)
        return len(due)

    async def post(self, numbers: Sequence[int]) -> list[int]:
        """Posts these of the queue; returns the status of each answer, 0 for none."""
        self._posting |= set(numbers)
        try:
            return [await self._post(number) for number in numbers]
        finally:
            self._posting -= set(numbers)
            if numbers:
                self._servers.on_change()

    async def _post(self, number: int) -> int:
        """Makes one call, and takes it off the queue when it was answered with 2xx or once too often not."""
        reports = self._servers.state.reports
        report = reports[number]
        status = await self._attempt(report)
        is_over = 200 <= status < 300 or status < 0
        if is_over or not put_off(report, self._servers.pauses, self._servers.clock.timestamp()):
            reports.pop(number, None)
        return status

    async def _attempt(self, report: Report) -> int:
        """Makes one call; the status is 0 without an answer, and -1 where the webhook is there no more."""
        hook = self._servers.state.hooks.get(report.hook)
        if report.hook and not hook:
            return -1
        own = hook.headers if hook else {}
        headers = {"content-type": report.content_type} if report.content_type else {}
        try:
            response = await self._servers.http.request(
                "POST" if report.content_type else "GET",
                hook.url if hook else report.url,
                content=report.body.encode(),
                headers={**headers, **own},
            )
            status, answer = response.status_code, response.content
        except httpx.HTTPError:
            status, answer = 0, b""
        self._log(report, status, answer, headers | dict.fromkeys(own, "***"))
        return status

    def _log(self, report: Report, status: int, answer: bytes, headers: Mapping[str, str]) -> None:
        request = masked(report.body.encode() or urlsplit(report.url).query.encode())
        at = self._servers.clock.now()
        self._servers.wire.add(Exchange("inbound", at, report.ta, report.name, request, status, answer, headers))


def masked(body: bytes) -> bytes:
    """Returns a request without the tokens in its addresses."""
    return _TOKEN.sub(rb"\1***", body)
