"""botkit runs conversational bots as a long-lived service.

    from botkit import App, Bot, Router, Telegram, Viber

See README.md for a whole bot in forty lines.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botkit.app import App
    from botkit.bot import Bot
    from botkit.broadcast import Segment
    from botkit.broadcaster import Broadcaster
    from botkit.buttons import AskAgent, AskContact, AskLocation, Button, Dial, Link, Login
    from botkit.channels import gbm, telegram, viber
    from botkit.channels.gbm import BusinessMessages
    from botkit.channels.telegram import Telegram
    from botkit.channels.viber import Viber
    from botkit.context import Context
    from botkit.conversation import Account, Conversation, User
    from botkit.decisions import Handle
    from botkit.delivery_route import DeliveryRoute
    from botkit.events import (
        AgentRequested,
        BroadcastFinished,
        BroadcastProgressed,
        ButtonPressed,
        ConversationResumed,
        ConversationStarted,
        Event,
        Media,
        MessageDelivered,
        MessageExpired,
        MessageFailed,
        MessageReceived,
        MessageSeen,
        Point,
        SharedContact,
        SignalReceived,
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
        DownloadError,
        FlowError,
        IllegalMoveError,
        MessageError,
        RouteError,
        ServiceError,
        SettingsError,
    )
    from botkit.flow import After, Flow, State, Trigger
    from botkit.formatting import escape
    from botkit.gateways.mitto import Mitto
    from botkit.gateways.rapporto import Rapporto
    from botkit.gateways.smsc import Smsc
    from botkit.gateways.smsgold import SmsGold
    from botkit.handoff import HandoffPolicy
    from botkit.http_client import Download
    from botkit.languages import Languages, _, ngettext, pgettext
    from botkit.messages import (
        Album,
        Audio,
        Card,
        Carousel,
        Contact,
        Delete,
        Edit,
        File,
        Image,
        Joined,
        Left,
        Location,
        Message,
        Raw,
        Representative,
        Sticker,
        Text,
        Typing,
        Video,
        Voice,
    )
    from botkit.router import Router
    from botkit.session_rules import Prices, SessionRules
    from botkit.sessions import Session
    from botkit.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Account",
    "After",
    "AgentRequested",
    "Album",
    "App",
    "AskAgent",
    "AskContact",
    "AskLocation",
    "Audio",
    "Bot",
    "BotkitError",
    "BroadcastFinished",
    "BroadcastProgressed",
    "Broadcaster",
    "BusinessMessages",
    "Button",
    "ButtonPressed",
    "Card",
    "Carousel",
    "Contact",
    "Context",
    "Conversation",
    "ConversationResumed",
    "ConversationStarted",
    "DefinitionError",
    "Delete",
    "DeliveryRoute",
    "Dial",
    "Download",
    "DownloadError",
    "Edit",
    "Event",
    "File",
    "Flow",
    "FlowError",
    "Handle",
    "HandoffPolicy",
    "IllegalMoveError",
    "Image",
    "Joined",
    "Languages",
    "Left",
    "Link",
    "Location",
    "Login",
    "Media",
    "Message",
    "MessageDelivered",
    "MessageError",
    "MessageExpired",
    "MessageFailed",
    "MessageReceived",
    "MessageSeen",
    "Mitto",
    "Point",
    "Prices",
    "Rapporto",
    "Raw",
    "Representative",
    "RouteError",
    "Router",
    "Segment",
    "ServiceError",
    "Session",
    "SessionRules",
    "Settings",
    "SettingsError",
    "SharedContact",
    "SignalReceived",
    "SmsGold",
    "Smsc",
    "State",
    "Sticker",
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
    "Video",
    "Voice",
    "_",
    "__version__",
    "escape",
    "gbm",
    "ngettext",
    "pgettext",
    "telegram",
    "viber",
]

# Where each name is. A module is imported when a name of it is first used: a command loads no more than it needs.
_MODULES = {
    "app": "App",
    "bot": "Bot",
    "broadcast": "Segment",
    "broadcaster": "Broadcaster",
    "buttons": "AskAgent AskContact AskLocation Button Dial Link Login",
    "channels": "gbm telegram viber",
    "channels.gbm": "BusinessMessages",
    "channels.telegram": "Telegram",
    "channels.viber": "Viber",
    "context": "Context",
    "conversation": "Account Conversation User",
    "decisions": "Handle",
    "delivery_route": "DeliveryRoute",
    "events": (
        "AgentRequested BroadcastFinished BroadcastProgressed ButtonPressed ConversationResumed ConversationStarted "
        "Event Media MessageDelivered MessageExpired MessageFailed MessageReceived MessageSeen Point SharedContact "
        "SignalReceived Subscribed TimerFired TypingStarted TypingStopped UnknownEvent Unsubscribed"
    ),
    "exceptions": (
        "BotkitError DefinitionError DownloadError FlowError IllegalMoveError MessageError RouteError "
        "ServiceError SettingsError"
    ),
    "flow": "After Flow State Trigger",
    "formatting": "escape",
    "gateways.mitto": "Mitto",
    "gateways.rapporto": "Rapporto",
    "gateways.smsc": "Smsc",
    "gateways.smsgold": "SmsGold",
    "handoff": "HandoffPolicy",
    "http_client": "Download",
    "languages": "Languages _ ngettext pgettext",
    "messages": (
        "Album Audio Card Carousel Contact Delete Edit File Image Joined Left Location Message Raw "
        "Representative Sticker Text Typing Video Voice"
    ),
    "router": "Router",
    "session_rules": "Prices SessionRules",
    "sessions": "Session",
    "settings": "Settings",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'botkit' has no attribute {name!r}")
    home = f"botkit.{_HOMES[name]}"
    # What is in `channels` is a module itself, with the words that only its service has.
    found: object = import_module(f"{home}.{name}") if home == "botkit.channels" else getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
