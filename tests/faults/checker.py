"""Judges what was seen of a run: is anything lost, done twice, out of order, unexpected, or sent twice for no reason?

What it looks at is independent of how a run came about. Each transition leaves a mark: the conversation's version, the
event, and a hash over all events of the conversation so far, which is also kept in its state. A lost, doubled or
overwritten transition breaks that chain for good, wherever it happened.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct, field

#: How long a sender may need to note a message as sent, and how long one that was stopped may go on unawares; seconds.
GRACE = 2.0


class Mark(Struct, frozen=True):
    """What a transition leaves in the state, and in its message: the version after it, its event, and the chain."""

    version: int = 0
    event: str = ""
    chain: str = ""

    def then(self, event: str) -> "Mark":
        """Returns the mark of the transition that comes next."""
        chain = hashlib.blake2b(f"{self.chain}|{event}".encode(), digest_size=8).hexdigest()
        return Mark(self.version + 1, event, chain)

    def __str__(self) -> str:
        return f"{self.version} {self.event} {self.chain}"

    @classmethod
    def read(cls, text: str) -> "Mark":
        """Reads what `str` has written."""
        version, event, chain = text.split(" ")
        return cls(int(version), event, chain)


class Sending(Struct, frozen=True):
    """A message that a service took, and from which process; `is_unknown` if that one was not told so."""

    conversation: str
    mark: Mark
    process: str = ""
    at: float = 0
    is_unknown: bool = False


class Fault(Struct, frozen=True):
    """What was done to one process, or to all if it names none, and from when until when."""

    kind: str
    process: str = ""
    began_at: float = 0
    ended_at: float = 0

    def touches(self, process: str, since: float, until: float) -> bool:
        return self.process in ("", process) and self.began_at <= until and self.ended_at >= since


class History(Struct):
    """What was seen: events in the order of their first acknowledgement, messages in that of their arrival."""

    #: Each event that was ever delivered, and each that was acknowledged, with its conversation.
    tried: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    #: The events that can only become dead letters, and those which did.
    poison: set[str] = field(default_factory=set)
    dead: list[str] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    #: The mark in the state of each conversation at the end.
    states: dict[str, Mark] = field(default_factory=dict)


class Findings(Struct):
    """What is wrong, each as a sentence; `explained` counts the messages that were sent twice for a reason."""

    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    explained: int = 0

    @property
    def classes(self) -> set[str]:
        """The classes in which there is anything."""
        named = ("lost", "double", "reordered", "unexpected", "duplicate")
        return {name for name in named if getattr(self, name)}


def judge(history: History) -> Findings:
    """Returns what is wrong with a run that has come to its end: nothing waits any more."""
    findings = Findings()
    tried, acknowledged = _by_conversation(history.tried), _by_conversation(history.acknowledged)
    sendings: dict[str, list[Sending]] = defaultdict(list)
    for sending in history.sendings:
        sendings[sending.conversation].append(sending)
    _judge_dead(history, findings)
    for conversation in sorted({*tried, *acknowledged, *sendings, *history.states}):
        sent = sendings[conversation]
        final = history.states.get(conversation, Mark())
        marks = _transitions(conversation, sent, final, findings)
        _judge_events(conversation, marks, tried[conversation], history, findings)
        _judge_ends(conversation, marks, acknowledged[conversation], history, findings)
        _judge_order(conversation, sent, findings)
        _judge_repeats(conversation, sent, history.faults, findings)
    return findings


def _by_conversation(pairs: Iterable[tuple[str, str]]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for conversation, event in dict.fromkeys(pairs):
        found[conversation].append(event)
    return found


def _judge_dead(history: History, findings: Findings) -> None:
    counted = Counter(history.dead)
    findings.double += [f"{event}: is a dead letter {times} times" for event, times in counted.items() if times > 1]
    findings.unexpected += [f"{event}: is a dead letter" for event in counted if event not in history.poison]


def _transitions(conversation: str, sent: Sequence[Sending], final: Mark, findings: Findings) -> list[Mark]:
    """Returns the transitions that are known, in order of their versions; tells of those that contradict each other."""
    by_version: dict[int, Mark] = {}
    for mark in dict.fromkeys(sending.mark for sending in sent):
        other = by_version.setdefault(mark.version, mark)
        if other != mark:
            findings.double.append(f"{conversation}: version {mark.version} is of {other.event} and of {mark.event}")
    for version in range(1, final.version + 1):
        if version not in by_version:
            findings.lost.append(f"{conversation}: the message of version {version} never came")
    marks = [by_version[version] for version in sorted(by_version)]
    for before, after in zip([Mark(), *marks], marks, strict=False):
        if after.version == before.version + 1 and before.then(after.event) != after:
            findings.double.append(f"{conversation}: version {after.version} does not follow from the one before")
    if (marks[-1] if marks else Mark()) != final:
        findings.lost.append(f"{conversation}: its state is {final}, not that of its last message")
    return marks


def _judge_events(
    conversation: str, marks: Sequence[Mark], tried: Sequence[str], history: History, findings: Findings
) -> None:
    known, dead = set(tried), set(history.dead)
    for event, times in Counter(mark.event for mark in marks).items():
        if event not in known:
            findings.unexpected.append(f"{conversation}: {event} was never delivered")
        elif event in history.poison:
            findings.unexpected.append(f"{conversation}: {event} cannot have been handled")
        if times > 1:
            findings.double.append(f"{conversation}: {event} was handled {times} times")
        if event in dead:
            findings.double.append(f"{conversation}: {event} was handled and is a dead letter")


def _judge_ends(
    conversation: str, marks: Sequence[Mark], acknowledged: Sequence[str], history: History, findings: Findings
) -> None:
    ended = {mark.event for mark in marks} | set(history.dead)
    findings.lost += [f"{conversation}: {event} was acknowledged" for event in acknowledged if event not in ended]
    # What was never acknowledged may have been stored, but nobody may rely on its place.
    place = {event: index for index, event in enumerate(acknowledged)}
    order = [mark.event for mark in marks if mark.event in place]
    for before, after in pairwise(order):
        if place[after] < place[before]:
            findings.reordered.append(f"{conversation}: {after} was handled after {before}")


def _judge_order(conversation: str, sent: Sequence[Sending], findings: Findings) -> None:
    for before, after in pairwise(dict.fromkeys(sending.mark.version for sending in sent)):
        if after < before:
            findings.reordered.append(f"{conversation}: message {after} was sent after {before}")


def _judge_repeats(conversation: str, sent: Sequence[Sending], faults: Sequence[Fault], findings: Findings) -> None:
    last: dict[Mark, Sending] = {}
    for sending in sent:
        before = last.get(sending.mark)
        last[sending.mark] = sending
        if before is None:
            continue
        if before.is_unknown or any(_was_hit(each, faults, until=sending.at) for each in (before, sending)):
            findings.explained += 1
        else:
            findings.duplicate.append(
                f"{conversation}: message {sending.mark.version} was sent by {before.process!r} at {before.at:.3f}"
                f" and again by {sending.process!r} at {sending.at:.3f}"
            )


def _was_hit(sending: Sending, faults: Sequence[Fault], *, until: float) -> bool:
    """Whether its process may not have been able to note it, or may have missed that somebody else took over.

    What begins after `until`, when the message was sent again, is no reason for that.
    """
    latest = min(sending.at + GRACE, until)
    return any(fault.touches(sending.process, sending.at - GRACE, latest) for fault in faults)
