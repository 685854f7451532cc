from pathlib import Path

from botkit.bot import Bot
from botkit.channels import gbm
from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.messages import Raw
from botkit.router import Router
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.testing import BotTester


async def test_what_only_business_messages_has_reaches_handlers_of_its_own(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    router = Router()

    @router.on(MessageReceived)
    async def ask(event: MessageReceived, ctx: Context[Flow]) -> None:
        oauth = {"clientId": "c", "codeChallenge": "E9Mel", "scopes": ["profile"]}
        message = {"text": "Sign in", "fallback": "f", "suggestions": [{"authenticationRequest": {"oauth": oauth}}]}
        ctx.reply(Raw(channel="gbm", payload=message))

    @router.on(gbm.SignedIn)
    async def welcome(event: gbm.SignedIn, ctx: Context[Flow]) -> None:
        ctx.reply(f"Code {event.code}")

    @router.on(gbm.SignInFailed)
    async def refuse(event: gbm.SignInFailed, ctx: Context[Flow]) -> None:
        ctx.reply(f"Failed: {event.error}")

    @router.on(gbm.SurveyAnswered)
    async def thank(event: gbm.SurveyAnswered, ctx: Context[Flow]) -> None:
        ctx.reply(f"Thank you for {event.rating}")

    @router.on(gbm.FeedbackGiven)
    async def note(event: gbm.FeedbackGiven, ctx: Context[Flow]) -> None:
        ctx.reply(f"Noted: {event.rating}")

    bot = Bot("shop", routers=[router], accounts=[gbm.BusinessMessages.from_env("DEMO", {})])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        ana = tester.user("Ana", channel="gbm")
        google = tester.simulator("gbm")
        assert isinstance(google, BusinessMessagesSimulator)
        await ana.says("hello")
        await google.signs_in(ana.account.ta, ana.person, code="c-7")
        await google.signs_in(ana.account.ta, ana.person, error="ACCESS_DENIED")
        await tester.settle()
        google.sends_survey(ana.account.ta, ana.person)
        await google.answers_survey(ana.account.ta, ana.person, "VERY_SATISFIED")
        await google.emits(ana.account.ta, ana.person, feedbackResponse={"rating": "GOOD"})
        await tester.settle()
        assert ana.received[1:] == ["Code c-7", "Failed: ACCESS_DENIED", "Thank you for VERY_SATISFIED", "Noted: GOOD"]
