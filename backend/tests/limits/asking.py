"""Asks a server again and again whether it lives, as a process of its own.

    python asking.py HOST PORT

It says when it has begun, and goes on until its standard input ends; then it prints when each
question was asked, by the clock of the machine, and how many seconds its answer took.
"""

import json
import select
import socket
import sys
import time

PAUSE_SECONDS = 0.01
PATIENCE_SECONDS = 20
REQUEST = b"GET /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"


def ask(place: tuple[str, int]) -> tuple[float, float]:
    began = time.monotonic()
    with socket.create_connection(place, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(REQUEST)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"no answer of a server that lives: {answer[:60]!r}")
    return began, time.monotonic() - began


def main(host: str, port: int) -> None:
    found = [ask((host, port))]
    print("asking", flush=True)  # noqa: T201 - so that nothing begins before it
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        found.append(ask((host, port)))
    print(json.dumps(found))  # noqa: T201 - what it is asked for


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
