"""How a message reaches a person of the simulated Viber: who may have it, what it costs, and what is reported of it."""

from collections.abc import Mapping
from typing import Any

from botkit.simulators.viber_callbacks import Callbacks
from botkit.simulators.viber_checks import check_message, min_api_version
from botkit.simulators.viber_phone import line_of
from botkit.simulators.viber_refusals import (
    BAD_DATA,
    NO_SUITABLE_DEVICE,
    NOT_REGISTERED,
    NOT_SUBSCRIBED,
    UNSUPPORTED_COUNTRY,
    VERSION_NOT_SUPPORTED,
    RefusedError,
    read_object,
)
from botkit.simulators.viber_servers import Servers
from botkit.simulators.viber_sessions import Sessions
from botkit.simulators.viber_state import Chat, Delivery

Json = Mapping[str, Any]


class Deliverer:
    """Brings messages to phones."""

    def __init__(self, servers: Servers, sessions: Sessions) -> None:
        self._servers = servers
        self._sessions = sessions
        self.callbacks = Callbacks(servers, self._welcome)

    def check(self, message: Json) -> str:
        """Returns what devices will object to in a message. Raises RefusedError for what the API refuses."""
        problem = check_message(message)
        if problem and not self._servers.checks_on_device:
            raise RefusedError(BAD_DATA, problem)
        return problem

    def deliver(self, ta: str, user_id: str, message: Json, token: int, problem: str = "") -> int:
        """Shows a message, queues its reports and returns its billing_status; what a device objects to is not shown.

        Raises RefusedError where this person may not have it.
        """
        chat = self._receiver(ta, user_id, message)
        billing_status = self._sessions.admit(ta, user_id)
        if self._servers.devices_refuse:
            problem = problem or "the device does not know this content"
        if not problem:
            self._show(chat, message)
        self._report(ta, user_id, chat, token, problem)
        return billing_status

    def _receiver(self, ta: str, user_id: str, message: Json) -> Chat:
        chat = self._servers.bot(ta).chats.get(user_id)
        if not chat:
            raise RefusedError(NOT_REGISTERED, "receiverNotRegistered")
        if not chat.is_subscribed:
            raise RefusedError(NOT_SUBSCRIBED, "notSubscribed")
        if not chat.has_device:
            raise RefusedError(NO_SUITABLE_DEVICE, "receiverNoSuitableDevice")
        if min_api_version(message) > chat.api_version:
            raise RefusedError(VERSION_NOT_SUPPORTED, "apiVersionNotSupported")
        if chat.country in self._servers.blocked_countries:
            raise RefusedError(UNSUPPORTED_COUNTRY, "unsupportedCountry")
        return chat

    def _show(self, chat: Chat, message: Json) -> None:
        chat.tracking_data = message.get("tracking_data") or ""
        chat.remember(line_of(message))

    def _report(self, ta: str, user_id: str, chat: Chat, token: int, problem: str) -> None:
        if not self._servers.receipts:
            return
        known = {"user_id": user_id}
        if problem:
            desc = {"desc": f"message validation failed: {problem}"}
            self.callbacks.queue(ta, "failed", user_id, known | desc, token)
            return
        for event in self._servers.reports:
            for _ in range(chat.devices if event == "delivered" else 1):
                self.callbacks.queue(ta, event, user_id, known, token)

    def _welcome(self, delivery: Delivery, answer: bytes) -> None:
        chat = self._servers.bot(delivery.ta).chats[delivery.user_id]
        try:
            message = _read_welcome(answer)
            self.check(message)
            if min_api_version(message) > chat.api_version:
                raise RefusedError(VERSION_NOT_SUPPORTED, "apiVersionNotSupported")
        except RefusedError as refusal:
            self._servers.refused_welcomes.append(refusal.text)
        else:
            self._show(chat, message)


def _read_welcome(answer: bytes) -> dict[str, Any]:
    message = read_object(answer, "the welcome message")
    if "receiver" in message:
        raise RefusedError(BAD_DATA, "a welcome message has no receiver")
    return message
