"""Bugs planted into the rules of the tables."""

from typing import Final

from tests.database import test_catalogue
from tests.isolation.looks import anywhere, on_table
from tests.isolation.planting import Bug, statement

_POLICY: Final = "user_id = NULLIF(current_setting('app.user_id', true), '')"
_FORCED: Final = test_catalogue.test_is_04_row_security_is_forced
_POLICIES: Final = test_catalogue.test_is_07_a_table_has_the_policies_that_it_is_to_have
_RIGHTS: Final = test_catalogue.test_is_03_nobody_has_more_rights_than_they_need

BUGS: Final = (
    Bug(
        "policy-true",
        "a policy that lets everybody see every row",
        statement("ALTER POLICY owner ON tasks USING (true) WITH CHECK (true)"),
        found_by="test_is_07_a_table_has_the_policies_that_it_is_to_have",
        look=on_table(_POLICIES, "tasks"),
    ),
    Bug(
        "policy-true-run",
        "… seen by a run",
        statement("ALTER POLICY owner ON tasks USING (true) WITH CHECK (true)"),
        without="filters",
    ),
    Bug(
        "policy-or-null",
        "a policy that lets every row through where no user is set",
        statement(
            "ALTER POLICY owner ON tasks USING"
            f" (current_setting('app.user_id', true) IS NULL OR {_POLICY})"
        ),
        found_by="test_is_07_a_table_has_the_policies_that_it_is_to_have",
        look=on_table(_POLICIES, "tasks"),
    ),
    Bug(
        "policy-without-nullif",
        "a policy by which '' is somebody",
        statement(
            "ALTER POLICY owner ON tasks USING (user_id = current_setting('app.user_id', true))"
        ),
        found_by="test_is_07_a_table_has_the_policies_that_it_is_to_have",
        look=on_table(_POLICIES, "tasks"),
    ),
    Bug(
        "policy-second",
        "a second policy beside the owner's, since policies add up",
        statement("CREATE POLICY also ON tasks FOR SELECT USING (completed)"),
        without="filters",
    ),
    Bug(
        "security-off",
        "a table without row-level security",
        statement("ALTER TABLE task_counters DISABLE ROW LEVEL SECURITY"),
        without="filters",
    ),
    Bug(
        "force-missing",
        "row-level security that doesn't bind the owner of the table",
        statement("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY"),
        found_by="test_is_04_row_security_is_forced",
        look=on_table(_FORCED, "tasks"),
    ),
    Bug(
        "right-too-many",
        "the role that tells whether a task exists may read its title",
        statement("GRANT SELECT (title) ON tasks TO todo_lookup"),
        found_by="test_is_03_nobody_has_more_rights_than_they_need",
        look=on_table(_RIGHTS, "tasks"),
    ),
    Bug(
        "view-around-policies",
        "a view that reads as its owner",
        statement("CREATE VIEW all_tasks AS SELECT * FROM tasks"),
        found_by="test_is_09_there_is_no_view",
        look=anywhere(test_catalogue.test_is_09_there_is_no_view),
    ),
    Bug(
        "key-across-users",
        "a unique key that says whether somebody else has a title",
        statement("CREATE UNIQUE INDEX titles ON tasks (title)"),
        found_by="test_is_12_every_key_starts_with_the_owner",
        look=anywhere(test_catalogue.test_is_12_every_key_starts_with_the_owner),
    ),
)
