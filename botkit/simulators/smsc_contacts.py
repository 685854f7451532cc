"""The address book of the simulated SMSC: contacts, groups and the blacklist, at `/sys/phones.php`."""

from collections.abc import Callable, Mapping, Sequence

from botkit.simulators.smsc_formats import (
    FAILED,
    PARAMETERS,
    Call,
    RefusedError,
    Value,
    write_created,
    write_done,
    write_list,
)
from botkit.simulators.smsc_recipients import read_phone
from botkit.simulators.smsc_servers import Servers, not_found
from botkit.simulators.smsc_state import Barred, Client, Contact, Group

#: What of a contact may be given, and its name in lists, in their order.
FIELDS: Mapping[str, str] = {
    "fnm": "first_name",
    "lnm": "last_name",
    "mnm": "middle_name",
    "bd": "birthday",
    "myid": "id",
    "cmt": "comments",
    "tags": "tags",
    "pho": "phone_other",
}
SET, ADD, REMOVE = 1, 2, 3

Act = Callable[[Client, Call], str]


class Contacts:
    """Answers what is asked of the address book."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def answer(self, client: Client, call: Call) -> str:
        """Carries out the command that is among the parameters. Raises RefusedError."""
        commands = self._servers.commands
        acts: Mapping[str, Act] = {
            "add": self._add,
            "chg": self._change,
            "move_group": self._move,
            "del": self._delete,
            "get": self._list,
            "add_group": self._add_group,
            "chg_group": self._rename_group,
            "del_group": self._delete_group,
            commands["list groups"]: self._list_groups,
            commands["add to blacklist"]: self._bar,
            commands["delete from blacklist"]: self._unbar,
            commands["list blacklist"]: self._list_blacklist,
        }
        asked = [name for name in acts if call.get(name) not in ("", "0")]
        if len(asked) != 1 or not (call.get(asked[0]) == "1" or asked[0] == "move_group"):
            raise RefusedError(PARAMETERS, "parameters error: command")
        return acts[asked[0]](client, call)

    # Contacts

    def _add(self, client: Client, call: Call) -> str:
        phones, groups = _phones(call, "phone"), _groups(client, call)
        contact = _find(client, phones[0])
        if contact and self._servers.refuses_doubles:
            raise RefusedError(FAILED, "operation failed: there is such a contact")
        if contact is None:
            contact = Contact(self._servers.next_record(), phones)
            client.contacts.append(contact)
        contact.fields |= _given(call)
        contact.groups += [group for group in groups if group not in contact.groups]
        return write_created(call.fmt, contact.id, "phone")

    def _change(self, client: Client, call: Call) -> str:
        contact = _require(client, _phones(call, "phone")[0])
        if call.get("new_phone"):
            contact.phones = _phones(call, "new_phone")
        contact.fields |= _given(call)
        if call.get("grp"):
            contact.groups = _groups(client, call)
        return write_done(call.fmt)

    def _move(self, client: Client, call: Call) -> str:
        how = call.number("move_group", 0, least=SET, most=REMOVE)
        call.require("grp")
        groups = _groups(client, call)
        contacts = [_require(client, phone) for phone in _phones(call, "phone")]
        for contact in contacts:
            kept = [] if how == SET else [group for group in contact.groups if group not in groups]
            contact.groups = kept if how == REMOVE else [*kept, *groups]
        return write_done(call.fmt)

    def _delete(self, client: Client, call: Call) -> str:
        gone = [_require(client, phone) for phone in _phones(call, "phone")]
        client.contacts = [contact for contact in client.contacts if contact not in gone]
        return write_done(call.fmt)

    def _list(self, client: Client, call: Call) -> str:
        # A row has one group: whoever is in several has as many rows.
        rows = [self._row(contact, group) for contact in client.contacts for group in contact.groups or [0]]
        return write_list(call.fmt, "contact", _some(rows))

    def _row(self, contact: Contact, group: int) -> Mapping[str, Value]:
        known = {"phone": self._servers.phone_separator.join(contact.phones), "name": contact.fields.get("name", "")}
        rest = {shown: contact.fields.get(name, "") for name, shown in FIELDS.items()}
        return {**known, "group": group, **rest}

    # Groups

    def _add_group(self, client: Client, call: Call) -> str:
        name = call.require("name")
        numbers = [group.number for group in client.groups]
        number = call.number("num", max(numbers, default=0) + 1, least=1, most=2**31 - 1)
        if number in numbers:
            raise RefusedError(FAILED, "operation failed: there is a group with this number")
        group = Group(self._servers.next_record(), name, number)
        client.groups.append(group)
        return write_created(call.fmt, group.id, "group")

    def _rename_group(self, client: Client, call: Call) -> str:
        group = _group(client, call.require("grp"))
        group.name = call.require("name")
        return write_done(call.fmt)

    def _delete_group(self, client: Client, call: Call) -> str:
        group = _group(client, call.require("grp"))
        client.groups.remove(group)
        for contact in client.contacts:
            contact.groups = [each for each in contact.groups if each != group.id]
        return write_done(call.fmt)

    def _list_groups(self, client: Client, call: Call) -> str:
        rows: list[Mapping[str, Value]] = [
            {
                "id": group.id,
                "name": group.name,
                "number": group.number,
                "cnt": str(sum(group.id in contact.groups for contact in client.contacts)),
            }
            for group in client.groups
        ]
        return write_list(call.fmt, "group", _some(rows))

    # The blacklist

    def _bar(self, client: Client, call: Call) -> str:
        kind = call.number("type", 0, least=0, most=2)
        (phone,) = _phones(call, "phone")[:1]
        record = Barred(self._servers.next_record(), phone, kind, call.get("comment"))
        client.blacklist.append(record)
        return write_created(call.fmt, record.id, "phone")

    def _unbar(self, client: Client, call: Call) -> str:
        found = [record for record in client.blacklist if str(record.id) == call.require("id")]
        if not found:
            raise not_found()
        client.blacklist.remove(found[0])
        return write_done(call.fmt)

    def _list_blacklist(self, client: Client, call: Call) -> str:
        rows: list[Mapping[str, Value]] = [
            {"id": record.id, "phone": record.phone, "type": record.type, "comment": record.comment}
            for record in client.blacklist
        ]
        return write_list(call.fmt, "record", _some(rows))


def _some(rows: Sequence[Mapping[str, Value]]) -> Sequence[Mapping[str, Value]]:
    if not rows:
        raise not_found()
    return rows


def _phones(call: Call, name: str) -> list[str]:
    phones = [read_phone(part) for part in call.require(name).split(",")]
    if not all(phones):
        raise RefusedError(PARAMETERS, f"parameters error: {name}")
    return phones


def _given(call: Call) -> dict[str, str]:
    return {name: call.get(name) for name in ("name", *FIELDS) if name in call.fields}


def _groups(client: Client, call: Call) -> list[int]:
    return [_group(client, part).id for part in call.get("grp").split(",") if part]


def _group(client: Client, text: str) -> Group:
    found = next((group for group in client.groups if str(group.id) == text.strip()), None)
    if found is None:
        raise not_found()
    return found


def _find(client: Client, phone: str) -> Contact | None:
    return next((contact for contact in client.contacts if phone in contact.phones), None)


def _require(client: Client, phone: str) -> Contact:
    found = _find(client, phone)
    if found is None:
        raise not_found()
    return found
