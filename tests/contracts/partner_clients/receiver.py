"""Where webhooks arrive: checked in the layout of Standard Webhooks, and answered 204."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_SECONDS = 300


class Receiver:
    """Listens on this machine; `events` are those whose signature was right, `refused_count` the others."""

    def __init__(self) -> None:
        self.secret = ""
        self.events: list[dict[str, Any]] = []
        self.refused_count = 0
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(dict(self.headers.items()), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/bekal"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer with."""
        named = {name.lower(): value for name, value in headers.items()}
        is_right = self.is_signed(named, body)
        with self.arrived:
            if is_right:
                self.events.append({"id": named["webhook-id"]} | json.loads(body))
            else:
                self.refused_count += 1
            self.arrived.notify_all()
        return 204 if is_right else 401

    def is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether one of the signatures is ours over number, time and body, and the time is near."""
        number, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not stamp.isdigit() or abs(int(stamp) - time.time()) > TOLERANCE_SECONDS:
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        right = base64.b64encode(hmac.new(key, f"{number}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(f"v1,{right}", given) for given in headers.get("webhook-signature", "").split())

    def wait(self, until: Callable[[list[dict[str, Any]]], bool], seconds: float = 60) -> bool:
        """Whether the events came to be so in that time."""
        with self.arrived:
            return self.arrived.wait_for(lambda: until(self.events), seconds)
