"""As much of `curl -i` as the pages use, for machines without it."""

import argparse
import http.client
import sys
from urllib.parse import quote_plus, urlsplit


def main() -> None:
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-i", action="store_true", required=True)
    parser.add_argument("-G", action="store_true", dest="is_query")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", action="append", default=[], dest="headers")
    parser.add_argument("-d", action="append", default=[], dest="data")
    parser.add_argument("--data-urlencode", action="append", default=[], dest="pairs")
    options = parser.parse_args()
    place = urlsplit(options.url)
    data = options.data + [_encoded(pair) for pair in options.pairs]
    target, body = place.path, None
    query = (
        "&".join([place.query, *data] if place.query else data) if options.is_query else place.query
    )
    if query:
        target += f"?{query}"
    if data and not options.is_query:
        body = "&".join(data).encode()
    headers = dict(header.split(": ", 1) for header in options.headers)
    if body is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    connection = http.client.HTTPConnection(place.netloc)
    connection.request(options.method or ("GET" if body is None else "POST"), target, body, headers)
    response = connection.getresponse()
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.getheaders()]
    content = response.read()
    sys.stdout.buffer.write("\r\n".join([*lines, "", ""]).encode() + content)


def _encoded(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={quote_plus(value)}"


if __name__ == "__main__":
    main()
