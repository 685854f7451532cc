"""botkit runs conversational bots as a long-lived service.

    from botkit import App, Bot, Router, Telegram, Viber

See README.md for a whole bot in forty lines.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botkit.app import App
    from botkit.bot import Bot
    from botkit.channels.gbm import BusinessMessages
    from botkit.channels.telegram import Telegram
    from botkit.channels.viber import Viber
    from botkit.context import Context, Handle
    from botkit.conversation import Account, Conversation, User
    from botkit.events import (
        AgentRequested,
        ButtonPressed,
        Card,
        ConversationStarted,
        Event,
        Media,
        MessageDelivered,
        MessageFailed,
        MessageReceived,
        MessageSeen,
        Point,
        Subscribed,
        TimerFired,
        TypingStarted,
        TypingStopped,
        UnknownEvent,
        Unsubscribed,
    )
    from botkit.exceptions import (
        BotkitError,
        DefinitionError,
        FlowError,
        IllegalMoveError,
        MessageError,
        RouteError,
        ServiceError,
        SettingsError,
    )
    from botkit.flow import After, Flow, State, Trigger
    from botkit.formatting import escape
    from botkit.messages import Button, File, Image, Link, Location, Message, Raw, Text, Typing
    from botkit.router import Router
    from botkit.session_rules import Prices, SessionRules
    from botkit.sessions import Session
    from botkit.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Account",
    "After",
    "AgentRequested",
    "App",
    "Bot",
    "BotkitError",
    "BusinessMessages",
    "Button",
    "ButtonPressed",
    "Card",
    "Context",
    "Conversation",
    "ConversationStarted",
    "DefinitionError",
    "Event",
    "File",
    "Flow",
    "FlowError",
    "Handle",
    "IllegalMoveError",
    "Image",
    "Link",
    "Location",
    "Media",
    "Message",
    "MessageDelivered",
    "MessageError",
    "MessageFailed",
    "MessageReceived",
    "MessageSeen",
    "Point",
    "Prices",
    "Raw",
    "RouteError",
    "Router",
    "ServiceError",
    "Session",
    "SessionRules",
    "Settings",
    "SettingsError",
    "State",
    "Subscribed",
    "Telegram",
    "Text",
    "TimerFired",
    "Trigger",
    "Typing",
    "TypingStarted",
    "TypingStopped",
    "UnknownEvent",
    "Unsubscribed",
    "User",
    "Viber",
    "__version__",
    "escape",
]

# Where each name is. A module is imported when a name of it is first used: a command loads no more than it needs.
_MODULES = {
    "app": "App",
    "bot": "Bot",
    "channels.gbm": "BusinessMessages",
    "channels.telegram": "Telegram",
    "channels.viber": "Viber",
    "context": "Context Handle",
    "conversation": "Account Conversation User",
    "events": (
        "AgentRequested ButtonPressed Card ConversationStarted Event Media MessageDelivered "
        "MessageFailed MessageReceived MessageSeen Point Subscribed TimerFired TypingStarted "
        "TypingStopped UnknownEvent Unsubscribed"
    ),
    "exceptions": (
        "BotkitError DefinitionError FlowError IllegalMoveError MessageError RouteError ServiceError SettingsError"
    ),
    "flow": "After Flow State Trigger",
    "formatting": "escape",
    "messages": "Button File Image Link Location Message Raw Text Typing",
    "router": "Router",
    "session_rules": "Prices SessionRules",
    "sessions": "Session",
    "settings": "Settings",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'botkit' has no attribute {name!r}")
    found: object = getattr(import_module(f"botkit.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
