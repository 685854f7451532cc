"""Words that a bot keeps of a conversation, to find it among others."""

import re

#: How many tags a conversation has at most.
MAX_TAGS = 32

_TAG = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def with_tag(tags: frozenset[str], name: str) -> frozenset[str]:
    """Returns the tags and one more. Raises ValueError for what cannot be one, and for more than 32."""
    if not _TAG.fullmatch(name):
        raise ValueError("a tag has 1 to 64 letters a to z, digits, and the characters _ . : -")
    found = tags | {name}
    if len(found) > MAX_TAGS:
        raise ValueError(f"a conversation has at most {MAX_TAGS} tags; take one away with ctx.untag")
    return found
