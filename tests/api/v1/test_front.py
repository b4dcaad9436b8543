"""What only the server in front sees, over a socket: heads and bodies that are cut, doubled, endless or no HTTP at all.

Whatever comes, it is answered or closed at once, never with a fault of ours, and the next call finds its answer.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import product

import pytest

from tests.api.server import BASE, Client, Server, serving
from tests.api.v1.conftest import Registered
from tests.databases import ROOT

V1, V2, PAGE = f"POST {BASE}payment/redeem-code/status", "POST /api/v2/redemptions", "POST /masuk/"
CUT, WHOLE = b"Content-Length: 1000\r\n\r\n{}", b"Content-Length: 2\r\n\r\n{}"
HEADS: dict[str, bytes] = {
    "the length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    "a body that breaks off": CUT,
    "a body that breaks off after a megabyte": b"Content-Length: 5000000\r\n\r\n" + b"a" * 1_000_000,
    **{
        f"the length {length[:9]!r}": b"Content-Length: " + length + b"\r\n\r\n{}"
        for length in (b"-1", b"", b"abc", b"1e3", b"+2", b"0x2", b"2,2", b"9" * 30, b"9" * 3_000, b"\xc2\xb2")
    },
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks that break off": b"Transfer-Encoding: chunked\r\n\r\n10\r\n{}",
    "a chunk without a number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "an endless chunk": b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n{}",
    "a chunk with an extension": b"Transfer-Encoding: chunked\r\n\r\n2;" + b"a" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
    "a trailer": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    "another coding": b"Transfer-Encoding: gzip\r\n\r\n{}",
    "a header of a megabyte": b"X: " + b"a" * 1_000_000 + b"\r\n" + WHOLE,
    "10,000 headers": b"".join(b"X-%d: a\r\n" % n for n in range(10_000)) + WHOLE,
    "a host twice": b"Host: b\r\n" + WHOLE,
    "NUL in a header": b"X: a\0b\r\n" + WHOLE,
    "a folded header": b"X: a\r\n b\r\n" + WHOLE,
    "a header without a colon": b"X\r\n" + WHOLE,
    "a header without a name": b": x\r\n" + WHOLE,
    "a blank before the colon": b"X : x\r\n" + WHOLE,
    "lines that end in LF": WHOLE.replace(b"\r\n", b"\n"),
    "a lone CR": b"X: a\rb\r\n" + WHOLE,
    "waiting to be asked for the body": b"Expect: 100-continue\r\n" + WHOLE,
    "something else expected": b"Expect: x\r\n" + WHOLE,
    "an upgrade": b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + WHOLE,
    "a head that breaks off": b"X: a",
}
LINES: dict[str, bytes] = {
    "HTTP/1.0": b"POST /api/v2/redemptions HTTP/1.0\r\n" + WHOLE,
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "a line of 100,000": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no version": b"GET / \r\n\r\n",
    "a method of 10,000": b"X" * 10_000 + b" / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a whole address": b"GET http://example.com/api/v2/me HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "another's port": b"CONNECT example.com:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no host": b"GET /api/v2/me HTTP/1.1\r\n\r\n",
    "bytes above 127": b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "NUL": b"\0" * 100,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x17" * 500,
    "blank lines": b"\r\n" * 50,
    "half a line": b"GET /api",
    "nothing": b"",
}
# What a server says of the protocol, not of itself: a coding it does not know, a version it does not speak.
OF_THE_PROTOCOL = {501, 505}
AT_MOST_SECONDS = 50


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn as deployed, with the files that its pages name: what is no call of the API is answered with a page."""
    environ = dict(os.environ) | {"BEKAL_STATIC_ROOT": str(tmp_path_factory.mktemp("static"))}
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environ, check=True)
    with serving(environ) as running:
        yield running


def statuses(server: Server, raw: bytes) -> list[int]:
    """The status of each answer until the server closes; TimeoutError where it does not."""
    with socket.create_connection(("127.0.0.1", server.port), AT_MOST_SECONDS) as sock:
        received = b""
        try:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            while more := sock.recv(65_536):
                received += more
        except (ConnectionResetError, BrokenPipeError):
            pass  # it has heard enough
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", received)]


def test_whatever_comes_is_answered_or_closed(client_of_institution: Client, institution: Registered) -> None:
    server, sent = client_of_institution.server, dict(LINES)
    _, redeem_code = institution.bought()
    right = client_of_institution.request("payment/redeem-code/status", b'{"redeem_code":"%s"}' % redeem_code.encode())
    assert statuses(server, right) == [200]
    for line, (name, rest) in product((V1, V2, PAGE), HEADS.items()):
        sent[f"{line}: {name}"] = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + rest
    for name, raw in sent.items():
        try:
            found = statuses(server, raw)
        except TimeoutError:
            pytest.fail(f"{name}: neither answered nor closed in {AT_MOST_SECONDS} s")
        assert [status for status in found if status >= 500 and status not in OF_THE_PROTOCOL] == [], name


def test_calls_behind_each_other_are_each_answered(client_of_institution: Client, institution: Registered) -> None:
    """Several on one connection, before the first has its answer; one that breaks off takes none of them with it."""
    _, redeem_code = institution.bought()
    body = b'{"redeem_code":"%s"}' % redeem_code.encode()
    raw = client_of_institution.request("payment/redeem-code/status", body)
    behind = raw.replace(b"Connection: close\r\n", b"")
    assert statuses(client_of_institution.server, behind * 3 + raw) == [200] * 4
    cut = f"{V1} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + CUT
    first, *rest = statuses(client_of_institution.server, behind + cut)
    assert first == 200 and all(status < 500 for status in rest)
