"""`app` for `uvicorn main:app` and `fastapi run`; `todo-backend serve` does more (README.md)."""

from todo_backend.serving import app_from_environment

app = app_from_environment()
