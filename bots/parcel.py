"""The parcel bot: which handlers it has and where it answers."""

from pathlib import Path

from botkit import Bot, BusinessMessages, Languages, Telegram, Viber
from handlers import language, note, parcel, person, welcome

bot = Bot(
    "parcel",
    routers=[language.router, person.router, welcome.router, parcel.router, note.router],
    languages=Languages(Path(__file__).parents[1] / "locales"),
    accounts=[
        Telegram.from_env("PARCEL_TELEGRAM"),
        Viber.from_env("PARCEL_VIBER"),
        BusinessMessages.from_env("PARCEL_GBM"),
    ],
)
