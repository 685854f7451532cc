"""The least that botkit's user of a Redis server must be allowed."""

import re

#: Every command that botkit sends, or that one of its scripts runs. None of them sees keys or settings of others.
COMMANDS = (
    # To connect.
    *("hello", "select", "ping"),
    # Scripts: their text is botkit's own, and never made of values.
    *("script|load", "evalsha", "eval"),
    # Strings and keys.
    *("get", "set", "getrange", "setrange", "setbit", "del", "exists", "pexpire", "persist"),
    # Hashes.
    *("hget", "hset", "hsetnx", "hmget", "hgetall", "hkeys", "hvals", "hlen", "hdel", "hexists", "hincrby"),
    # Lists.
    *("rpush", "lpush", "lpop", "blpop", "llen", "lindex", "lrange"),
    # Sets.
    *("sadd", "srem", "sismember"),
    # Sorted sets.
    *("zadd", "zrem", "zscore", "zcard", "zcount", "zrange", "zrevrange", "zrangebyscore", "zrangebylex"),
    "zremrangebyrank",
    # Streams.
    *("xadd", "xdel", "xlen", "xrange", "xtrim"),
    # Looking everything through, a page at a time, for `botkit doctor --audit` and for who is forgotten.
    *("scan", "hscan", "zscan"),
    # The clock that all processes share, and how many replicas have a write.
    *("time", "wait"),
    # In a cluster, to learn which server has a key, and to follow one that is moving.
    *("cluster|slots", "asking"),
)

# What has a meaning in the patterns of Redis.
_MAGIC = re.compile(r"([*?\[\]\\^-])")


def key_patterns(prefix: str) -> list[str]:
    """Returns the patterns that all keys of a store with this prefix have, and no others'."""
    plain = _MAGIC.sub(r"\\\1", prefix.rstrip(":"))
    return [f"{{{plain}:*", f"{plain}:*"]


def acl_rules(prefix: str) -> list[str]:
    """Returns the rules of botkit's user, as `ACL SETUSER` and an ACL file take them, without its password."""
    patterns = [f"~{pattern}" for pattern in key_patterns(prefix)]
    return ["resetkeys", *patterns, "resetchannels", "-@all", *(f"+{command}" for command in COMMANDS)]
