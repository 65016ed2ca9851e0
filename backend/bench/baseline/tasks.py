"""The six task routes: load the entity, change it, commit, read it again, describe it."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, status
from sqlmodel import col, func, select

from bench.baseline.auth import CurrentUser
from bench.baseline.database import Session
from bench.baseline.models import (
    Envelope,
    Task,
    TaskCompletion,
    TaskCreate,
    TaskDetail,
    TaskPage,
    TaskReplace,
    now,
)

router = APIRouter(prefix="/api/{user_id}/tasks")
Answer = dict[str, object]


@router.get("", response_model=Envelope[TaskPage])
async def list_tasks(
    user_id: CurrentUser,
    session: Session,
    status: Literal["all", "pending", "completed"] = "all",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Answer:
    conditions = [col(Task.user_id) == user_id]
    if status != "all":
        conditions.append(col(Task.completed) == (status == "completed"))
    total = await session.exec(select(func.count()).select_from(Task).where(*conditions))
    tasks = await session.exec(
        select(Task)
        .where(*conditions)
        .order_by(col(Task.created_at).desc(), col(Task.id).desc())
        .limit(limit)
        .offset(offset)
    )
    page = {
        "tasks": tasks.all(),
        "total": total.one(),
        "page": offset // limit + 1,
        "limit": limit,
    }
    return _answer(page, "Tasks retrieved successfully")


@router.post("", response_model=Envelope[TaskDetail], status_code=status.HTTP_201_CREATED)
async def create_task(user_id: CurrentUser, body: TaskCreate, session: Session) -> Answer:
    task = Task(title=body.title, description=body.description, user_id=user_id)
    return await _saved(session, task, "Task created successfully")


@router.get("/{task_id}", response_model=Envelope[TaskDetail])
async def get_task(user_id: CurrentUser, task_id: int, session: Session) -> Answer:
    return _answer(await _owned(session, user_id, task_id), "Task retrieved successfully")


@router.put("/{task_id}", response_model=Envelope[TaskDetail])
async def replace_task(
    user_id: CurrentUser, task_id: int, body: TaskReplace, session: Session
) -> Answer:
    task = await _owned(session, user_id, task_id)
    task.title = body.title
    task.description = body.description
    task.completed = body.completed
    task.updated_at = now()
    return await _saved(session, task, "Task updated successfully")


@router.delete("/{task_id}", response_model=Envelope[None])
async def delete_task(user_id: CurrentUser, task_id: int, session: Session) -> Answer:
    task = await _owned(session, user_id, task_id)
    await session.delete(task)
    await session.commit()
    return _answer(None, "Task deleted successfully")


@router.patch("/{task_id}/complete", response_model=Envelope[TaskDetail])
async def complete_task(
    user_id: CurrentUser, task_id: int, body: TaskCompletion, session: Session
) -> Answer:
    task = await _owned(session, user_id, task_id)
    task.completed = not task.completed if body.completed is None else body.completed
    task.updated_at = now()
    return await _saved(session, task, "Task completion status updated")


async def _owned(session: Session, user_id: str, task_id: int) -> Task:
    found = await session.exec(select(Task).where(Task.id == task_id, Task.user_id == user_id))
    task = found.one_or_none()
    if task is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Task not found")
    return task


async def _saved(session: Session, task: Task, message: str) -> Answer:
    session.add(task)
    await session.commit()
    await session.refresh(task)
    return _answer(task, message)


def _answer(data: object, message: str) -> Answer:
    return {"success": True, "data": data, "message": message}
