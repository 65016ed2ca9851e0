"""An index: a task by its id alone, for who has only that."""

from alembic import op

revision = "0002g"
down_revision = "0002f"

_INDEX = "ix_tasks_id"


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
