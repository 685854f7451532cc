"""What Viber has and botkit has no word for, with the way to it: `Raw` is sent as it is.

https://developers.viber.com/docs/api/rest-bot-api
"""

from collections.abc import Mapping

MISSING: Mapping[str, str] = {
    "answers of calls": "`Raw` makes the call; what `get_user_details` and `get_online` answer is not told to handlers",
    "payments": '`Raw` with `{"type": "payment", ...}`; `viber.ClientStatusChanged` tells of them',
    "link messages": 'a text with the address, or `Raw` with `{"type": "url", "media": ...}`',
    "a keyboard alone": '`Raw` with `{"keyboard": ...}`',
    "captions of films": "they follow as a text: not every Viber shows them",
    "buttons that open a map": '`extra=viber.look(action="open-map", map=...)` of a button',
    "tiles of rich media": "`viber.rich_media`",
    "tracking data": '`extra={"viber": {"tracking_data": ...}}`, in place of the labels that botkit keeps there',
    "inline bots": "none: `chat_id` and `reply_type` are in `event.raw`",
    "posts to public chats": "none: Viber retired them",
    "choosing callbacks": "none: all are registered, with names and pictures",
    "messages to phone numbers": "none: Viber Business Messages are another product, sold through gateways",
}
