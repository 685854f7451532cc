"""Keeps an account's blacklist and group in step with who leaves and who comes back."""

from collections.abc import Awaitable, Callable, Sequence

from botkit.adapter import Outcome, Receipt
from botkit.exceptions import ServiceError, UnknownOutcomeError
from botkit.gateways.smsc_answers import BlacklistRecord
from botkit.gateways.smsc_callbacks import e164
from botkit.gateways.smsc_calls import RefusedError
from botkit.gateways.smsc_contacts import SmscContacts
from botkit.gateways.smsc_errors import MINUTE, Verdict

# What a number might be answered with that is on the blacklist already: nothing is published of it.
_MAYBE_KNOWN = (1, 5)


class Consent:
    """What is done for people who leave and who come back; doing it again does no harm.

    The blacklist has no search, and can be asked for three times a minute: one answer serves all who came back before
    it.
    """

    def __init__(self, group: str, *, has_blacklist: bool) -> None:
        self._group = group
        self._has_blacklist = has_blacklist
        self._records: Sequence[BlacklistRecord] = ()
        self._listed_at = -1.0
        #: Who has come back by a word of theirs: that the lists say so too will be no news.
        self.returned: set[str] = set()

    async def stop(self, phone: str, contacts: SmscContacts, *, mark: str) -> Receipt:
        """Puts a number on the blacklist, with the comment `mark`, and takes it out of the group.

        What proves nothing is to be tried again. Transport errors pass through.
        """
        self.returned.discard(phone)
        return await _both(lambda: self._block(phone, contacts, mark), lambda: self._leave(phone, contacts))

    async def start(self, phone: str, contacts: SmscContacts, *, since: float, now: float) -> Receipt:
        """Takes a number, as the blacklist is after the instant `since`, off it and puts it into the group."""
        # Before the service knows: its lists may be asked for at the same time.
        self.returned.add(phone)
        return await _both(lambda: self._unblock(phone, contacts, since, now), lambda: self._join(phone, contacts))

    async def follow(self, phone: str, contacts: SmscContacts, *, joins: bool) -> Receipt:
        """Puts a number into the group, or takes it out, as somebody else has changed the blacklist."""
        if not joins:
            return await _both(lambda: self._leave(phone, contacts))
        self.returned.add(phone)
        return await _both(lambda: self._join(phone, contacts))

    async def _block(self, phone: str, contacts: SmscContacts, mark: str) -> None:
        if not self._has_blacklist:
            return
        try:
            await contacts.block(phone, comment=mark)
        except RefusedError as error:
            if error.code not in _MAYBE_KNOWN or not _of(phone, await contacts.blacklist()):
                raise

    async def _leave(self, phone: str, contacts: SmscContacts) -> None:
        if self._group:
            await contacts.leave(phone, self._group)

    async def _unblock(self, phone: str, contacts: SmscContacts, since: float, now: float) -> None:
        if not self._has_blacklist:
            return
        if self._listed_at <= since:
            self._records, self._listed_at = await contacts.blacklist(), now
        for record in _of(phone, self._records):
            await contacts.unblock(record)

    async def _join(self, phone: str, contacts: SmscContacts) -> None:
        if self._group and not await contacts.join(phone, self._group):
            await contacts.add(phone, group=self._group)


async def _both(*steps: Callable[[], Awaitable[None]]) -> Receipt:
    """Does all that is to be done, also after a failure: what keeps the lists in step is worth having by halves."""
    failures: list[ServiceError | UnknownOutcomeError] = []
    for step in steps:
        try:
            await step()
        except (ServiceError, UnknownOutcomeError) as error:
            failures.append(error)
    found = [_failed(error) for error in failures]
    # Where one of them may come right, all is done again.
    again = [receipt for receipt in found if receipt.outcome is Outcome.NOT_SENT]
    return next(iter([*again, *found]), Receipt(Outcome.SENT))


def _of(phone: str, records: Sequence[BlacklistRecord]) -> Sequence[str]:
    """Returns the ids of the records of a number in E.164."""
    return [record.id for record in records if e164(record.phone) == phone]


def _failed(error: ServiceError | UnknownOutcomeError) -> Receipt:
    if isinstance(error, RefusedError) and error.verdict is Verdict.RETRY:
        return Receipt(Outcome.NOT_SENT, reason=error.what, retry_after=error.retry_after)
    if isinstance(error, ServiceError):
        return Receipt(Outcome.REFUSED, reason=error.what)
    # It may have been done: it is done again then.
    return Receipt(Outcome.NOT_SENT, reason=error.what, retry_after=MINUTE)
