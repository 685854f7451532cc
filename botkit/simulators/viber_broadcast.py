"""broadcast_message of the simulated Viber: one message for up to 300 people."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from botkit.simulators.viber_delivery import Deliverer
from botkit.simulators.viber_refusals import (
    BAD_DATA,
    BROADCAST_NOT_ALLOWED,
    MISSING_DATA,
    NOT_REGISTERED,
    NOT_SUBSCRIBED,
    TOO_MANY_REQUESTS,
    RefusedError,
)
from botkit.simulators.viber_servers import HOST, Servers

MAX_RECEIVERS = 300
#: So many requests in so many seconds.
MAX_BROADCASTS, BROADCAST_SECONDS = 500, 10

_WORDS = {NOT_REGISTERED: "Not found", NOT_SUBSCRIBED: "Not subscribed"}


class Broadcasts:
    """Takes broadcasts: each is one call, whoever of its receivers may not have it."""

    def __init__(self, servers: Servers, deliverer: Deliverer) -> None:
        self._servers = servers
        self._deliverer = deliverer
        self._called_at: defaultdict[str, deque[float]] = defaultdict(deque)

    def send(self, ta: str, call: Mapping[str, Any]) -> dict[str, Any]:
        """Delivers to each receiver; the answer names those who were refused, and has one token for all.

        Raises RefusedError for what is wrong with the whole of it.
        """
        self._check_rate(ta)
        receivers = _receivers(call)
        message = {name: value for name, value in call.items() if name not in ("broadcast_list", "receiver")}
        problem = self._deliverer.check(message)
        token, failed, billed = self._servers.next_token(), [], []
        for user_id in receivers:
            try:
                billed.append(self._deliver(ta, user_id, message, token, problem))
            except RefusedError as refusal:
                text = _WORDS.get(refusal.status, refusal.text)
                failed.append({"receiver": user_id, "status": refusal.status, "status_message": text})
        answer = {"status": 0, "status_message": "ok", "message_token": token, "chat_hostname": HOST}
        return answer | {"billing_status": max(billed, default=0), "failed_list": failed}

    def _deliver(self, ta: str, user_id: str, message: Mapping[str, Any], token: int, problem: str) -> int:
        chat = self._servers.bot(ta).chats.get(user_id)
        name = chat.person.name if chat and chat.consents else ""
        return self._deliverer.deliver(ta, user_id, _filled(message, user_id, name), token, problem)

    def _check_rate(self, ta: str) -> None:
        if not self._servers.may_broadcast:
            raise RefusedError(BROADCAST_NOT_ALLOWED, "broadcastNotAllowed")
        now, called_at = self._servers.clock.timestamp(), self._called_at[ta]
        while called_at and now - called_at[0] >= BROADCAST_SECONDS:
            called_at.popleft()
        if self._servers.has_limits and len(called_at) >= MAX_BROADCASTS:
            raise RefusedError(TOO_MANY_REQUESTS, "tooManyRequests")
        called_at.append(now)


def _receivers(call: Mapping[str, Any]) -> Sequence[str]:
    receivers = call.get("broadcast_list")
    if not receivers:
        raise RefusedError(MISSING_DATA, "broadcast_list is missing")
    if not isinstance(receivers, list) or not all(isinstance(user_id, str) for user_id in receivers):
        raise RefusedError(BAD_DATA, "broadcast_list is not a list of ids")
    if len(receivers) > MAX_RECEIVERS:
        raise RefusedError(BAD_DATA, f"broadcast_list has {len(receivers)} receivers, at most {MAX_RECEIVERS}")
    return list(dict.fromkeys(receivers))


def _filled(value: Any, user_id: str, name: str) -> Any:
    """Returns a message with what Viber puts in for each receiver."""
    match value:
        case str():
            encoded = quote(user_id, safe="")
            value = value.replace("replace_me_with_url_encoded_receiver_id", encoded)
            return value.replace("replace_me_with_receiver_id", user_id).replace("replace_me_with_user_name", name)
        case dict():
            return {key: _filled(member, user_id, name) for key, member in value.items()}
        case list():
            return [_filled(item, user_id, name) for item in value]
    return value
