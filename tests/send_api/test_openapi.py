"""The document tells the truth: its examples are taken, and no request is answered otherwise than it says."""

import json
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from botkit.app import App
from botkit.chatapps.requests import read_request
from botkit.redaction import Secret
from botkit.router import Router
from botkit.send_api.bulk_openapi import BULK_EXAMPLES
from botkit.send_api.openapi import EXAMPLES, document
from botkit.send_api.orders import LATER, OPTIONS
from botkit.settings import Settings
from tests.desk import bot
from tests.send_api.conftest import KEYS, SHOP_KEY, Counter, hello, many_hello

SCHEMA = schemathesis.openapi.from_dict(json.loads(document()))
OPERATIONS: list[Any] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]  # else it fails
#: What fails is told as it was drawn: made smaller, it would be another request.
PHASES = [Phase.generate]
#: What may stay as it was made up in a request that is to be taken, and what stands in place of what may not.
KEPT = ("trafficAccountId", "sms", "id", "reference")
HOURS = {"scheduleInfo": {"weekdaysSchedule": "12345"}, "timeZone": "Asia/Tokyo"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def client(botkit_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    chosen = Settings(
        folder=tmp_path_factory.mktemp("openapi"),
        redis_url=Secret(botkit_redis_url),
        key_prefix="openapi",
        api_keys=KEYS,
        shutdown_seconds=0,
    )
    app = App([bot(Router(), Counter(), Counter(ta="desk-2"))], settings=chosen)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_request(name: str) -> None:
    request = read_request(EXAMPLES[name], {*OPTIONS, *LATER})
    assert {"destination": request.destination, **request.contents}.keys() <= EXAMPLES[name].keys()


@pytest.mark.parametrize("name", BULK_EXAMPLES)
def test_an_example_is_a_request_for_many(name: str) -> None:
    request = read_request(BULK_EXAMPLES[name], OPTIONS, is_bulk=True)
    assert request.destinations == tuple(BULK_EXAMPLES[name]["destinations"])


def led_on(case: Any, steps: int, known_id: str) -> None:
    """Changes so much of a made-up request that it gets that far: of what is made up, hardly anything would."""
    case.headers = {**(case.headers or {}), "X-Botkit-Key": SHOP_KEY}
    if steps and case.path_parameters:
        case.path_parameters["id"] = known_id
    if not isinstance(case.body, dict):
        return
    if steps:
        case.body |= {"trafficAccountId": "desk" if steps < 3 else "nobody"}
    if steps >= 2:
        kept = {name: member for name, member in case.body.items() if name in KEPT}
        hours = {name: member for name, member in HOURS.items() if name in case.body and not is_bulk(case)}
        named = {"destinations": ["+385910000001", "x"]} if is_bulk(case) else {"destination": "+385910000001"}
        case.body = kept | hours | named | {"sms": case.body.get("sms", {"text": "hello"})}


def is_bulk(case: Any) -> bool:
    return "bulk" in str(case.operation.path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_is_answered_otherwise_than_the_document_says(operation: Any, client: TestClient) -> None:
    headers = {"X-Botkit-Key": SHOP_KEY}
    # Only what waits can be cancelled, and this can hardly come to its time.
    hours = {"timeBegin": "03:00", "timeEnd": "03:01"} if operation.method.upper() == "DELETE" else {}
    first = client.post(
        "/messages/send", json=hello(id=f"first{len(hours)}", scheduleInfo=hours), headers=headers
    ).json()
    many = many_hello(id=f"first of {operation.label}".replace(" ", "-"))
    bulk = client.post("/messages/sendbulk", json=many, headers=headers).json()
    statuses = set()

    @seed(crc32(operation.label.encode()))
    @settings(max_examples=25, database=None, deadline=None, suppress_health_check=[*HealthCheck], phases=PHASES)
    @given(operation.as_strategy(), st.sampled_from((0, 1, 2, 2, 3)))
    def ask(case: Any, steps: int) -> None:
        led_on(case, steps, bulk["bulkId"] if is_bulk(case) else first["messageId"])
        sent = case.as_transport_kwargs(base_url="http://testserver")
        answered = client.request(**{name: sent[name] for name in sent if name not in ("cookies", "timeout")})
        case.validate_response(schemathesis.Response.from_any(answered), checks=CHECKS)
        statuses.add(answered.status_code)

    ask()
    # Who comes when the bulk has ended already has a conflict.
    assert statuses & (
        {200, 409} if operation.path.startswith("/bulk/") and operation.method.upper() == "POST" else {200}
    )
    assert 404 in statuses
