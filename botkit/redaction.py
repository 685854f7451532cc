"""Keeps secrets out of everything that is printed, logged or raised."""

import logging
import re
import traceback
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

MASK = "***"

# As long as this, nothing but the secret itself looks like it.
_LONG = 8

# Telegram puts its token into the path of every URL.
_TELEGRAM_TOKEN = re.compile(r"\d{5,}:[A-Za-z0-9_-]{20,}")
# No token is without it, and it is found in a twentieth of the time.
_TOKEN_END = re.compile(r":[A-Za-z0-9_-]{20}")


class Secret:
    """A string that prints as `***`; `reveal()` is the only way to its text.

    Equality takes constant time. It cannot be pickled, and JSON encoders refuse it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Returns the secret itself, to be used at once and never stored."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        # With it comes OpenSSL: three MiB that the parent of the working processes has no use for.
        import hmac

        return isinstance(other, Secret) and hmac.compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a Secret cannot be pickled")


class Redactor:
    """Masks every secret it was told of, and whatever looks like a Telegram token.

    A secret of less than eight characters is masked where it stands alone: inside of other words it would be found
    by chance.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        texts = {secret.reveal() for secret in secrets if secret}
        self._texts = sorted(texts, key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(_pattern_of, self._texts), _TELEGRAM_TOKEN.pattern]))

    def redact(self, text: str) -> str:
        """Returns the text with every secret replaced by `***`."""
        return self._pattern.sub(MASK, text) if self._is_suspect(text) else text

    def _is_suspect(self, text: str) -> bool:
        # A tenth of what the pattern costs, which looks for each secret at each place.
        return any(secret in text for secret in self._texts) or _TOKEN_END.search(text) is not None

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites a log record in place; a `logging.Filter` in all but name. Keeps every record."""
        record.msg, record.args = self.redact(_message(record)), ()
        if record.exc_info:
            # A formatter prefers it to the exception, which stays for those that make an entry of it.
            record.exc_text = self.redact(logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = self.redact(record.stack_info)
        return True

    def processor(self) -> Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]:
        """Returns a structlog processor that masks every value of an entry, nested ones by their text."""

        def redact_entry(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
            for key, value in entry.items():
                if not isinstance(value, (str, int, float, bool, type(None))):
                    entry[key] = str(value)
            texts = [value for value in entry.values() if isinstance(value, str)]
            # Hardly a line holds one: all its values are looked at in one go.
            if self._is_suspect("\n".join(texts)):
                entry.update({key: self.redact(value) for key, value in entry.items() if isinstance(value, str)})
            return entry

        return redact_entry


def frames(error: BaseException) -> str:
    """Returns where an exception came from, innermost last; not its text, which may quote what a person wrote."""
    return " > ".join(f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__))


def _pattern_of(text: str) -> str:
    return re.escape(text) if len(text) >= _LONG else rf"(?<!\w){re.escape(text)}(?!\w)"


def _bytes(secret: Secret) -> bytes:
    # What the environment holds beyond UTF-8 comes as lone surrogates.
    return secret.reveal().encode("utf-8", "surrogatepass")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a log call with the wrong arguments must not fail, nor print them to the side
        return f"{record.msg} {record.args}"
