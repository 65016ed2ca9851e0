"""The tables: the one source of the schema, which the migrations have to match.

Every key starts with the owner, so that a row can be reached through its user alone, and so that
the tables can be spread over machines by user without changing a query. Two can't: an e-mail
address and a refresh token are what a user is found by.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_NOW: Final = text("clock_timestamp()")
# Compared code point by code point, whatever language the database speaks.
_ByCodePoint: Final = Text(collation="C")


class Table(SQLModel):
    """The root of this backend's tables, with a metadata of its own."""

    metadata = MetaData(naming_convention=NAMING)


class User(Table, table=True):
    """A user that a trusted issuer vouched for. `email` and `name` are claims, not identities."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("char_length(id) BETWEEN 1 AND 255", name="id_length"),)

    id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    email: str | None = Field(default=None, sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )
    updated_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )


class Task(Table, table=True):
    """One task. The widest limits of all contracts are the table's; each contract has its own."""

    __tablename__ = "tasks"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        CheckConstraint("user_id <> ''", name="has_owner"),
        CheckConstraint("char_length(title) BETWEEN 1 AND 255", name="title_length"),
        CheckConstraint("char_length(description) <= 2000", name="description_length"),
        CheckConstraint("updated_at >= created_at", name="updated_after_created"),
        CheckConstraint("priority BETWEEN 1 AND 3", name="priority_range"),
        Index("ix_tasks_newest", "user_id", text("created_at DESC"), text("id DESC")),
        Index(
            "ix_tasks_newest_by_status",
            "user_id",
            "completed",
            text("created_at DESC"),
            text("id DESC"),
        ),
        Index("ix_tasks_updated", "user_id", "updated_at", "id"),
        Index("ix_tasks_due", "user_id", "due_date", "id"),
        Index("ix_tasks_priority", "user_id", "priority", "id"),
        Index("ix_tasks_title", "user_id", "title_key", "id"),
        Index("ix_tasks_id", "id"),
    )

    user_id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    title: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    completed: bool = Field(sa_column_kwargs={"server_default": text("false")})
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )
    updated_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )
    priority: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("2")})
    due_date: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    # What titles are ordered by. A column, because a policy keeps an expression from its index.
    title_key: str = Field(
        sa_type=_ByCodePoint, sa_column_args=(Computed("lower(title)", persisted=True),)
    )


class TaskCounter(Table, table=True):
    """How many tasks a user has, kept in the transaction of every change.

    Counting rows costs more with every task and every dead tuple; this row costs the same for
    ever. `version` grows with each change to any of the user's tasks: it is the list's validator.
    """

    __tablename__ = "task_counters"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        CheckConstraint("user_id <> ''", name="has_owner"),
        CheckConstraint("completed BETWEEN 0 AND total", name="completed_within_total"),
        # Room on the page keeps the updates of this row out of the index (HOT).
        {"postgresql_with": {"fillfactor": 50}},
    )

    user_id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    total: int = Field(sa_type=BigInteger)
    completed: int = Field(sa_type=BigInteger)
    version: int = Field(sa_type=BigInteger)


class IdempotencyKey(Table, table=True):
    """What a key of a user's own making has brought: the first answer, to be given again.

    `fingerprint` tells the request from others; `body` and `version` are the task's as it was then,
    whatever becomes of the task. Once it has expired, the row is as good as gone.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        CheckConstraint("user_id <> ''", name="has_owner"),
        CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_length"),
        Index("ix_idempotency_keys_user_expiry", "user_id", "expires_at"),
        Index("ix_idempotency_keys_expiry", "expires_at"),
    )

    user_id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    key: str = Field(primary_key=True, sa_type=_ByCodePoint)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    body: str = Field(sa_type=Text)
    task_id: int = Field(sa_type=BigInteger)
    version: int = Field(sa_type=BigInteger)
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class Account(Table, table=True):
    """Somebody who has signed up here; their tasks belong to the user of the same id.

    `email` is as typed. `email_key` is the spelling by which it is compared, and unique across
    users: an address names one account.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        UniqueConstraint("email_key"),
        CheckConstraint("user_id <> ''", name="has_owner"),
        CheckConstraint("char_length(email) <= 254", name="email_length"),
        CheckConstraint("char_length(name) <= 255", name="name_length"),
    )

    user_id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=_ByCodePoint)
    name: str = Field(sa_type=Text)
    password_hash: str = Field(sa_type=Text)
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )
    updated_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )


class Session(Table, table=True):
    """One sign-in, and the family of refresh tokens that descends from it.

    It ends at `expires_at` however often it is refreshed, and at `revoked_at` for good.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        CheckConstraint("user_id <> ''", name="has_owner"),
        Index("ix_sessions_expiry", "expires_at"),
    )

    user_id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    id: str = Field(primary_key=True, sa_type=_ByCodePoint)
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": _NOW}
    )
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class RefreshToken(Table, table=True):
    """The SHA-256 of a refresh token; whoever presents a token says no more than this.

    So `hash` alone is the key. A token that has been used has a `child_hash`, that of the token
    which took its place. `issued_at` is by the clock that access tokens are judged by.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "session_id"], ["sessions.user_id", "sessions.id"], ondelete="CASCADE"
        ),
        CheckConstraint("user_id <> ''", name="has_owner"),
        CheckConstraint("octet_length(hash) = 32", name="hash_length"),
        CheckConstraint("(spent_at IS NULL) = (child_hash IS NULL)", name="spent_for_child"),
        Index("ix_refresh_tokens_session", "user_id", "session_id"),
    )

    hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    user_id: str = Field(sa_type=_ByCodePoint)
    session_id: str = Field(sa_type=_ByCodePoint)
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    spent_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    child_hash: bytes | None = Field(default=None, sa_type=LargeBinary)


OWNED: Final = {
    "users": "id",
    "tasks": "user_id",
    "task_counters": "user_id",
    "idempotency_keys": "user_id",
    "accounts": "user_id",
    "sessions": "user_id",
    "refresh_tokens": "user_id",
}
"""Each table that holds somebody's rows, and the column that names the owner."""
