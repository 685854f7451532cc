"""What a handler decided, as one commit: its messages, the answer of the webhook, its timers."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from botkit.context import FLOW_TIMER, Context
from botkit.decisions import Decisions, Scene
from botkit.events import MessageExpired, MessageFailed
from botkit.flow import Flow
from botkit.hops import needs_watch, watch
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.outgoing import encode as encode_outgoing
from botkit.record import timeout_of
from botkit.store import Commit
from botkit.timer import Timer
from botkit.tracing import stamp

# Where the acknowledgement of an event stands among its messages: after all that a handler may send.
_ACKNOWLEDGEMENT = 99


def make_commit(scene: Scene, decisions: Decisions) -> Commit:
    """Returns what a handler decided as the store takes it; the timers of the flows that moved are set on the way."""
    _set_timeouts(scene, decisions)
    if decisions.failover is not msgspec.UNSET:
        decisions.flows.failover = decisions.failover
    outgoing, reply = decisions.outgoing, b""
    if scene.adapter.takes_answer(scene.event):
        reply, outgoing = _split_answer(scene, outgoing)
    if isinstance(scene.event, (MessageFailed, MessageExpired)):
        outgoing = [msgspec.structs.replace(message, is_last_word=True) for message in outgoing]
    acknowledgement = scene.adapter.acknowledge(scene.event)
    if acknowledgement is not None and not _says_the_same(outgoing, acknowledgement):
        outgoing = [_acknowledge(scene, acknowledgement), *outgoing]
    timers = list(decisions.timers.values())
    if decisions.handoff.timer:
        timers.append(decisions.handoff.timer)
    entries: list[bytes] = []
    for message in outgoing:
        entries.append(message.key.encode() + stamp(encode_outgoing(message)))
        if message.trail and needs_watch(message):
            timers.append(watch(message))
    return Commit(decisions.flows.dump(), entries, timers, reply)


def _acknowledge(scene: Scene, message: AnyMessage) -> Outgoing:
    conversation = scene.event.conversation
    return Outgoing(
        key=f"{scene.event.id}{_ACKNOWLEDGEMENT}",
        account=(conversation.account.channel, conversation.account.ta),
        to=conversation.id,
        message=message,
        created_ms=round(scene.now.timestamp() * 1000),
    )


def _set_timeouts(scene: Scene, decisions: Decisions) -> None:
    flows = decisions.flows
    for flow, before, after in flows.moved():
        if not flow.timeouts:
            continue
        old, new = timeout_of(flow, before), timeout_of(flow, after)
        if old == new and before:
            continue
        name = f"{FLOW_TIMER}{flow.__name__}"
        if new is not None:
            due_at = scene.now + timedelta(seconds=new[1].total_seconds())
            ctx = Context(scene, Flow(), {}, decisions)
            ctx.set_timer(name, due_at, flow=flow.__name__, state=new[0])
            flows.due[flow.__name__] = decisions.timers[name].due_ms
        elif old is not None:
            decisions.timers[name] = Timer(name, 0)
            flows.due.pop(flow.__name__, None)


def _split_answer(scene: Scene, outgoing: Sequence[Outgoing]) -> tuple[bytes, list[Outgoing]]:
    """Returns the answer of the webhook, and what is sent elsewhere: nothing else reaches the person now."""
    here = (scene.event.account.channel, scene.event.account.ta, scene.event.conversation.id)
    replies = [message for message in outgoing if (*message.account, message.to) == here]
    answers = [scene.adapter.render_answer(reply.message) for reply in replies if not reply.message.is_transient]
    return answers[0] if answers else b"", [message for message in outgoing if message not in replies]


def _says_the_same(outgoing: Sequence[Outgoing], acknowledgement: AnyMessage) -> bool:
    """Whether the handler has answered by itself what would be acknowledged."""
    if not isinstance(acknowledgement, Raw):
        return False
    said = (sent.message for sent in outgoing if isinstance(sent.message, Raw))
    return any((raw.channel, raw.method) == (acknowledgement.channel, acknowledgement.method) for raw in said)
