from tests.processes.conftest import OLENA, PUBLIC_URL, Project, Services, replies, until


async def test_a_bot_answers_on_every_service_once_the_set_up_command_has_registered_it(
    project: Project, services: Services
) -> None:
    app = await project.start().until_ready()
    services.front.lead_to(app)
    # Nothing here may call the public address but the services; Google's check is made by the command itself.
    bases = {"telegram": PUBLIC_URL, "viber": PUBLIC_URL, "gbm": app.url}
    commands = [
        project.start("webhook", "set", "--yes", f"--channel={channel}", f"--url={base}")
        for channel, base in bases.items()
    ]
    for command in commands:
        assert await command.until_ended() == 0, command.output
    services.gbm.webhooks["shop-gbm"] = f"{PUBLIC_URL}/webhooks/gbm?ta=shop-gbm"
    for simulator in services.all:
        for text in ("order", "coffee"):
            await simulator.says(f"shop-{simulator.channel}", OLENA, text)
        assert await services.until_replied(simulator, 2) == ["Tea or coffee?", "Here is your coffee."]
    assert "SIMULATED" not in app.output


async def test_no_secret_is_in_what_a_service_says_of_its_work(project: Project, services: Services) -> None:
    app = await project.start("run", "--log=debug").until_ready()
    await services.greet(app)
    for name in ("SHOP_TELEGRAM_TOKEN", "SHOP_TELEGRAM_SECRET", "SHOP_VIBER_TOKEN"):
        assert services.environ[name] not in app.output
    assert "handled" in app.output


async def test_the_sixth_reply_in_a_row_on_viber_arrives_after_the_persons_next_message(
    project: Project, services: Services
) -> None:
    app = await project.start().until_ready()
    services.front.lead_to(app)
    await services.set_webhook("viber")
    await services.viber.says("shop-viber", OLENA, "six")
    five = [f"reply {number}" for number in range(1, 6)]
    assert await services.until_replied(services.viber, len(five)) == five
    await until(lambda: services.viber.wire.deliveries("seen")[4:])
    assert replies(services.viber) == five
    await services.viber.says("shop-viber", OLENA, "thanks")
    assert await services.until_replied(services.viber, len(five) + 2) == [*five, "reply 6", "1: thanks"]
    assert services.viber.violations == []
