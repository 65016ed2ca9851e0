"""The entry of `todo-backend`, quick and quiet: the commands take half a second to import."""

import signal


def main() -> None:
    """Run the command line."""
    # Until there is something to stop, Ctrl-C just ends this process: Python's own way would show
    # a traceback, and an exception in the middle of some imports turns into another.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from todo_backend.commands import run  # noqa: PLC0415 - after the line above

    run()
