"""Carriers of our own for tests: an SMTP server and an HTTP gateway that speak the real wire formats over a socket."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Post:
    """What the servers were given, and what they shall answer."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.mail_answers: dict[str, str] = {}
        self.http_answer: tuple[int, bytes] = (201, b'{"sid": "SM1"}')


@contextmanager
def smtp_server() -> Iterator[tuple[Post, int]]:
    """RFC 5321 as far as one letter needs it; `mail_answers` replaces the answer to a verb (`RCPT`, `DATA`, `END`)."""
    post = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 fake ESMTP")
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "DATA" and "DATA" not in post.mail_answers:
                    self._say("354 go on")
                    body = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        body += part
                    post.received.append(body)
                    self._say(post.mail_answers.get("END", "250 taken"))
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say(post.mail_answers.get(verb, "250 fine"))

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield post, server.server_address[1]
        server.shutdown()


@contextmanager
def http_gateway() -> Iterator[tuple[Post, int]]:
    """An HTTP server that keeps (path, headers, body) of each POST and gives `http_answer`."""
    post = Post()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            post.received.append((self.path, dict(self.headers), body))
            status, answer = post.http_answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield post, server.server_address[1]
        server.shutdown()


def answer(status: int, told: object) -> tuple[int, bytes]:
    return status, json.dumps(told).encode()
