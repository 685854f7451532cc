"""An address that a simulated service calls."""

import json
from typing import Any

import httpx


class Listener:
    """A program that is called: what it was told, and what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, content=self.body)

    @property
    def told(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]
