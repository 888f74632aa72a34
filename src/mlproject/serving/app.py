"""The routes of a server, and their limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mlproject.base.errors import DataError, reason
from mlproject.data.schema import Schema
from mlproject.serving import openapi
from mlproject.serving.answering import CSV, JSON, Answer, Answerer, as_azure, as_mlflow
from mlproject.serving.batching import Together, Worded
from mlproject.serving.bodies import JsonRows, of_azure, of_mlflow
from mlproject.serving.current import CurrentModel, Served

# Of one request; more are scored in a thread, so that others need not wait for them.
_FEW_ROWS = 256
_FEW_BYTES = 1 << 18
VERSION_HEADER = "mlproject-model-version"


@dataclass(frozen=True)
class Limits:
    """What a request may take.

    Attributes
    ----------
    body : int
        Bytes.
    seconds : float
        From its first byte to the answer.
    threads : int
        Requests with many rows that are scored at a time; the others wait.
    """

    body: int
    seconds: float
    threads: int


class _TooLargeError(Exception):
    """The body is larger than it may be."""


@dataclass(frozen=True)
class _Format:
    """How rows come, and how predictions go."""

    rows: Callable[[bytes, Schema], JsonRows]
    worded: Worded
    whole: Callable[[Answerer, bytes], Answer]


_AZURE = _Format(of_azure, as_azure, Answerer.azure)
_MLFLOW = _Format(of_mlflow, as_mlflow, Answerer.mlflow)


class _Routes:
    """Answers requests."""

    def __init__(self, current: CurrentModel, limits: Limits) -> None:
        self._current = current
        self._limits = limits
        self._together = Together()
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="score")

    async def score(self, request: Request) -> Response:
        kind = _kind(request)
        if kind != JSON:
            return _response(_other_kind(kind, JSON))
        return await self._answered(request, partial(self._of_json, _AZURE))

    async def invocations(self, request: Request) -> Response:
        kind = _kind(request)
        if kind == CSV:
            return await self._answered(request, self._of_csv)
        if kind != JSON:
            return _response(_other_kind(kind, f"{JSON} or {CSV}"))
        return await self._answered(request, partial(self._of_json, _MLFLOW))

    async def health(self, request: Request) -> Response:
        served, model = self._current.served, self._current.served.model
        content = {
            "status": "ok",
            "model": model.uri,
            "version": model.version,
            "run_id": model.run_id,
            "sha256": model.sha256,
            "serving_since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(served.since)),
            "problem": self._current.problem,
        }
        return _response(Answer.of(200, content))

    async def openapi(self, request: Request) -> Response:
        return _response(Answer.of(200, openapi.document(self._current.served)))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answered(self, request: Request, answer: _Answering) -> Response:
        served, limits, reading = self._current.served, self._limits, True
        try:
            with anyio.fail_after(limits.seconds):
                body = await self._body(request)
                reading = False
                found = await answer(served, body)
        except TimeoutError:
            what = "its body did not arrive" if reading else "it was not scored"
            message = f"The request timed out: {what} in {limits.seconds:g} s"
            return _response(Answer.error(408 if reading else 504, message))
        except _TooLargeError:
            message = f"The body of the request has more than {limits.body:,} bytes"
            return _response(Answer.error(413, message))
        except ClientDisconnect:
            return Response(status_code=499)
        return _response(found, served.model.version)

    async def _body(self, request: Request) -> bytes:
        """Read no more than is allowed."""
        if int(request.headers.get("content-length") or 0) > self._limits.body:
            raise _TooLargeError
        pieces, size = [], 0
        async for piece in request.stream():
            pieces.append(piece)
            size += len(piece)
            if size > self._limits.body:
                raise _TooLargeError
        return b"".join(pieces)

    async def _of_json(self, form: _Format, served: Served, body: bytes) -> Answer:
        """Answer in the event loop where that takes no time, and else in a thread."""
        answerer = served.answerer
        if served.quick and len(body) <= _FEW_BYTES:
            try:
                rows = form.rows(body, answerer.model.schema)
            except DataError as error:
                return Answer.error(400, str(error))
            if len(rows.rows) <= _FEW_ROWS:
                return await self._together.answer(rows, answerer, form.worded)
        return await self._in_a_thread(form.whole, answerer, body)

    async def _of_csv(self, served: Served, body: bytes) -> Answer:
        return await self._in_a_thread(Answerer.csv, served.answerer, body)

    async def _in_a_thread(
        self, answer: Callable[[Answerer, bytes], Answer], answerer: Answerer, body: bytes
    ) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, answer, answerer, body)


_Answering = Callable[[Served, bytes], Awaitable[Answer]]


def application(current: CurrentModel, limits: Limits) -> Starlette:
    """Return what answers for a model that may be replaced."""
    routes = _Routes(current, limits)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        routes.close()

    return Starlette(
        routes=[
            Route("/score", routes.score, methods=["POST"]),
            Route("/invocations", routes.invocations, methods=["POST"]),
            Route("/health", routes.health),
            Route("/ping", routes.health),
            Route("/openapi.json", routes.openapi),
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
        lifespan=life,
    )


def _kind(request: Request) -> str:
    return request.headers.get("content-type", JSON).partition(";")[0].strip().lower()


def _other_kind(kind: str, known: str) -> Answer:
    return Answer.error(415, f"The content type is {kind}, and can be {known}: set Content-Type")


def _response(answer: Answer, version: str | None = None) -> Response:
    headers = {VERSION_HEADER: version} if version else None
    return Response(answer.content, answer.status, headers, media_type=JSON)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer for a path or a method that there is none of."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    hint = "Post to /score or /invocations; see /openapi.json"
    message = f"{request.method} {request.url.path}: {error.detail}. {hint}"
    return _response(Answer.error(error.status_code, message))


async def _failed(request: Request, error: Exception) -> Response:
    return _response(Answer.error(500, reason(error)))
