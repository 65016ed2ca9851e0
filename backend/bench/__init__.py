"""Compares this server with the stack that the specifications spell out (docs/performance.md)."""
