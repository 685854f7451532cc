"""Whom a message is for: phone numbers, and how they differ from the ids that services give people and chats."""

import enum
import re

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    is_valid_number,
    parse,
    region_code_for_number,
)

from botkit.exceptions import AddressError

# What people write between the digits of a number.
_WRITTEN = re.compile(r"\+?[\d\s()./-]+")


class AddressKind(enum.Enum):
    """What names a person's conversation on an account; one kind is never taken for another."""

    PHONE = "phone"  # E.164, as +38591000001
    USER = "user"  # the service's own id of a person
    CONVERSATION = "conversation"  # the service's id of a chat


def parse_phone(text: str, *, country: str = "") -> str:
    """Returns a phone number in E.164, as +385910000001.

    Without a plus it is read as a number of `country`, two capital letters, or else as one that begins with its
    country's code. Raises AddressError for what no telephone of the world can have.
    """
    try:
        number = _parse(text.strip(), country)
    except NumberParseException:
        raise AddressError("this is no phone number", fix="write it as +385910000001") from None
    if not is_possible_number(number):
        raise AddressError("a phone number of this country has another length", fix="write it as +385910000001")
    return format_number(number, PhoneNumberFormat.E164)


def _parse(text: str, country: str) -> PhoneNumber:
    if not _WRITTEN.fullmatch(text):
        raise NumberParseException(NumberParseException.NOT_A_NUMBER, "")
    if text.startswith("+") or not country:
        return parse(text if text.startswith("+") else f"+{text}", None)
    return parse(text, country)


def is_phone(text: str) -> bool:
    """Whether it is a phone number in E.164, as `parse_phone` returns it."""
    try:
        return text.startswith("+") and parse_phone(text) == text
    except AddressError:
        return False


def digits_of(phone: str) -> str:
    """Returns an E.164 number without its plus, as most gateways want it."""
    return phone.removeprefix("+")


def country_of(phone: str) -> str:
    """Returns the country of an E.164 number, two capital letters; empty where the number belongs to none."""
    try:
        number = parse(phone, None)
    except NumberParseException:
        return ""
    found = region_code_for_number(number) if is_valid_number(number) else ""
    return found if found and len(found) == 2 and found.isalpha() else ""
