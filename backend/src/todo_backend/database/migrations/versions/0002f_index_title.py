"""An index: the tasks by title."""

from alembic import op

revision = "0002f"
down_revision = "0002e"

_INDEX = "ix_tasks_title"


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["user_id", "title_key", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
