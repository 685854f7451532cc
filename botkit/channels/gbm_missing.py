"""What Business Messages has and botkit has no word for, with the way to it: `Raw` is sent as it is."""

from collections.abc import Mapping

MISSING: Mapping[str, str] = {
    "forced fallbacks": "`extra=gbm.FORCE_FALLBACK`, for agents that are not launched yet",
    "refreshed pictures, other alternative texts": '`extra={"gbm": {"image": ...}}`, or `Raw`',
    "thumbnails of cards": '`extra={"gbm": {"richCard": ...}}`, or `Raw`',
    "one webhook for several agents": "none: an account is one agent",
    "after a sign-in": "`gbm.SignedIn` brings the code; exchanging it for a token is the handler's own call",
    "welcome messages, conversation starters": "set in the Business Communications console",
    "agents, locations, webhooks": "registered in the console: its API is another one",
    "the way through a gateway": "none: the direct protocol only",
}
