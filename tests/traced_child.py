"""A process whose spans are kept: does one part of an event's way on a store, and prints the spans as JSON.

Run as `python -m tests.traced_child takes|handles|sends|all URL PREFIX`.
"""

import asyncio
import json
import sys

import httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.routing import Route

from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.receiver import Receiver, Webhooks
from botkit.router import Router
from tests.desk import NOT_SENT, Desk, Process, bot

WORDS = "canary words"

router = Router()


@router.text("fail")
async def fails(event: MessageReceived, ctx: Context[Flow]) -> None:
    raise ValueError(event.text)


@router.text()
async def answers(event: MessageReceived, ctx: Context[Flow]) -> None:
    with trace.get_tracer("tests").start_as_current_span("in the handler"):
        ctx.reply(event.text)


async def post(process: Process, desk: Desk, *texts: str) -> None:
    receiver = Receiver([desk], process.engine, process.store, process.clock)
    app = Starlette(routes=[Route("/webhooks/{channel}", Webhooks(receiver.serve), methods=["POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bots") as client:
        for text in texts:
            headers = {"x-desk": "genuine", "traceparent": f"00-{'f' * 32}-{'f' * 16}-01"}
            answer = await client.post("/webhooks/desk?ta=desk", content=text, headers=headers)
            assert answer.status_code == 200


async def work(part: str, url: str, prefix: str) -> None:
    desk = Desk()
    role = "web" if part == "takes" else "all"
    async with Process(url, bot(router, desk), prefix=prefix, role="web" if role == "web" else "all") as process:
        if part == "handles":
            desk.plan.append(NOT_SENT)
        if part == "sends":
            # By now it is due again.
            process.clock.advance(seconds=30)
        if part in ("takes", "all", "fails"):
            await post(process, desk, *{"takes": [WORDS], "all": [f"{WORDS} 1", f"{WORDS} 2"], "fails": ["fail"]}[part])
        if part != "takes":
            await process.engine.settle()


def main() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    asyncio.run(work(*sys.argv[1:]))
    print("spans", json.dumps([json.loads(span.to_json()) for span in exporter.get_finished_spans()]))  # noqa: T201


if __name__ == "__main__":
    main()
