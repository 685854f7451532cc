"""A bot: its routers and the accounts it answers on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from botkit.adapter import Adapter
from botkit.delivery_route import DeliveryRoute, Leg, route_of
from botkit.exceptions import DefinitionError
from botkit.handoff import HandoffPolicy
from botkit.language_checks import handler_problems
from botkit.languages import Languages
from botkit.route_table import RouteTable
from botkit.router import Router

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class Bot:
    """What a file in `bots/` builds.

    An account without a `ta` of its own gets `<bot>-<channel>`. Routes are checked here: a state that does not exist,
    a doubled or unreachable route raises RouteError with file, line and fix. With `languages`, `_()` in handlers speaks
    the language of each person, and an `_()` that cannot be translated raises DefinitionError. `handoff` says how
    long a conversation is left to a human. `routes` are the ways that a message may be sent by their names, with
    `ctx.reply(..., route="urgent")`; whoever they go through is an account of the bot as well.
    """

    def __init__(
        self,
        name: str,
        *,
        routers: Sequence[Router[Any]],
        accounts: Sequence[Adapter],
        languages: Languages | None = None,
        handoff: HandoffPolicy | None = None,
        routes: Mapping[str, DeliveryRoute[Adapter] | Leg[Adapter] | Adapter] | None = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise DefinitionError(
                f"{name!r} cannot be a bot's name", fix="use up to 32 small letters, digits and hyphens"
            )
        self.name = name
        self.routes = {name: route_of(given) for name, given in (routes or {}).items()}
        legs = (leg.adapter for route in self.routes.values() for leg in route.legs)
        self.accounts = tuple({id(adapter): adapter for adapter in (*accounts, *legs)}.values())
        self.table = RouteTable(routers)
        self.languages = languages
        self.handoff = handoff or HandoffPolicy()
        problems = list(handler_problems(self.table.routes)) if languages else []
        if problems:
            raise DefinitionError("some texts cannot be translated:\n" + "\n".join(problems))
        for account in self.accounts:
            account.ta = account.ta or f"{name}-{account.channel}"
            account.owner = name
        if len({account.account for account in self.accounts}) < len(self.accounts):
            raise DefinitionError(
                f"bot {name!r} has two accounts of one channel with the same id",
                fix="give each a `ta` of its own (the setting <PREFIX>_TA)",
            )

    def __repr__(self) -> str:
        return f"Bot({self.name!r})"
