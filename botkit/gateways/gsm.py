"""The alphabet of text messages: what one holds in seven bits a letter, and what takes sixteen.

3GPP TS 23.038, section 6.2.1, the default alphabet and its extension table.
"""

# fmt: off
_DEFAULT = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# fmt: on
# Each takes the place of two letters.
_EXTENSION = frozenset("\f^{}\\[~]|€")


def is_gsm(text: str) -> bool:
    """Whether every letter is one of the default alphabet or of its extension: 160 in a message, else 70."""
    return (_DEFAULT | _EXTENSION).issuperset(text)
