"""What Telegram has and botkit has no word for, with the way to it: `Raw` names any method of the Bot API.

https://core.telegram.org/bots/api#available-methods
"""

from collections.abc import Mapping

MISSING: Mapping[str, str] = {
    "answers of calls": "`Raw` makes the call; what `getChat` and its like answer is not told to handlers",
    "options of one method": "`extra` takes each: `has_spoiler`, `message_effect_id`, `allow_paid_broadcast`, `vcard`",
    "replies with a quote or into another chat": "`extra` with `reply_parameters`",
    "other edits": "`Raw` with `editMessageMedia`, `stopPoll`, or for messages of inline mode",
    "other buttons": "web apps, inline queries, copying, paying, asking for a chat: `extra` with a `reply_markup`",
    "other formatting": "underlines, spoilers, custom emoji, dates: `extra` with `entities`, or `Raw`",
    "other inline results": "`telegram.article` makes texts; the others are given in Telegram's words",
    "thumbnails and covers": "Telegram takes them as uploads only: they are not sent",
    "live locations": "`telegram.live_location`; `Raw` with `editMessageLiveLocation` moves one",
    "rich and ephemeral messages": "`Raw`",
    "paid media, gifts, Stars": "`Raw` with `sendPaidMedia`, `sendGift`, `refundStarPayment`",
    "stories": "`Raw` with `postStory`, for a business account",
    "business accounts": "replies only; `Raw` with `readBusinessMessage`, `setBusinessAccountName` and their like",
    "checklists and games": "`Raw` with `sendChecklist`, `sendGame`, `setGameScore`",
    "sticker sets": "`Raw` with `createNewStickerSet` and its like",
    "uploads by `Raw`": "none: it takes addresses and file ids",
    "Telegram Passport": "the data arrive as `telegram.ServiceMessage`; `Raw` with `setPassportDataErrors`",
    "running a chat": "`Raw` with `banChatMember`, `createForumTopic`, `createChatInviteLink` and their like",
    "the bot's profile": "`telegram.set_commands`; `Raw` with `setMyDescription` and its like, or @BotFather",
    "managed bots": "`Raw`; a bot that was made so is an account of its own",
    "long polling": "none: updates come by webhook",
    "webhook options": "no certificate of one's own, no fixed address, no dropping of what waits; 40 connections",
    "calls in the webhook's answer": "none: their outcome would never be told",
    "larger files": "none: on a server of one's own the bounds of the public one hold",
    "the test environment": "none: its addresses have another form",
}
