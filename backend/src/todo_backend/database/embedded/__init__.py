"""A PostgreSQL of one's own, for whoever has no `DATABASE_URL`: made, started and stopped here.

Its binaries come with the extra `todo-backend[embedded]`; the decisions are in
docs/architecture.md. Everything lives in one data folder:

    lock           held (flock) by the Python process that owns the server; names its pid
    password       of the login role `todo`, 0600
    postgres/      the cluster
    postgres.log   what the server says; neither statements nor their parameters
    socket         a folder, or a link to one where the path is too long for a socket
"""

from todo_backend.database.embedded.binaries import binary
from todo_backend.database.embedded.errors import DataFolderInUse, EmbeddedError
from todo_backend.database.embedded.server import EmbeddedPostgres

__all__ = ["DataFolderInUse", "EmbeddedError", "EmbeddedPostgres", "binary"]
