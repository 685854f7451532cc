"""What the simulated Business Messages remembers: conversations, undelivered payloads, and what it remarked on."""

from typing import Literal

from msgspec import Struct

from botkit.simulators.gbm_phone import Chat

RemarkKind = Literal["fallback_shown", "unannounced_person", "unanswered_request", "slow_webhook"]


class Remark(Struct, frozen=True):
    """Something that the service lets pass and its policies do not, or that nobody was told of.

    `fallback_shown`: a device showed the fallback of message `detail`. `unannounced_person`: message `detail` came from
    a person who had not joined. `unanswered_request`: somebody asked for a person and heard nothing.
    `slow_webhook`: the bot answered delivery `detail` too late. `at` is in epoch seconds.
    """

    kind: RemarkKind
    ta: str
    conversation: str
    at: float
    detail: str = ""


class Delivery(Struct):
    """A payload that waits for its 200; `body` never changes."""

    name: str
    body: bytes
    made_at: float
    due_at: float
    tries: int = 0
    conversation: str = ""


class State(Struct):
    """Everything: the conversations by id, each account's queue, and the remarks, oldest first."""

    chats: dict[str, Chat] = {}
    pending: dict[str, list[Delivery]] = {}
    remarks: list[Remark] = []
    sent: int = 0
