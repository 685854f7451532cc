"""What a phone shows of a message that came through the simulated Mitto, and what its owner can press."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botkit.formatting import parse
from botkit.simulators.mitto_contents import file_name, shown_telegram, viber_parts
from botkit.simulators.mitto_state import Message
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError

Json = Mapping[str, Any]


def bubble_of(message: Message) -> Bubble:
    """Returns a message as its network's application shows it; the kind is the network."""
    return _SHOWN[message.via](message.content)


def find_choice(screen: Sequence[Bubble], label: str) -> Choice:
    """Returns the newest button with this label or value. Raises NotOnScreenError."""
    choices = [choice for bubble in reversed(screen) for row in bubble.choices for choice in row]
    for choice in choices:
        if label in (choice.label, choice.value):
            return choice
    labels = ", ".join(choice.label for choice in choices)
    raise NotOnScreenError(f"there is no such button; the screen has {labels or 'none'}")


def _sms(sms: Json) -> Bubble:
    return Bubble("bot", "sms", sms["text"])


def _viber(viber: Json) -> Bubble:
    parts, file = viber_parts(viber), viber.get("file") or {}
    url = file.get("mediaUrl", "")
    text = viber["text"] if "text" in parts else file.get("fileName") or file_name(url)
    button = viber.get("button")
    rows = [[Choice(button["caption"], "link", button["action"])]] if button else []
    keys = [[_key(button)] for button in viber.get("keyboard", {}).get("Buttons", ())]
    return Bubble("bot", "viber", text, viber.get("mediaUrl") or url, [*rows, *keys])


def _key(button: Json) -> Choice:
    label, value = button.get("Text") or button["ActionBody"], button["ActionBody"]
    return Choice(label, "link" if button.get("ActionType") == "open-url" else "reply", value)


def _telegram(telegram: Json) -> Bubble:
    kind = next(name for name in telegram if name != "silent")
    inside = telegram[kind]
    if kind == "location":
        return Bubble("bot", "telegram", f"{inside['latitude']}, {inside['longitude']}")
    text = inside.get("message" if kind == "text" else "caption", "")
    return Bubble("bot", "telegram", shown_telegram(text, inside.get("parseMode", "Default")), inside.get("url", ""))


def _whatsapp(whatsapp: Json) -> Bubble:
    inside = whatsapp[whatsapp["type"]]
    content = inside[inside["type"]]
    return Bubble("bot", "whatsapp", content if isinstance(content, str) else inside["type"])


def _gbm(gbm: Json) -> Bubble:
    suggestions = [_suggestion(found) for found in gbm.get("suggestions", ())]
    rows = [suggestions] if suggestions else []
    if gbm.get("forceFallback"):
        return Bubble("bot", "gbm", gbm["fallback"])
    if "text" in gbm:
        text = gbm["text"]["message"]
        return Bubble("bot", "gbm", parse(text).text if gbm["text"].get("containsRichText") else text, "", rows)
    if "image" in gbm:
        return Bubble("bot", "gbm", gbm["image"].get("altText", ""), gbm["image"]["fileUrl"], rows)
    cards = [gbm["standaloneCard"]] if "standaloneCard" in gbm else gbm["carouselCard"]["cardContents"]
    words = [card[name] for card in cards for name in ("title", "description") if name in card]
    sources = [card["media"]["contentInfo"]["fileUrl"] for card in cards if "media" in card]
    own = [[_suggestion(found) for found in card["suggestions"]] for card in cards if card.get("suggestions")]
    return Bubble("bot", "gbm", "\n".join(words), sources[0] if sources else "", [*own, *rows])


def _suggestion(suggestion: Json) -> Choice:
    if "reply" in suggestion:
        return Choice(suggestion["reply"]["text"], "reply", suggestion["reply"]["postbackData"])
    action = suggestion["action"]
    return Choice(action["text"], "link", action["openUrlAction"]["url"])


_SHOWN: Mapping[str, Callable[[Json], Bubble]] = {
    "sms": _sms,
    "gbm": _gbm,
    "viber": _viber,
    "telegram": _telegram,
    "whatsapp": _whatsapp,
}
