"""The parcel bot: which handlers it has and where it answers."""

from botkit import Bot, BusinessMessages, Telegram, Viber
from handlers import note, parcel, person, welcome

bot = Bot(
    "parcel",
    routers=[person.router, welcome.router, parcel.router, note.router],
    accounts=[
        Telegram.from_env("PARCEL_TELEGRAM"),
        Viber.from_env("PARCEL_VIBER"),
        BusinessMessages.from_env("PARCEL_GBM"),
    ],
)
