"""What the bodies of all contracts have in common."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue

INT64: Final[dict[str, JsonValue]] = {"format": "int64"}
"""What a schema says of an integer that needs 64 bits."""


class Wire(BaseModel):
    """What goes over the wire: strict types, and unknown members are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def without_default(schema: dict[str, Any]) -> None:
    """Take the default out of a field's schema: what is absent is left alone.

    A generated client would send a default that it finds there.
    """
    del schema["default"]
