"""An account on every service, as it is without credentials."""

from collections.abc import Callable, Mapping

from botkit.adapter import Adapter
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.gateways.mitto import Mitto
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.gateways.smsgold import SmsGold

ACCOUNTS: Mapping[str, Callable[[], Adapter]] = {
    "telegram": lambda: Telegram(ta="demo"),
    "viber": lambda: Viber(ta="demo"),
    "gbm": lambda: BusinessMessages(ta="demo"),
    "mitto": lambda: Mitto("sms", ta="demo", sender="BotKit"),
    "rapporto": lambda: Rapporto("sms", ta="demo"),
    "smsc": lambda: Smsc(ta="demo"),
    "smsgold": lambda: SmsGold(ta="demo"),
}
