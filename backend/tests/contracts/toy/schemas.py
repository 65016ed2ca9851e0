"""The bodies of the `toy` contract."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from todo_backend.model.task import NewTask, TaskChange
from todo_backend.web.fields import Title

ITEM_EXAMPLE: Final[dict[str, Any]] = {"no": 1, "text": "Buy milk", "done": False}


class Wire(BaseModel):
    """What goes over the wire: strict types, and unknown members are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ItemText(Wire):
    """What there is to do."""

    text: Annotated[str, Title(80)] = Field(description="1 to 80 characters.")

    def draft(self) -> NewTask:
        return NewTask(title=self.text, description=None)

    def change(self) -> TaskChange:
        return TaskChange(title=self.text)


class Item(Wire):
    """An item, in the words of task.sql."""

    no: int
    text: str
    done: bool


class Items(Wire):
    """The list, newest first."""

    items: list[Item]


class Failure(Wire):
    """Every error is one sentence."""

    error: str
