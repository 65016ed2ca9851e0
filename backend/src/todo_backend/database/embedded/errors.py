"""What the embedded server says when it can't serve."""


class EmbeddedError(Exception):
    """One sentence for the person who started it: what is wrong and, where known, the way out.

    It names paths and process ids, never a password or a connection string.
    """


class DataFolderInUse(EmbeddedError):
    """Another process owns the data folder, and serves it."""
