"""The addresses of the app and what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from electrode_bench.app import pages
from electrode_bench.app.downloads import DOWNLOADS
from electrode_bench.app.jobs import Busy, Job
from electrode_bench.app.requests import Login, Question, Screening
from electrode_bench.app.security import COOKIE, Access, Guard, problem
from electrode_bench.app.service import Result, Service
from electrode_bench.errors import UserError
from electrode_bench.report.answers import model_line
from electrode_bench.report.candidates.data import data, summary

#: Seconds that a wrong token costs, so that guessing is slow.
_WRONG_TOKEN = 1.0


def create_app(service: Service, access: Access) -> FastAPI:
    """The app.

    Parameters
    ----------
    service : does the work; it is closed with the app.
    access : who may use the app.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.jobs.close()

    # The pages that document an API load scripts from elsewhere.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(Guard, access=access, limits=service.limits)
    _answer_errors(app)
    _serve_pages(app, service, access)
    _serve_jobs(app, service)
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(UserError)
    async def user_error(_: Request, error: UserError) -> JSONResponse:
        return problem(503 if isinstance(error, Busy) else 422, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return problem(422, f"{where or 'the request'}: {first['msg'].lower()}")

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail).lower())


def _serve_pages(app: FastAPI, service: Service, access: Access) -> None:
    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return pages.main(service.limits)

    @app.get("/login", response_class=HTMLResponse)
    def login_page() -> Response:
        return HTMLResponse(pages.login()) if access.needs_token else RedirectResponse("/", status_code=303)

    @app.post("/login")
    async def login(given: Login, request: Request) -> Response:
        session = access.log_in(given.token.strip())
        if session is None:
            await asyncio.sleep(_WRONG_TOKEN)
            return problem(401, "this is not the token; it is the one that the app was started with")
        answer = Response(status_code=204)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @app.get("/style.css")
    def style() -> Response:
        return Response(pages.style(), media_type="text/css")

    @app.get("/app.js")
    def script() -> Response:
        return Response(pages.script(), media_type="text/javascript")

    @app.get("/login.js")
    def login_script() -> Response:
        return Response(pages.login_script(), media_type="text/javascript")

    @app.get("/api/model")
    async def model() -> dict[str, Any]:
        loading = service.loading
        if not loading.done():
            return {"state": "loading"}
        error = loading.exception()
        if error is not None:
            return {"state": "failed", "error": " ".join(str(error).split())}
        fitted = loading.result().model
        return {"state": "ready", "title": fitted.title, "about": model_line(fitted), "synthetic": fitted.synthetic}


def _serve_jobs(app: FastAPI, service: Service) -> None:
    def found(id_: str) -> Job[Result]:
        job = service.jobs.find(id_)
        if job is None:
            raise HTTPException(404, "this result is no longer kept; predict again")
        return job

    @app.post("/api/screenings", status_code=202)
    def screening(request: Screening) -> dict[str, Any]:
        return _state(service.screen(request))

    @app.get("/api/screenings/{id_}")
    def state(id_: str) -> dict[str, Any]:
        return _state(found(id_))

    @app.delete("/api/screenings/{id_}", status_code=204)
    def cancel(id_: str) -> None:
        service.jobs.cancel(found(id_).id)

    @app.get("/api/screenings/{id_}/{file}")
    def download(id_: str, file: str) -> Response:
        job = found(id_)
        if file not in DOWNLOADS:
            raise HTTPException(404, f"there is no {file}; there are {', '.join(DOWNLOADS)}")
        if job.result is None or job.result.shown is None:
            raise HTTPException(409, "there is no result to download")
        kind, make = DOWNLOADS[file]
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return Response(make(job.result.shown), media_type=kind, headers=headers)

    @app.post("/api/answer")
    async def answer(question: Question) -> dict[str, Any]:
        return await asyncio.wrap_future(service.answer(question))


def _state(job: Job[Result]) -> dict[str, Any]:
    """A job for the page."""
    return {
        "id": job.id, "state": job.state, "done": job.done, "total": job.total, "error": job.error,
        "result": _content(job.result) if job.state == "done" and job.result else None,
    }  # fmt: skip


def _content(result: Result) -> dict[str, Any]:
    shown = result.shown
    return {
        "name": result.name,
        "rejects": [asdict(reject) for reject in result.rejects],
        "undecided": [asdict(each) for each in result.undecided],
        "candidates": None if shown is None else data(shown),
        "summary": [] if shown is None else summary(shown),
        "about": {} if shown is None else dict(shown.about),
    }
