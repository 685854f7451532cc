"""Keeps an account's blacklist and group in step with who leaves and who comes back."""

from collections.abc import Sequence

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

    The blacklist has no search, and can be asked for three
    times a minute: one answer serves all who came back before it.
    """

    def __init__(self, group: str, *, has_blacklist: bool) -> None:
        self._group = group
        self._has_blacklist = has_blacklist
        self._records: Sequence[BlacklistRecord] = ()
        self._listed_at = -1.0

    async def stop(self, phone: str, contacts: SmscContacts, *, mark: str) -> Receipt:
        """Puts a number on the blacklist, with the comment `mark`, and takes it out of the group.

        What proves nothing is to be tried again.
        """
        try:
            await self._stop(phone, contacts, mark)
        except (ServiceError, UnknownOutcomeError) as error:
            return _failed(error)
        return Receipt(Outcome.SENT)

    async def start(self, phone: str, contacts: SmscContacts, *, since: float, now: float) -> Receipt:
        """Takes a number, as the blacklist is after the instant `since`, off it and puts it into the group."""
        try:
            await self._start(phone, contacts, since, now)
        except (ServiceError, UnknownOutcomeError) as error:
            return _failed(error)
        return Receipt(Outcome.SENT)

    async def _stop(self, phone: str, contacts: SmscContacts, mark: str) -> None:
        if self._has_blacklist:
            try:
                await contacts.block(phone, comment=mark)
            except RefusedError as error:
                if error.code not in _MAYBE_KNOWN or not _of(phone, await contacts.blacklist()):
                    raise
        if self._group:
            await contacts.leave(phone, self._group)

    async def _start(self, phone: str, contacts: SmscContacts, since: float, now: float) -> None:
        if self._has_blacklist:
            if self._listed_at <= since:
                self._records, self._listed_at = await contacts.blacklist(), now
            for record in _of(phone, self._records):
                await contacts.unblock(record)
        if self._group and not await contacts.join(phone, self._group):
            await contacts.add(phone, group=self._group)


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
