"""The application: middleware, error format and the six task routes."""

import logging
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlmodel import SQLModel
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from bench.baseline.database import Session, engine
from bench.baseline.tasks import router

logger = logging.getLogger(__name__)

_CODES = {
    400: "VALIDATION_INVALID_FORMAT",
    401: "AUTH_INVALID_CREDENTIALS",
    403: "AUTH_USER_MISMATCH",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
}


class RequestLogMiddleware(BaseHTTPMiddleware):
    """Gives each request an id and logs how long it took."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        request_id = request.headers.get("X-Request-ID") or str(uuid.uuid4())
        started = time.perf_counter()
        response = await call_next(request)
        elapsed_ms = (time.perf_counter() - started) * 1000
        logger.info(
            "%s %s %s %d %.1f ms",
            request_id,
            request.method,
            request.url.path,
            response.status_code,
            elapsed_ms,
        )
        response.headers["X-Request-ID"] = request_id
        return response


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(title="Todo baseline", lifespan=_lifespan)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:3000", "http://localhost:3001"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
app.add_middleware(RequestLogMiddleware)
app.include_router(router)


@app.get("/health")
async def health(session: Session) -> dict[str, str]:
    await session.execute(text("SELECT 1"))
    return {"status": "healthy", "database": "connected"}


@app.exception_handler(HTTPException)
async def _http_error(_: Request, error: HTTPException) -> JSONResponse:
    code = _CODES.get(error.status_code, f"HTTP_{error.status_code}")
    return _failure(error.status_code, code, error.detail)


@app.exception_handler(RequestValidationError)
async def _validation_error(_: Request, error: RequestValidationError) -> JSONResponse:
    problems = [{"field": str(e["loc"][-1]), "constraint": e["msg"]} for e in error.errors()]
    message = "Request validation failed"
    return _failure(422, "VALIDATION_INVALID_FORMAT", message, details=problems)


@app.exception_handler(Exception)
async def _unexpected_error(_: Request, error: Exception) -> JSONResponse:
    logger.error("Unexpected error", exc_info=error)
    return _failure(500, "SYSTEM_INTERNAL_ERROR", "An unexpected error occurred")


def _failure(status: int, code: str, message: str, *, details: object = None) -> JSONResponse:
    error = {"code": code, "message": message}
    if details is not None:
        return JSONResponse({"success": False, "error": error | {"details": details}}, status)
    return JSONResponse({"success": False, "error": error}, status)
