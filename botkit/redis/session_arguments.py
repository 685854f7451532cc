"""A session's rules as the scripts take them."""

from botkit.session_rules import MICRO, Heard, SessionRules


def count_arguments(rules: SessionRules, expires_ms: int, *, outside: bool) -> list[str | int]:
    """Returns what `count.lua` is told of the rules, in its order."""
    return [
        rules.length_ms,
        rules.max_messages,
        rules.max_in_row,
        rules.max_per_hour,
        expires_ms,
        int(rules.on_max == "block"),
        int(rules.on_in_row == "block"),
        int(rules.starts_with == "first_business_reply"),
        rules.at_limit,
        int(outside),
        f"opened|{int(rules.prices.session * MICRO)}|{rules.prices.currency}",
    ]


def heard_arguments(heard: Heard | None) -> list[str | int]:
    """Returns what `ingest.lua` is told of a person's message, in its order; of one that does not count, only that."""
    if heard is None:
        return [0]
    rules = heard.rules
    return [
        1,
        heard.account,
        heard.known_country,
        round(heard.at.timestamp() * 1000),
        rules.length_ms,
        int(rules.starts_with == "first_user_message"),
        int(rules.window == "sliding"),
        rules.max_in_row if rules.on_in_row == "end_session" else 0,
        rules.max_messages if rules.on_max == "block" else 0,
    ]
