"""The bots of this service; `bots:app` is what it runs."""

from botkit import App
from bots import parcel

app = App([parcel.bot])
