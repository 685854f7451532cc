"""What a type checker sees of an application; read by mypy, never run.

Every line that must be rejected carries an ignore with its code: under `warn_unused_ignores` an ignore that is no
longer needed is itself an error, so a check that stops working is found.
"""

from typing import assert_type

from botkit import (
    After,
    AgentRequested,
    ButtonPressed,
    Context,
    Conversation,
    ConversationResumed,
    ConversationStarted,
    Event,
    Flow,
    MessageReceived,
    Representative,
    Router,
    SignalReceived,
    Subscribed,
    Trigger,
    Unsubscribed,
    _,
    ngettext,
    pgettext,
    telegram,
)
from botkit.channels import telegram as same


class Parcel(Flow):
    states = ("idle", "number", "day")
    ask = Trigger("*", "number")
    found = Trigger("number", "day", conditions="is_known")
    timeouts = {"number": After(minutes=30, trigger="ask")}

    number: str = ""

    def is_known(self) -> bool:
        return bool(self.number)


class Other(Flow):
    pass


router = Router(Parcel)
plain = Router()

# What is right.


@router.text("a", state=("idle", "day"))
async def text(event: MessageReceived, ctx: Context[Parcel]) -> None:
    assert_type(ctx.flow, Parcel)
    assert_type(ctx.flow.ask(), bool)
    assert_type(Parcel.ask, Trigger)
    ctx.flow.number = event.text


@router.button("menu")
@router.command("menu")
@router.started()
async def menu(event: ButtonPressed | MessageReceived | ConversationStarted, ctx: Context[Parcel]) -> None: ...


@router.text("b")
def in_their_language(event: MessageReceived, ctx: Context[Parcel]) -> None:
    assert_type(_("Hello"), str)
    assert_type(pgettext("month", "May"), str)
    assert_type(ngettext("{n} day", "{n} days", 2), str)
    ctx.set_locale("sl")


@router.on((Subscribed, Unsubscribed))
def either(event: Subscribed | Unsubscribed, ctx: Context[Parcel]) -> None: ...


@router.fallback()
@router.on(ButtonPressed, lambda event: event.value == "x")
async def anything(event: Event, ctx: Context[Parcel]) -> None: ...


@router.on(telegram.InlineQuery)
async def search(event: telegram.InlineQuery, ctx: Context[Parcel]) -> None:
    assert_type(event.query, str)


@router.on((same.PaymentReceived, telegram.RefundReceived), lambda event: event.total_amount > 0)
async def money(event: telegram.PaymentReceived | telegram.RefundReceived, ctx: Context[Parcel]) -> None: ...


@router.on(telegram.PaymentReceived)
async def news(event: telegram.ServiceMessage, ctx: Context[Parcel]) -> None: ...
@router.paused()
async def listen(event: MessageReceived | ButtonPressed, ctx: Context[Parcel]) -> None:
    ctx.pause(hours=1, representative=Representative("Ana", "human"))
    ctx.signal(Conversation.parse("telegram:staff:1"), "said")
    assert_type(ctx.tags, frozenset[str])


@router.on(AgentRequested, paused=True)
@router.agent_requested()
async def asked(event: AgentRequested, ctx: Context[Parcel]) -> None: ...


@router.signal("done")
@router.resumed()
async def over(event: SignalReceived | ConversationResumed, ctx: Context[Parcel]) -> None:
    ctx.resume()


@plain.text()
async def without_flow(event: MessageReceived, ctx: Context[Flow]) -> None: ...


@router.error(KeyError)
async def missing(event: Event, ctx: Context[Parcel], error: KeyError) -> None: ...


@router.error()
def failed(event: Event, ctx: Context[Parcel], error: Exception) -> None: ...


# What is wrong.


@router.text("a")  # type: ignore[arg-type]  # the handler of another event
async def wrong_event(event: ButtonPressed, ctx: Context[Parcel]) -> None: ...


@router.on(telegram.InlineQuery)  # type: ignore[arg-type]  # another event of the same channel
async def wrong_query(event: telegram.ShippingQuery, ctx: Context[Parcel]) -> None: ...


@router.button("a")  # type: ignore[arg-type]  # one of two stacked decorators
@router.text("a")
async def wrong_outer_event(event: MessageReceived, ctx: Context[Parcel]) -> None: ...


@router.on((Subscribed, Unsubscribed))  # type: ignore[arg-type]  # only one of the two events
async def half(event: Subscribed, ctx: Context[Parcel]) -> None: ...


@router.fallback()  # type: ignore[arg-type]  # buttons come here too
async def half_fallback(event: MessageReceived, ctx: Context[Parcel]) -> None: ...


@router.paused()  # type: ignore[arg-type]  # buttons come here too
async def half_paused(event: MessageReceived, ctx: Context[Parcel]) -> None: ...


@router.text("a")  # type: ignore[arg-type]  # another flow
async def wrong_flow(event: MessageReceived, ctx: Context[Other]) -> None: ...


@router.text("a")  # type: ignore[arg-type]  # one argument only
async def no_context(event: MessageReceived) -> None: ...


@router.text("a")  # type: ignore[type-var]  # an answer that nobody would send
async def returns_text(event: MessageReceived, ctx: Context[Parcel]) -> str:
    return event.text


@router.error(KeyError)  # type: ignore[arg-type]  # another error
async def wrong_error(event: Event, ctx: Context[Parcel], error: ValueError) -> None: ...


async def mistakes(ctx: Context[Parcel]) -> None:
    ctx.flow.aks()  # type: ignore[attr-defined]
    ctx.flow.numbr = ""  # type: ignore[attr-defined]
    ctx.flow.number = 5  # type: ignore[assignment]
    ctx.flow.state = "day"  # type: ignore[misc]
    router.text(state=5)  # type: ignore[arg-type]
