"""A bakery that takes orders: one module of handlers, whatever service its guests come by."""

from botkit import (
    After,
    AgentRequested,
    AskAgent,
    AskContact,
    AskLocation,
    Button,
    ButtonPressed,
    Card,
    Carousel,
    Context,
    File,
    Flow,
    Image,
    MessageReceived,
    Router,
    TimerFired,
    Trigger,
    _,
)

CAKES = (
    *("Almond", "Apple", "Apricot", "Banana", "Carrot", "Cherry", "Chocolate", "Hazelnut"),
    *("Honey", "Lemon", "Orange", "Pear", "Plum", "Poppy seed", "Walnut"),
)
#: What stands behind the buttons of a day: longer than what Telegram takes.
MORNING = "2030-05-17T09:00/12:00;route=centre;cooled=yes;ring=twice;else=leave-it-with-the-neighbour"
EVENING = "2030-05-17T17:00/20:00;route=centre;cooled=yes;ring=twice;else=leave-it-with-the-neighbour"
TERMS = "\n\n".join(
    f"{number}. Cake is best on the day it was baked. Whoever keeps it longer keeps it cool, dry and out of sight of "
    "children; the bakery answers for the cake until it is handed over, and for the tin as long as it is a tin."
    for number in range(1, 41)
)


class Order(Flow):
    """A cake, how it is wrapped, where it goes; `heard` is what each handler was told, in order."""

    states = ("idle", "cake", "box", "place", "phone", "day", "terms", "photo", "payment")
    order = Trigger("*", "cake")
    choose = Trigger("cake", "box")
    wrap = Trigger("box", "place")
    find = Trigger("place", "phone")
    call = Trigger("phone", "day")
    plan = Trigger("day", "terms")
    agree = Trigger("terms", "photo")
    draw = Trigger("photo", "payment")
    give_up = Trigger("payment", "idle")
    timeouts = {"payment": After(minutes=30, trigger="give_up")}

    cake: str = ""
    heard: tuple[str, ...] = ()


router = Router(Order)


@router.command("order")
async def order(event: MessageReceived, ctx: Context[Order]) -> None:
    ctx.flow.heard = ("order",)
    ctx.flow.order()
    ctx.reply("**Welcome!** Which _cake_ may it be?", buttons=[Button(cake, f"cake:{cake}") for cake in CAKES])


@router.button("cake:{cake}", state="cake")
async def chosen(event: ButtonPressed, ctx: Context[Order]) -> None:
    ctx.flow.heard += (f"cake {ctx.match['cake']}",)
    ctx.flow.cake = ctx.match["cake"]
    ctx.flow.choose()
    ctx.reply(
        Carousel(
            cards=(
                box("Paper bag", "Free, and gone by tomorrow."),
                box("Cardboard box", "1 EUR. Stands on a shelf."),
                box("Tin", "4 EUR. Outlives the cake."),
            )
        )
    )


def box(title: str, description: str) -> Card:
    name = title.lower().replace(" ", "-")
    picture = f"https://bakery.example/{name}.jpg"
    return Card(title=title, description=description, image=picture, buttons=((Button(title, f"box:{name}"),),))


@router.button("box:{box}", state="box")
async def wrapped(event: ButtonPressed, ctx: Context[Order]) -> None:
    ctx.flow.heard += (f"box {ctx.match['box']}",)
    ctx.flow.wrap()
    ctx.reply(Image(source="https://bakery.example/shop.jpg", caption="Baked **here**, since 1911."))
    ctx.reply("Where shall we bring it?", buttons=[AskLocation("Send my place")])


@router.location(state="place")
async def placed(event: MessageReceived, ctx: Context[Order]) -> None:
    point = event.location
    await found(ctx, f"{point.latitude}, {point.longitude}" if point else "")


@router.text(r"^-?\d+\.\d+, -?\d+\.\d+$", state="place")
async def place_written(event: MessageReceived, ctx: Context[Order]) -> None:
    await found(ctx, event.text)


async def found(ctx: Context[Order], place: str) -> None:
    ctx.flow.heard += (f"place {place}",)
    ctx.flow.find()
    ctx.reply("Whom may the driver call?", buttons=[AskContact("Share my number")])


@router.contact(state="phone")
async def number_shared(event: MessageReceived, ctx: Context[Order]) -> None:
    await called(ctx, event.contact.phone if event.contact else "")


@router.text(r"^\+?\d{8,15}$", state="phone")
async def number_written(event: MessageReceived, ctx: Context[Order]) -> None:
    await called(ctx, event.text)


async def called(ctx: Context[Order], phone: str) -> None:
    ctx.flow.heard += (f"phone {phone.removeprefix('+')}",)
    ctx.flow.call()
    days = [Button("Tomorrow, between nine and noon", MORNING), Button("Tomorrow, from five to eight", EVENING)]
    ctx.reply("When shall we come?", buttons=days)


@router.button("{day}", state="day")
async def planned(event: ButtonPressed, ctx: Context[Order]) -> None:
    ctx.flow.heard += (f"day {ctx.match['day']}",)
    ctx.flow.plan()
    ctx.reply(File(source="https://bakery.example/prices.pdf", name="prices.pdf", size=20_480, caption="Our prices"))
    ctx.reply(TERMS, buttons=[Button("I agree", "agree"), AskAgent("Talk to a person")])


@router.agent_requested(state="terms")
async def asked(event: AgentRequested, ctx: Context[Order]) -> None:
    ctx.flow.heard += ("agent",)
    ctx.reply("Marija will write to you. Do you agree with the rest?", buttons=[Button("I agree", "agree")])


@router.button("agree", state="terms")
async def agreed(event: ButtonPressed, ctx: Context[Order]) -> None:
    ctx.flow.heard += ("agreed",)
    ctx.flow.agree()
    ctx.reply("What shall we draw on it? Send us a photo.")


@router.photo(state="photo")
async def drawn(event: MessageReceived, ctx: Context[Order]) -> None:
    ctx.flow.heard += ("photo",)
    ctx.flow.draw()
    ctx.reply(_("Thank you! Pay at the shop within half an hour."))


@router.text(r"(?i)^po slovensko$")
async def speak_slovene(event: MessageReceived, ctx: Context[Order]) -> None:
    ctx.flow.heard += ("slovene",)
    ctx.set_locale("sl")
    ctx.reply(_("Thank you! Pay at the shop within half an hour."))


@router.timeout("payment")
async def forgotten(event: TimerFired, ctx: Context[Order]) -> None:
    ctx.flow.heard += ("forgotten",)
    ctx.reply(_("Nobody paid for the {cake} cake: the order is given up.").format(cake=ctx.flow.cake.lower()))


@router.fallback()
async def unheard(event: MessageReceived | ButtonPressed, ctx: Context[Order]) -> None:
    ctx.flow.heard += ("?",)
    ctx.reply("I did not understand that.")
