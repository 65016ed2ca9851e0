"""What may be done: decisions, free of HTTP and of SQL."""
