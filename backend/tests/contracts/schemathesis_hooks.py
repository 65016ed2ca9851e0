"""What schemathesis has to know of this product and can't read from the document."""

import os
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData

from todo_backend.model.text import has_visible

Case = schemathesis.Case[Any]
USER = os.environ["TODO_USER"]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Ask as the user of the token, and mostly without a condition.

    Anybody else would see nothing but 403, and who makes up a version nothing but 412.
    """
    del context, kwargs
    owner = case.path_parameters.get("user_id")
    if isinstance(owner, str) and 1 <= len(owner) <= 255:
        case.path_parameters["user_id"] = USER
    if '"' not in case.headers.get("If-Match", '"'):
        del case.headers["If-Match"]


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: Case, response: Response
) -> bool:
    """Let pass what a schema can't say: a title must be visible, and no text holds U+0000."""
    del context
    rejected = isinstance(failure, RejectedPositiveData) and response.status_code == 422
    return not (rejected and isinstance(case.body, dict) and _breaks_a_rule_of_text(case.body))


def _breaks_a_rule_of_text(body: dict[str, Any]) -> bool:
    title, description = body.get("title", "x"), body.get("description") or ""
    return not has_visible(title) or "\0" in title + description
