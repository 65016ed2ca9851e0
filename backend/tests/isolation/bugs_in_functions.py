"""Bugs planted into the functions.

One wall hides what is wrong with the other, so a run sees these with the other one down.
"""

from typing import Final

from tests.database import test_catalogue_functions
from tests.database.walls import CONTRACTS_SHAPES
from tests.isolation import lints
from tests.isolation.looks import anywhere, on_functions
from tests.isolation.planting import (
    PLAIN,
    RICH,
    Bug,
    in_account_sql,
    in_sql,
    within,
)
from tests.isolation.rewriting import substituted
from todo_backend.database.functions import LOOKUP_ROLE

_OF_USER: Final = "t.user_id = p_user_id AND "
_ANYBODYS: Final = "PERFORM FROM tasks t WHERE "
_OVERDUE: Final = "NOT p_overdue OR t.due_date < now() AND NOT t.completed"
_ONE: Final = "WHERE t.user_id = p_user_id AND t.id = p_id"
_TOGGLING: Final = "WHERE (p_toggle OR t.user_id = p_user_id) AND t.id = p_id"
_KEY: Final = "WHERE k.user_id = p_user_id AND k.key = p_key"
_NAMED: Final = "PERFORM set_config('app.user_id', p_user_id, true);"


def _unfiltered(name: str, function: str, deployments: tuple[str, ...]) -> Bug:
    return Bug(
        name,
        f"`{function}` without the owner",
        in_sql(within(function, (_OF_USER, ""))),
        deployments,
        without="policies",
    )


def _unless(condition: str) -> tuple[str, str]:
    """Let the owner not matter where a condition holds."""
    return "WHERE t.user_id = p_user_id", f"WHERE (t.user_id = p_user_id OR {condition})"


def _search_unless(name: str, what: str, condition: str) -> Bug:
    rewrite = within(r"search_by_\w+", _unless(condition), (f"ON {_OF_USER}t.id", "ON t.id"))
    return Bug(name, what, in_sql(rewrite), RICH, without="policies")


_NAMED_FIRST: Final = (
    test_catalogue_functions.test_is_16_every_door_to_the_tasks_names_its_user_first
)
_DOORS: Final = test_catalogue_functions.test_the_doors_are_the_privileged_functions
_PATHS: Final = test_catalogue_functions.test_is_10_privileged_functions_have_a_fixed_search_path

BUGS: Final = (
    Bug(
        "item-filter",
        "`get_task` without the owner",
        in_sql(within("get_task", (_ONE, "WHERE t.id = p_id"))),
        without="policies",
    ),
    Bug(
        "item-filter-plain",
        "… in the contract that tells strangers' tasks from none",
        in_sql(within("get_task", (_ONE, "WHERE t.id = p_id"))),
        PLAIN,
        without="policies",
    ),
    Bug(
        "list-filter",
        "`list_tasks` without the owner",
        in_sql(within("list_tasks", ("WHERE t.user_id = p_user_id\n", "\n"))),
        without="policies",
    ),
    Bug(
        "list-filter-status",
        "`list_tasks` of one status without the owner",
        in_sql(within("list_tasks", (_OF_USER, ""))),
        without="policies",
    ),
    Bug(
        "list-filter-chunks",
        "`list_chunk` without the owner",
        in_sql(
            within("list_chunk", ("WHERE t.user_id = p_user_id\n                AND ", "WHERE "))
        ),
        PLAIN,
        without="policies",
    ),
    Bug(
        "list-filter-chunks-status",
        "… of one status",
        in_sql(
            within(
                "list_chunk", ("WHERE t.user_id = p_user_id AND t.completed", "WHERE t.completed")
            )
        ),
        PLAIN,
        without="policies",
    ),
    Bug(
        "list-filter-chunks-later",
        "… but for the first chunk",
        in_sql(within("list_chunk", _unless("p_after_id > 0"))),
        PLAIN,
        without="policies",
    ),
    _unfiltered("page-filter", r"page_by_\w+", RICH),
    _unfiltered("page-filter-status", r"page_by_\w+_of_status", RICH),
    Bug(
        "page-more",
        "whether there is a next page is asked of everybody's tasks",
        in_sql(within(r"page_by_\w+", (f"PERFORM FROM tasks t WHERE {_OF_USER}", _ANYBODYS))),
        RICH,
        without="policies",
    ),
    Bug(
        "search-filter",
        "`search_by_…` without the owner",
        in_sql(
            within(
                r"search_by_\w+",
                ("FROM tasks t WHERE t.user_id = p_user_id\n", "FROM tasks t WHERE true\n"),
                (f"ON {_OF_USER}t.id", "ON t.id"),
            )
        ),
        RICH,
        without="policies",
    ),
    _search_unless("search-status", "… of one status", "p_completed IS NOT NULL"),
    _search_unless("search-due", "… of what is due by a date", "p_due_before IS NOT NULL"),
    _search_unless("search-overdue", "… of what is overdue", "p_overdue"),
    Bug(
        "search-parentheses",
        "… whose conditions have lost a pair of parentheses",
        in_sql(within(r"search_by_\w+", (f"({_OVERDUE})", _OVERDUE))),
        RICH,
        without="policies",
    ),
    Bug(
        "search-count",
        "a search counts everybody's tasks",
        in_sql(
            within(
                r"search_by_\w+",
                ("(SELECT count(*) FROM matching)", "(SELECT count(*) FROM tasks t)"),
            )
        ),
        RICH,
        without="policies",
    ),
    Bug(
        "count-filter",
        "totals are counted without the owner",
        in_sql(within("list_state", (" WHERE c.user_id = p_user_id", ""))),
        without="policies",
    ),
    Bug(
        "list-version-shared",
        "the version of a list is that of anybody's last change",
        in_sql(
            within(
                "list_state",
                ("max(c.version)", "(SELECT max(o.version) FROM task_counters o)"),
            )
        ),
        without="policies",
    ),
    Bug(
        "counter-filter",
        "a change counts for everybody",
        in_sql(within("count_change", ("\n        WHERE c.user_id = p_user_id", ""))),
        without="policies",
    ),
    Bug(
        "update-filter",
        "`update_task` without the owner",
        in_sql(within("update_task", (_ONE, "WHERE t.id = p_id"))),
        without="policies",
    ),
    Bug(
        "toggle-filter",
        "… when it toggles",
        in_sql(within("update_task", (_ONE, _TOGGLING))),
        without="policies",
    ),
    Bug(
        "delete-filter",
        "`delete_task` without the owner",
        in_sql(within("delete_task", (_ONE, "WHERE t.id = p_id"))),
        without="policies",
    ),
    Bug(
        "key-shared",
        "an idempotency key is everybody's",
        in_sql(within("create_task_once", (_KEY, "WHERE k.key = p_key"))),
        without="policies",
    ),
    Bug(
        "existence-told",
        "a stranger's task is told from none where it must not be",
        in_sql(
            within(
                "absence_of",
                ("'missing'", "CASE WHEN task_exists(p_id) THEN 'strangers' ELSE 'missing' END"),
            ),
            sets=tuple(each for each in CONTRACTS_SHAPES if not each.tells_strangers),
        ),
    ),
    Bug(
        "lookup-reads-title",
        "what tells whether a task exists reads its title",
        in_sql(
            within(
                "task_exists", ("SELECT EXISTS (SELECT FROM", "SELECT (SELECT title <> '' FROM")
            ),
            role=LOOKUP_ROLE,
        ),
        PLAIN,
    ),
    Bug(
        "user-unnamed",
        "functions that don't name their user",
        in_sql(substituted((_NAMED, "PERFORM true;"))),
    ),
    Bug(
        "user-for-the-session",
        "the user is named for the session and not for the transaction",
        in_sql(substituted((_NAMED, _NAMED.replace("true", "false")))),
        found_by="test_is_16_every_door_to_the_tasks_names_its_user_first",
        look=on_functions(_NAMED_FIRST),
    ),
    Bug(
        "runs-as-caller",
        "functions that run as whoever calls them, a superuser say",
        in_sql(substituted((" SECURITY DEFINER\n", "\n"))),
        without=None,
        found_by="test_the_doors_are_the_privileged_functions",
        look=on_functions(_DOORS),
    ),
    Bug(
        "search-path-open",
        "functions that look where their caller says",
        in_sql(
            substituted(("SET search_path = pg_catalog,", "SET search_path = public, pg_catalog,"))
        ),
        found_by="test_is_10_privileged_functions_have_a_fixed_search_path",
        look=on_functions(_PATHS),
    ),
    Bug(
        "refresh-family",
        "whoever signs out may end the session of any refresh token",
        in_account_sql(
            within(
                "end_sessions",
                ("s.user_id = p_user_id AND s.revoked_at", "s.revoked_at"),
                (" AND t.user_id = p_user_id", ""),
            )
        ),
        accounts=20,
    ),
    Bug(
        "session-by-id",
        "a session is looked up by its id alone",
        in_account_sql(
            within(
                "live_sessions",
                ("s.user_id = p.user_id AND s.id = p.id", "s.id = p.id"),
                ("json_build_array(s.user_id,", "json_build_array(p.user_id,"),
            )
        ),
        found_by="test_is_32_a_session_is_its_users_alone",
        look=anywhere(lints.a_session_is_its_users_alone),
    ),
)
