"""The Python backend of a multi-user todo application."""

from typing import Final

__version__: Final = "0.2.0"
