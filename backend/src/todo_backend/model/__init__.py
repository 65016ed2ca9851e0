"""What exists: tables, values and errors. No input or output, no status codes."""
