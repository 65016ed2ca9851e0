"""The yardstick: the server that a developer writes who takes the specification at its word."""
