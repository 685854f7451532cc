"""How a message reaches a phone of the simulated Mitto: at once, late, or never; and what is reported of it."""

from collections.abc import Sequence

from botkit.simulators.mitto_callbacks import Callbacks
from botkit.simulators.mitto_checks import Order, Part, address_of
from botkit.simulators.mitto_failover import Failover
from botkit.simulators.mitto_phones import bubble_of
from botkit.simulators.mitto_servers import Servers
from botkit.simulators.mitto_state import Message, Turn, place_of

#: For how many seconds a message is tried where it does not say so itself: two days, and Viber's fourteen.
LIFETIMES = {"sms": 2 * 24 * 3600, "viber": 14 * 24 * 3600}
#: The networks that tell when a message was seen.
SEEN = frozenset({"viber", "whatsapp", "gbm"})
#: The SMS API's words for endings.
_SMS_WORDS = {"Failure": "UNDELIVERED", "Expired": "EXPIRED"}
#: The network that tells nothing of what becomes of a message.
SILENT = "telegram"


class Deliverer:
    """Brings messages to phones, each at its time on the clock."""

    def __init__(self, servers: Servers, callbacks: Callbacks) -> None:
        self._servers = servers
        self._callbacks = callbacks
        self._failover = Failover(servers, self.start)

    def order(self, order: Order) -> list[Message]:
        """Takes an order; returns its messages, destination by destination, the steps of each in order.

        What is due at once becomes of them with the next `catch_up`.
        """
        made: list[Message] = []
        for destination in order.destinations:
            if len(order.destinations) > 1 and destination in self._servers.omits:
                continue
            steps = [self._message(part, destination, order.reference) for part in order.parts]
            if order.seconds:
                self._failover.link(steps, order.status, order.seconds)
            for message in steps:
                self._servers.state.remember(message)
            self.start(steps[0], steps[0].created_at)
            made += steps
        return made

    def _message(self, part: Part, destination: str, reference: str) -> Message:
        at, via = self._servers.clock.timestamp(), part.account.via
        return Message(
            id=self._servers.next_id(),
            ta=part.account.ta,
            via=via,
            destination=destination,
            address=address_of(via, destination),
            content=part.content,
            created_at=at,
            updated_at=at,
            reference=reference,
            lifetime=float(part.content.get("ttl", LIFETIMES.get(via, 0))),
        )

    def start(self, message: Message, at: float) -> None:
        """Sends a message on its way."""
        if message.status == "Created":
            self._move(message, "Ready", at)
        state = self._servers.state
        state.schedule(at + self._servers.delivery_seconds, Turn.ARRIVE, message.id)
        if message.lifetime:
            state.schedule(at + message.lifetime, Turn.EXPIRE, message.id)
        self._failover.watch(message, at)

    def catch_up(self) -> int:
        """Does what has become due, each as at its own time; returns how much it was."""
        done = 0
        while due := self._servers.state.next_due(self._servers.clock.timestamp()):
            at, turn, message_id = due
            self._take_turn(turn, message_id, at)
            done += 1
        return done

    def _take_turn(self, turn: Turn, message_id: str, at: float) -> None:
        message = self._servers.state.messages.get(message_id)
        if turn is Turn.FORGET:
            self._failover.forget(message_id)
        elif message is None:
            return
        elif turn is Turn.FAIL_OVER:
            self._failover.go_on(message, at)
        elif turn is Turn.ARRIVE and not message.is_over:
            self._arrive(message, at)
        elif turn is Turn.EXPIRE and not message.is_over:
            self._end(message, "Expired", "the message has not arrived in its time", at)

    def _arrive(self, message: Message, at: float) -> None:
        state = self._servers.state
        if place_of(message.ta, message.address) in state.blocked:
            self._end(message, "Failure", "the person has blocked the sender", at)
        elif message.address in state.missing.get(message.via, ()):
            self._end(message, "Failure", f"the person has no {message.via}", at)
        elif message.address in state.off:
            state.waiting.append(message.id)
        else:
            message.is_over = True
            state.show(message.ta, message.address, bubble_of(message))
            self._has_arrived(message, at)

    def _has_arrived(self, message: Message, at: float) -> None:
        if message.via == SILENT:
            return
        words = self._servers.sms_reports if message.api == "sms" else self._servers.webhook_reports
        message.status, message.updated_at = "Delivered", at
        for word in words:
            self._callbacks.tell(message, word, at)

    def _end(self, message: Message, status: str, description: str, at: float) -> None:
        message.is_over, message.description = True, description
        if message.id in self._servers.state.waiting:
            self._servers.state.waiting.remove(message.id)
        self._move(message, status, at)
        self._failover.has_failed(message, at)

    def _move(self, message: Message, status: str, at: float) -> None:
        message.status, message.updated_at = status, at
        if message.api == "sms":
            self._callbacks.tell(message, _SMS_WORDS[status], at)
        elif status in self._servers.told and message.via != SILENT:
            self._callbacks.tell(message, status, at)

    def switch_on(self, addresses: Sequence[str]) -> None:
        """Lets the phone with these addresses have what waited for it."""
        state, now = self._servers.state, self._servers.clock.timestamp()
        state.off -= set(addresses)
        for message_id in [known for known in state.waiting if state.messages[known].address in addresses]:
            state.waiting.remove(message_id)
            state.schedule(now, Turn.ARRIVE, message_id)
        self.catch_up()

    def see(self, ta: str, address: str) -> None:
        """Marks what has arrived at an address as seen, on the networks that tell so."""
        at = self._servers.clock.timestamp()
        for message in list(self._servers.state.messages.values()):
            is_here = (message.ta, message.address) == (ta, address)
            if is_here and message.via in SEEN and message.status == "Delivered":
                self._move(message, "Seen", at)
