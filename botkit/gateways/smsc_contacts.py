"""The contacts, groups and blacklist of an SMSC account.

https://smsc.ru/api/http/contact/: everything is `/sys/phones.php`. The commands of the blacklist are not among what
SMSC has published of it, so their names are a setting.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

from botkit.addresses import digits_of
from botkit.gateways.smsc_answers import (
    BlacklistRecord,
    Contact,
    Group,
    read_blacklist,
    read_contacts,
    read_created,
    read_done,
    read_groups,
)
from botkit.gateways.smsc_calls import MAX_LIST, NOTHING_FOUND, RefusedError, SmscCalls
from botkit.gateways.smsc_errors import Endpoint
from botkit.gateways.smsc_formats import Refusal
from botkit.http_client import HttpClient

T = TypeVar("T")

#: What the parameters of a contact are called in requests, by the names of `Contact`.
PARAMETERS: Mapping[str, str] = {
    "name": "name",
    "group": "grp",
    "first_name": "fnm",
    "last_name": "lnm",
    "middle_name": "mnm",
    "birthday": "bd",
    "id": "myid",
    "comments": "cmt",
    "tags": "tags",
    "phone_other": "pho",
    "new_phone": "new_phone",
}
#: The commands that add to the blacklist, delete from it and list it.
COMMANDS = ("add_bl", "del_bl", "get_bl")


class SmscContacts:
    """An account's contacts, groups and blacklist.

    Numbers are E.164, with or without their plus; groups go by the service's id. What is not there makes a change or
    deletion return False and a list empty. Other errors are RefusedError, which says whether to try again; a request
    that would be the fourth equal one within a minute is refused without being made. Transport errors pass through.
    """

    def __init__(self, calls: SmscCalls, client: HttpClient, *, commands: Sequence[str] = COMMANDS) -> None:
        self.calls = calls
        self.client = client
        self._add, self._delete, self._list = commands

    async def add(self, phone: str, **fields: str) -> str:
        """Creates a contact, with the fields of `Contact` by name; returns the service's id, which no call takes."""
        return await self._ask({"add": "1", "phone": digits_of(phone), **_fields(fields)}, read_created)

    async def change(self, phone: str, **fields: str) -> bool:
        """Changes fields of a contact, or with `new_phone` its number."""
        return await self._do({"chg": "1", "phone": digits_of(phone), **_fields(fields)})

    async def delete(self, phone: str) -> bool:
        """Deletes a contact."""
        return await self._do({"del": "1", "phone": digits_of(phone)})

    async def contacts(self, *, group: str = "") -> Sequence[Contact]:
        """Returns the contacts, those of one group if it is named."""
        listed = await self._all({"get": "1", **({"grp": group} if group else {})}, read_contacts)
        # That a list can be asked for by group is nowhere said.
        return [contact for contact in listed if not group or group in contact.group.split(",")]

    async def add_group(self, name: str, *, number: str = "") -> str:
        """Creates a group, with the number that sends name it by if wanted; returns its id."""
        return await self._ask({"add_group": "1", "name": name, **({"num": number} if number else {})}, read_created)

    async def rename_group(self, group: str, name: str) -> bool:
        """Gives a group another name."""
        return await self._do({"chg_group": "1", "grp": group, "name": name})

    async def delete_group(self, group: str) -> bool:
        """Deletes a group."""
        return await self._do({"del_group": "1", "grp": group})

    async def groups(self) -> Sequence[Group]:
        """Returns the groups."""
        return await self._all({"get_group": "1"}, read_groups)

    async def move(self, phone: str, group: str) -> bool:
        """Puts a contact into a group, and takes it out of all others."""
        return await self._do({"move_group": "1", "grp": group, "phone": digits_of(phone)})

    async def join(self, phone: str, group: str) -> bool:
        """Puts a contact into a further group."""
        return await self._do({"move_group": "2", "grp": group, "phone": digits_of(phone)})

    async def leave(self, phone: str, group: str) -> bool:
        """Takes a contact out of a group."""
        return await self._do({"move_group": "3", "grp": group, "phone": digits_of(phone)})

    async def block(self, phone: str, *, kind: Literal[0, 1, 2] = 0, comment: str = "") -> str:
        """Puts a number on the blacklist; returns the record's id.

        It is kept from all messages, with a kind of 1 from mailings alone, with 2 from single messages.
        """
        return await self._ask(
            {self._add: "1", "phone": digits_of(phone), "type": str(kind), "comment": comment}, read_created
        )

    async def unblock(self, record: str) -> bool:
        """Takes a record, by its id, from the blacklist."""
        return await self._do({self._delete: "1", "id": record})

    async def blacklist(self) -> Sequence[BlacklistRecord]:
        """Returns the blacklist."""
        return await self._all({self._list: "1"}, read_blacklist)

    async def _ask(self, parameters: Mapping[str, str], read: Callable[[bytes], T | Refusal]) -> T:
        return await self.calls.ask(Endpoint.CONTACTS, parameters, self.client, read)

    async def _do(self, parameters: Mapping[str, str]) -> bool:
        try:
            await self._ask(parameters, read_done)
        except RefusedError as error:
            if error.code == NOTHING_FOUND:
                return False
            raise
        return True

    async def _all(self, parameters: Mapping[str, str], read: Callable[[bytes], Sequence[T] | Refusal]) -> Sequence[T]:
        try:
            return await self.calls.ask(Endpoint.CONTACTS, parameters, self.client, read, most=MAX_LIST)
        except RefusedError as error:
            if error.code == NOTHING_FOUND:
                return []
            raise


def _fields(fields: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(fields.keys() - PARAMETERS.keys()):
        raise TypeError(f"a contact has no {', '.join(unknown)}; it has {', '.join(PARAMETERS)}")
    return {PARAMETERS[name]: digits_of(value) if name == "new_phone" else value for name, value in fields.items()}
