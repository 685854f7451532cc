"""Contents of every kind within all the rules, for properties that hold of each."""

from typing import Any

from hypothesis import strategies as st

from botkit.chatapps import gbm, telegram, viber
from botkit.chatapps.contents import Content
from botkit.chatapps.gbm import Gbm
from botkit.chatapps.sms import Sms
from botkit.chatapps.telegram import Telegram
from botkit.chatapps.viber import Viber
from botkit.chatapps.whatsapp import WhatsApp

IMAGES = st.sampled_from(["https://cdn.example/a.png", "https://cdn.example/a", "https://cdn.example/b.jpg?v=1"])
PAGES = st.sampled_from(["https://shop.example/", "http://shop.example/?a=1&b=2"])


def words(most: int = 200) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), min_size=1, max_size=most).filter(lambda text: bool(text.strip()))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just("") | strategy


SMS = st.builds(Sms, words(), st.sampled_from(["", "BotKit", "+38599000000009", "1"]))

# --- Viber

_BUTTON = st.builds(
    viber.Button, words(), st.sampled_from(["https://shop.example/", "viber://pa?chatURI=shop", "tel:1"])
)
_FILE = st.builds(viber.File, st.just("https://cdn.example/i.pdf"), st.sampled_from(["", "b.xlsx"]))
_KEY = st.fixed_dictionaries(
    {"ActionBody": words(50), "ActionType": st.sampled_from(["reply", "location-picker", "share-phone"])},
    optional={
        "Columns": st.integers(1, 6),
        "Rows": st.integers(1, 2),
        "Text": words(60),
        "BgColor": st.just("#ffffff"),
        "Silent": st.booleans(),
    },
)
_KEYBOARD = st.fixed_dictionaries(
    {"Type": st.just("keyboard"), "Buttons": st.lists(_KEY, min_size=1, max_size=6)},
    optional={"BgColor": st.just("#00ff00"), "DefaultHeight": st.booleans()},
)
_TTL = st.just(0) | st.integers(30, 1_209_600)
_ANY_TYPE = st.sampled_from(["session", "promotional", "regular"])
_OFFERS = st.sampled_from(["promotional", "regular"])
VIBER = st.one_of(
    st.builds(Viber, st.sampled_from(viber.TYPES), _TTL, words(), keyboard=st.just({}) | _KEYBOARD),
    st.builds(Viber, _ANY_TYPE, _TTL, media_url=IMAGES, keyboard=st.just({}) | _KEYBOARD),
    st.builds(Viber, _ANY_TYPE, _TTL, file=_FILE),
    st.builds(Viber, _OFFERS, _TTL, words(), maybe(IMAGES), _BUTTON),
    st.builds(Viber, _ANY_TYPE, _TTL, keyboard=_KEYBOARD),
)

# --- Telegram

_PLAIN = st.sampled_from(["", "Default"])
_MARKED = st.sampled_from(
    [
        ("<b>Hi</b> &lt;you&gt;", "Html"),
        ("<u>Hi</u>", "Html"),
        ("*Hi*", "Markdown"),
        ("||Hi|| [a](https://x.cz)", "MarkdownV2"),
    ]
)


def _media(*urls: str) -> st.SearchStrategy[telegram.Media]:
    marked = st.builds(lambda url, caption: telegram.Media(url, *caption), st.sampled_from(urls), _MARKED)
    return st.builds(telegram.Media, st.sampled_from(urls), maybe(words()), _PLAIN) | marked


_WORDS = st.builds(telegram.Words, words(), _PLAIN, st.booleans()) | st.builds(
    lambda text, has_none: telegram.Words(text[0], text[1], has_none), _MARKED, st.booleans()
)
TELEGRAM = st.one_of(
    st.builds(Telegram, st.booleans(), text=_WORDS),
    st.builds(Telegram, st.booleans(), photo=_media("https://cdn.example/a", "https://cdn.example/a.jpg")),
    st.builds(Telegram, st.booleans(), document=_media("https://cdn.example/a.pdf", "https://cdn.example/a")),
    st.builds(Telegram, st.booleans(), video=_media("https://cdn.example/a.mp4")),
    st.builds(Telegram, st.booleans(), voice=_media("https://cdn.example/a.ogg")),
    st.builds(Telegram, st.booleans(), location=st.builds(telegram.Place, st.floats(-90, 90), st.floats(-180, 180))),
)

# --- Business Messages

_REPLY = st.builds(gbm.Reply, words(25), st.text(st.characters(codec="utf-8"), min_size=1, max_size=50))
_ACTION = st.builds(gbm.Action, words(25), words(50), st.builds(gbm.OpenUrl, PAGES))
_SUGGESTION = st.builds(gbm.Suggestion, reply=_REPLY) | st.builds(gbm.Suggestion, action=_ACTION)
_PICTURE = st.builds(gbm.Picture, IMAGES, maybe(IMAGES), st.booleans(), maybe(words(30)))


def _suggestions(most: int) -> st.SearchStrategy[tuple[gbm.Suggestion, ...]]:
    return st.lists(_SUGGESTION, max_size=most).map(tuple)


def _cards(*heights: str) -> st.SearchStrategy[gbm.CardContent]:
    media = st.builds(gbm.Media, st.sampled_from(heights), _PICTURE)
    titled = st.builds(gbm.CardContent, words(200), maybe(words()), st.none() | media, _suggestions(4))
    return titled | st.builds(gbm.CardContent, media=media, suggestions=_suggestions(4))


def _carousels(width: str, *heights: str) -> st.SearchStrategy[gbm.CarouselCard]:
    return st.builds(gbm.CarouselCard, st.just(width), st.lists(_cards(*heights), min_size=2, max_size=4).map(tuple))


_REPRESENTATIVE = st.none() | st.builds(
    gbm.Representative, st.sampled_from(["BOT", "HUMAN"]), maybe(words(20)), maybe(IMAGES)
)


def _gbm(**content: st.SearchStrategy[Any]) -> st.SearchStrategy[Gbm]:
    suggested: dict[str, Any] = {"suggestions": _suggestions(13), "representative": _REPRESENTATIVE}
    plain = st.builds(Gbm, **content, **suggested, fallback=maybe(words()))
    return plain | st.builds(Gbm, **content, **suggested, fallback=words(), force_fallback=st.booleans())


_RICH = gbm.Words("See **all** [offers](https://shop.example/)", contains_rich_text=True)
GBM = st.one_of(
    _gbm(text=st.builds(gbm.Words, words()) | st.just(_RICH)),
    _gbm(image=_PICTURE),
    _gbm(standalone_card=_cards("SHORT", "MEDIUM", "TALL")),
    _gbm(carousel_card=_carousels("SMALL", "SHORT", "MEDIUM") | _carousels("MEDIUM", "TALL")),
)

WHATSAPP = st.builds(lambda text: WhatsApp("regular", {"type": "text", "text": text}), words())
MADE: dict[str, st.SearchStrategy[Content]] = {
    "sms": SMS,
    "gbm": GBM,
    "viber": VIBER,
    "telegram": TELEGRAM,
    "whatsapp": WHATSAPP,
}
