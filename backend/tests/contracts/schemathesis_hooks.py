"""What schemathesis has to know of this product and can't read from the document."""

import os
from secrets import token_hex
from typing import Any, Final

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData

from todo_backend.auth import emails, passwords
from todo_backend.model.errors import Rule
from todo_backend.model.text import has_visible, strip
from todo_backend.web.moments import MomentRefused, moment

Case = schemathesis.Case[Any]
USER: Final = os.environ["TODO_USER"]
SIGN_UP, SIGN_IN = "/api/auth/signup", "/api/auth/signin"
REFRESH, SIGN_OUT = "/api/auth/refresh", "/api/auth/signout"
TEXTS: Final = ("title", "description", "q", "name", "email", "password", "refresh_token")
MOMENTS: Final = ("due_date", "due_before", "due_after")


class Accounts:
    """What the run has signed up so far, so that it can sign in, go on and sign out."""

    def __init__(self) -> None:
        self.addresses: set[str] = set()
        self._credentials: list[dict[str, str]] = []
        self._sessions: list[dict[str, str]] = []

    def learn(self, path: str, sent: Any, answer: dict[str, str]) -> None:
        if path in {SIGN_UP, SIGN_IN, REFRESH}:
            self._sessions.append(answer)
        if path == SIGN_UP:
            self.addresses.add(emails.parse(sent["email"]).key)
            self._credentials.append({name: sent[name] for name in ("email", "password")})

    def fill_in(self, case: Case) -> None:
        """Put what is really good where anything made up would be refused; half the time."""
        body: Any = case.body
        if len(str(body)) % 2:
            return
        if case.path == SIGN_IN and self._credentials:
            body |= self._credentials[-1]
        if case.path == REFRESH and self._sessions:
            body["refresh_token"] = self._sessions.pop()["refresh_token"]
        if case.path == SIGN_OUT and self._sessions:
            case.headers["Authorization"] = f"Bearer {self._sessions.pop()['access_token']}"


_accounts: Final = Accounts()
_RUN: Final = token_hex(4)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Ask as the user of the token, mostly without a condition, and with credentials that exist.

    Anybody else would see nothing but 403, who makes up a version nothing but 412, and who makes
    up a cursor nothing but 400.
    """
    del context, kwargs
    owner = case.path_parameters.get("user_id")
    if isinstance(owner, str) and 1 <= len(owner) <= 255:
        case.path_parameters["user_id"] = USER
    if '"' not in case.headers.get("If-Match", '"'):
        del case.headers["If-Match"]
    if case.meta is not None and not case.meta.generation.mode.is_negative:
        case.query.pop("cursor", None)
        if "Idempotency-Key" in case.headers:
            # One that was made up twice would be refused with the second body.
            case.headers["Idempotency-Key"] = token_hex(16)
        _accounts.fill_in(case)
        if case.path == SIGN_UP and isinstance(case.body, dict):
            case.body["email"] = _of_this_run(case.body.get("email"))


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: Case, response: Response) -> None:
    del context
    if response.status_code in {200, 201} and case.path.startswith("/api/auth/"):
        _accounts.learn(case.path, case.body, response.json())


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: Case, response: Response
) -> bool:
    """Let pass what a schema can't say: what a text must hold, and which addresses are taken."""
    del context
    if not isinstance(failure, RejectedPositiveData):
        return True
    body: Any = case.body if isinstance(case.body, dict) else {}
    if response.status_code == 409:
        # One without room for the mark of this run may have been taken by an earlier one.
        key = emails.parse(body["email"]).key if case.path == SIGN_UP else _RUN
        return key.startswith(_RUN) and key not in _accounts.addresses
    fields = body | dict(case.query)
    return response.status_code not in {400, 422} or not (
        _breaks_a_rule_of_text(fields)
        or any(_is_out_of_range(fields.get(name)) for name in MOMENTS)
        or (case.path == SIGN_UP and not _is_fit_for_an_account(body))
    )


def _of_this_run(address: Any) -> Any:
    """Make an address one that no earlier run on the same database has signed up with."""
    try:
        return emails.parse(f"{_RUN}{address}").typed
    except ValueError:
        return address


def _breaks_a_rule_of_text(fields: dict[str, Any]) -> bool:
    texts = {name: fields[name] for name in TEXTS if isinstance(fields.get(name), str)}
    visible = [texts[name] for name in ("title", "name") if name in texts]
    is_blank = "q" in texts and not strip(texts["q"])
    return "\0" in "".join(texts.values()) or not all(map(has_visible, visible)) or is_blank


def _is_out_of_range(text: Any) -> bool:
    """Whether it is before the first moment that a task can have, or after the last."""
    try:
        moment(text if isinstance(text, str) else "2026-01-01")
    except MomentRefused as refused:
        return refused.rule is Rule.OUT_OF_RANGE
    return False


def _is_fit_for_an_account(body: dict[str, Any]) -> bool:
    try:
        emails.parse(body["email"])
    except ValueError:
        return False
    return passwords.weakness(body["password"]) is None
