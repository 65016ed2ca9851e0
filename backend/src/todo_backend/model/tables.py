"""The tables: the one source of the schema, which the migrations have to match.

Every key starts with the owner, so that a row can be reached through its user alone, and so that
the tables can be spread over machines by user without changing a query.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Text,
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
# User ids are compared code point by code point, whatever language the database speaks.
_UserId: Final = Text(collation="C")


class Table(SQLModel):
    """The root of this backend's tables, with a metadata of its own."""

    metadata = MetaData(naming_convention=NAMING)


class User(Table, table=True):
    """A user that a trusted issuer vouched for. `email` and `name` are claims, not identities."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("char_length(id) BETWEEN 1 AND 255", name="id_length"),)

    id: str = Field(primary_key=True, sa_type=_UserId)
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
        Index("ix_tasks_newest", "user_id", text("created_at DESC"), text("id DESC")),
        Index(
            "ix_tasks_newest_by_status",
            "user_id",
            "completed",
            text("created_at DESC"),
            text("id DESC"),
        ),
    )

    user_id: str = Field(primary_key=True, sa_type=_UserId)
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

    user_id: str = Field(primary_key=True, sa_type=_UserId)
    total: int = Field(sa_type=BigInteger)
    completed: int = Field(sa_type=BigInteger)
    version: int = Field(sa_type=BigInteger)


OWNED: Final = {"users": "id", "tasks": "user_id", "task_counters": "user_id"}
"""Each table that holds somebody's rows, and the column that names the owner."""
