"""The failover of the simulated Mitto, on the clock."""

import pytest

from botkit.simulators.mitto_state import Message
from tests.simulators.mitto_rig import ANA, opened


async def test_only_the_first_step_leaves_at_once_and_the_others_are_created() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        ids = (await rig.fails_over("viber", "sms", "whatsapp")).json()
        assert await rig.statuses(ids) == ["Ready", "Created", "Created"]
        assert [len(rig.simulator.sent(ta)) for ta in ("viber", "sms", "whatsapp")] == [1, 0, 0]


async def test_ids_come_in_the_order_of_the_accounts() -> None:
    async with opened() as rig:
        ids = (await rig.fails_over("sms", "viber", "sms2")).json()
        assert [rig.simulator.message(message_id).ta for message_id in ids] == ["sms", "viber", "sms2"]


async def test_the_next_step_starts_exactly_at_the_end_of_the_time() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        ids = (await rig.fails_over("viber", "sms", seconds=45)).json()
        rig.clock.advance(seconds=44)
        before = await rig.statuses(ids)
        rig.clock.advance(seconds=1)
        assert (before, await rig.statuses(ids)) == (["Ready", "Created"], ["Ready", "Ready"])
        first, second = map(rig.simulator.message, ids)
        assert second.updated_at == pytest.approx(first.created_at + 45)


async def test_steps_that_were_all_missed_start_one_after_the_other() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        ids = (await rig.fails_over("viber", "whatsapp", "sms", seconds=45)).json()
        rig.clock.advance(seconds=3600)
        messages = [rig.simulator.message(message_id) for message_id in ids]
        started = [message.updated_at - messages[0].created_at for message in messages]
        assert started == pytest.approx([0, 45, 90])


async def test_no_step_starts_once_the_status_is_reached() -> None:
    async with opened() as rig:
        ids = (await rig.fails_over("viber", "sms")).json()
        rig.clock.advance(days=1)
        assert await rig.statuses(ids) == ["Delivered", "Created"]
        assert (rig.sees("viber"), rig.sees("sms")) == (["Hello"], [])


async def test_what_arrives_at_the_very_end_of_the_time_is_in_time() -> None:
    async with opened() as rig:
        rig.simulator.delivery_seconds = 45
        ids = (await rig.fails_over("viber", "sms", seconds=45)).json()
        rig.clock.advance(seconds=45)
        assert await rig.statuses(ids) == ["Delivered", "Created"]


@pytest.mark.parametrize(("status", "found"), [("Delivered", "Created"), ("Sent", "Created"), ("Seen", "Delivered")])
async def test_the_status_to_wait_for_is_chosen(status: str, found: str) -> None:
    async with opened() as rig:
        ids = (await rig.fails_over("viber", "sms", status=status)).json()
        rig.clock.advance(seconds=45)
        assert await rig.statuses(ids) == ["Delivered", found]


async def test_a_message_that_was_seen_needs_no_other() -> None:
    async with opened() as rig:
        ids = (await rig.fails_over("viber", "sms", status="Seen")).json()
        await rig.simulator.looks("viber", ANA)
        rig.clock.advance(seconds=45)
        assert await rig.statuses(ids) == ["Seen", "Created"]


async def test_telegram_never_reports_so_its_step_always_runs_out() -> None:
    async with opened() as rig:
        ids = (await rig.fails_over("telegram", "sms", destination=rig.address("telegram"))).json()
        rig.clock.advance(seconds=45)
        assert (rig.sees("telegram"), await rig.statuses(ids)) == (["Hello"], ["Ready", "Delivered"])


async def test_a_late_arrival_shows_the_text_twice_and_both_are_reported() -> None:
    async with opened() as rig:
        await rig.registers("viber", "sms")
        rig.simulator.phone_off(ANA)
        ids = (await rig.fails_over("viber", "sms")).json()
        rig.clock.advance(seconds=60)
        rig.simulator.phone_on(ANA)
        await rig.simulator.redeliver()
        assert (rig.sees("viber"), rig.sees("sms")) == (["Hello"], ["Hello"])
        assert [(body["messageId"], body["deliveryStatus"]) for body in rig.customer.told] == [
            (ids[0], "Delivered"),
            (ids[1], "Delivered"),
        ]


async def test_a_late_arrival_of_one_step_stops_the_steps_that_have_not_started() -> None:
    async with opened() as rig:
        rig.simulator.without(ANA, "whatsapp")
        rig.simulator.fails_over_early = False
        rig.simulator.phone_off(ANA)
        ids = (await rig.fails_over("viber", "whatsapp", "sms")).json()
        rig.clock.advance(seconds=60)
        rig.simulator.phone_on(ANA)
        rig.clock.advance(seconds=60)
        assert await rig.statuses(ids) == ["Delivered", "Failure", "Created"]


@pytest.mark.parametrize(("early", "found"), [(True, "Delivered"), (False, "Created")])
async def test_a_step_that_fails_may_start_the_next_at_once(early: bool, found: str) -> None:
    async with opened() as rig:
        rig.simulator.fails_over_early = early
        rig.simulator.without(ANA, "viber")
        ids = (await rig.fails_over("viber", "sms")).json()
        assert await rig.statuses(ids) == ["Failure", found]
        rig.clock.advance(seconds=45)
        assert await rig.statuses(ids) == ["Failure", "Delivered"]
        assert rig.sees("sms") == ["Hello"]


async def test_a_step_that_expires_has_failed_too() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        viber = {"type": "transactional", "text": "Hello", "ttl": 30}
        ids = (await rig.fails_over("viber", "sms", viber=viber)).json()
        rig.clock.advance(seconds=30)
        assert await rig.statuses(ids) == ["Expired", "Ready"]


async def test_steps_that_never_started_vanish_after_sixty_days_and_the_others_stay() -> None:
    async with opened() as rig:
        ids = (await rig.fails_over("viber", "sms", "whatsapp")).json()
        rig.clock.advance(days=59, hours=23)
        before = await rig.statuses(ids)
        rig.clock.advance(hours=1)
        assert (before, await rig.statuses(ids)) == (
            ["Delivered", "Created", "Created"],
            ["Delivered", "gone", "gone"],
        )


async def test_steps_that_never_started_are_in_no_statistics() -> None:
    async with opened() as rig:
        await rig.fails_over("viber", "sms")
        assert (rig.simulator.statistics("viber"), rig.simulator.statistics("sms")) == ({"Delivered": 1}, {})


async def test_a_webhook_hears_of_a_step_that_starts_when_it_is_told_so() -> None:
    async with opened() as rig:
        await rig.registers("sms")
        rig.simulator.told |= {"Ready"}
        rig.simulator.without(ANA, "viber")
        await rig.fails_over("viber", "sms")
        await rig.simulator.redeliver()
        assert rig.customer.statuses == ["Ready", "Delivered"]


async def test_a_failover_goes_on_after_a_restart() -> None:
    async with opened() as rig, opened() as other:
        rig.simulator.phone_off(ANA)
        ids = (await rig.fails_over("viber", "sms")).json()
        other.simulator.restore(rig.simulator.snapshot())
        other.clock.advance(seconds=45)
        assert await other.statuses(ids) == ["Ready", "Ready"]


def test_an_ending_is_no_stage_on_the_way_to_a_status() -> None:
    message = Message("m", "ta", "sms", "385", "385", {}, 0, 0)
    reached = {}
    for status in ("Created", "Ready", "Sent", "Delivered", "Seen", "Failure", "Expired"):
        message.status = status
        reached[status] = message.has_reached("Delivered")
    assert [status for status, is_reached in reached.items() if is_reached] == ["Delivered", "Seen"]
