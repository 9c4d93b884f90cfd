"""The registered model over HTTP: the addresses of MLflow's scoring server behind the checks of the app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from electrode_bench.app.jobs import Busy
from electrode_bench.app.limits import Limits
from electrode_bench.app.security import Access, Guard, problem
from electrode_bench.app.worker import TooSlow, Worker
from electrode_bench.errors import UserError
from electrode_bench.tracking.scoring import Scored, Scorer

#: Addresses that tell whether the server runs. They are answered without a token.
HEALTH = ("/ping", "/health")


def worker(folder: Path, limits: Limits) -> Worker[Scored]:
    """A process that answers with the model in a folder."""
    return Worker(partial(Scorer, folder, most_rows=limits.formulas), seconds=limits.seconds, waiting=limits.waiting)


def create_scoring(worker: Worker[Scored], access: Access, limits: Limits) -> FastAPI:
    """The server of a model.

    Parameters
    ----------
    worker : answers requests; it is closed with the server.
    access : who may use it.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        # Its threads end with the process that they wait for.
        worker.close()
        threads.shutdown(wait=False, cancel_futures=True)

    # One more than may wait, which answers that the others wait.
    threads = ThreadPoolExecutor(limits.waiting + 2, thread_name_prefix="electrode-bench")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(Guard, access=access, limits=limits, public=HEALTH, login_page=None)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail).lower())

    async def alive() -> Response:
        return Response("\n", media_type="application/json")

    for address in HEALTH:
        app.get(address)(alive)

    @app.get("/version")
    async def mlflow_version() -> Response:
        return Response(version("mlflow"), media_type="application/json")

    @app.post("/invocations")
    async def invocations(request: Request) -> Response:
        body, kind = await request.body(), request.headers.get("content-type", "")
        try:
            scored = await asyncio.get_running_loop().run_in_executor(threads, worker.ask, body, kind)
        except Busy as error:
            return problem(503, str(error))
        except TooSlow as error:
            return problem(504, str(error))
        except UserError as error:
            return problem(500, str(error))
        return Response(scored.body, status_code=scored.status, media_type=scored.kind)

    return app
