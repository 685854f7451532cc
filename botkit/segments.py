"""Tells who belongs to a segment, by what is stored of their conversation."""

from collections.abc import Sequence

from botkit.broadcast import Segment
from botkit.exceptions import BotkitError
from botkit.flow import Flow
from botkit.record import Flows
from botkit.trigger import did_you_mean


class Sieve:
    """A segment of a bot with these flows.

    Flows and states are found whatever the case of their letters. Raises BotkitError for one that the bot has not.
    """

    def __init__(self, segment: Segment, flows: Sequence[type[Flow]]) -> None:
        self._segment = segment
        self._states = [_state(written, flows) for written in segment.states]
        self._locales = [_normal(locale) for locale in segment.locales]

    def takes(self, record: Flows) -> bool:
        """Whether a conversation with this record belongs to it. Raises RecordError and FlowError."""
        asked, tags = self._segment, record.tags
        if not tags.issuperset(asked.tags) or not tags.isdisjoint(asked.no_tags):
            return False
        if asked.any_tags and tags.isdisjoint(asked.any_tags):
            return False
        return self._fits_locale(record) and self._fits_state(record)

    def _fits_locale(self, record: Flows) -> bool:
        said = _normal(record.locale or record.said_locale)
        return not self._locales or any(said == asked or said.startswith(f"{asked}-") for asked in self._locales)

    def _fits_state(self, record: Flows) -> bool:
        return not self._states or any(_is_in(record.state_of(flow), flow, state) for flow, state in self._states)


def _is_in(current: str, flow: type[Flow], state: str) -> bool:
    return flow.matches(current, state) if state else current != flow().state


def _state(written: str, flows: Sequence[type[Flow]]) -> tuple[type[Flow], str]:
    name, _, state = written.partition(".")
    known = {flow.__name__.casefold(): flow for flow in flows if flow is not Flow}
    flow = known.get(name.casefold())
    names = [flow.__name__ for flow in known.values()]
    if flow is None:
        raise BotkitError(
            f"no flow {name!r}{did_you_mean(name, names)}", fix=f"there are: {', '.join(names) or 'none'}"
        )
    states = {each.casefold(): each for each in flow.state_names()}
    if state and state.casefold() not in states:
        raise BotkitError(
            f"{flow.__name__} has no state {state!r}{did_you_mean(state, list(states.values()))}",
            fix=f"there are: {', '.join(states.values())}",
        )
    return flow, states[state.casefold()] if state else ""


def _normal(locale: str) -> str:
    return locale.replace("_", "-").casefold()
