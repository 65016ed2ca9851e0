"""Tables and schemas of the baseline: one entity per table, the indexes of the specification."""

from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import DateTime, Index
from sqlmodel import Field, Relationship, SQLModel

T = TypeVar("T")


def now() -> datetime:
    return datetime.now(UTC)


class User(SQLModel, table=True):
    __tablename__ = "baseline_users"
    __table_args__ = (Index("idx_baseline_user_email", "email"),)

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str | None = None
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    tasks: list["Task"] = Relationship(back_populates="user")


class Task(SQLModel, table=True):
    __tablename__ = "baseline_tasks"
    __table_args__ = (
        Index("idx_baseline_task_user_id", "user_id"),
        Index("idx_baseline_task_completed", "completed"),
        Index("idx_baseline_task_user_completed", "user_id", "completed"),
    )

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=255)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool = False
    user_id: str = Field(foreign_key="baseline_users.id")
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    user: User = Relationship(back_populates="tasks")


class TaskCreate(BaseModel):
    title: str = Field(min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=1000)


class TaskReplace(TaskCreate):
    completed: bool = False


class TaskCompletion(BaseModel):
    """`completed` sets; without it the state is toggled."""

    completed: bool | None = None


class TaskListItem(BaseModel):
    id: int
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime


class TaskDetail(TaskListItem):
    user_id: str


class TaskPage(BaseModel):
    tasks: list[TaskListItem]
    total: int
    page: int
    limit: int


class Envelope(BaseModel, Generic[T]):
    success: bool = True
    data: T
    message: str
