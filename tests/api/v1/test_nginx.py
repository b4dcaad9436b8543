"""docs/partners/nginx.conf as it stands, with a real nginx: what it lets through, and what it does not believe."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bekal.partners.register import register_redirect
from tests.api.server import Client, Reply, Server, reply_of
from tests.api.v1.conftest import Registered
from tests.conftest import PROGRAMME_INSTANT
from tests.databases import ROOT
from tests.journeys.world import free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed here")
SNIPPET = (ROOT / "docs" / "partners" / "nginx.conf").read_text(encoding="utf-8")
# Started by root its workers would be somebody who may not write into the folder.
USER = "user root;" if os.geteuid() == 0 else ""
AROUND = """{user} pid {folder}/pid; error_log stderr warn; daemon off; worker_processes 1;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{snippet} }}
"""
STATUS, COMMIT = "payment/redeem-code/status", "payment/redeem-code/commit"
SPOOFED = (
    *(("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")),
    *(
        ("X-Forwarded-Port", "444"),
        ("X-Forwarded-Prefix", "/x"),
        ("X-Forwarded-Server", "x"),
        ("X-Real-IP", "203.0.113.7"),
    ),
    *(("X-Forwarded-Ssl", "on"), ("X-Forwarded-Protocol", "https"), ("X-Forwarded-Scheme", "https")),
    *(
        ("Forwarded", "for=203.0.113.7;proto=https"),
        ("X-Original-URL", "/console/"),
        ("X-Original-Host", "evil.example"),
    ),
    *(("X-Rewrite-URL", "/console/"), ("Remote-User", "root"), ("X-Remote-User", "root")),
)


class Nginx(Server):
    """nginx takes a caller that closes its writing side for one that has gone."""

    def send(self, raw: bytes, *, peer: str = "127.0.0.1", port: int | None = None) -> Reply:
        with socket.create_connection(("127.0.0.1", port or self.port), 20, source_address=(peer, 0)) as sock:
            sock.sendall(raw)
            return reply_of(b"".join(iter(lambda: sock.recv(65_536), b"")))


@contextmanager
def proxied(folder: Path, behind: int) -> Iterator[Server]:
    """The snippet before that port, without TLS on a port of its own."""
    port = free_port()
    snippet, found = re.subn(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", SNIPPET)
    snippet, named = re.subn(r"server 127\.0\.0\.1:8000;", f"server 127.0.0.1:{behind};", snippet)
    snippet = re.sub(r"^\s*ssl_.*\n", "", snippet, flags=re.MULTILINE)
    assert (found, named) == (1, 1)
    (folder / "nginx.conf").write_text(AROUND.format(user=USER, folder=folder, snippet=snippet))
    assert NGINX is not None
    command = [NGINX, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
        assert process.poll() is None, "nginx did not start"
        yield Nginx(port, [])
    finally:
        process.terminate()
        process.wait()


def test_what_arrives_behind_it_is_what_was_sent_and_what_it_saw_itself(tmp_path: Path) -> None:
    seen: list[list[tuple[str, str]]] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append([(name.lower(), value) for name, value in self.headers.items()])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is said."""

    recorder = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=recorder.serve_forever).start()
    try:
        with proxied(tmp_path, recorder.server_port) as nginx:
            caller = Client(nginx, "lembaga-uji", "kunci")
            three = [("client_code", "lembaga-uji"), ("signature", "0" * 40), ("timestamp", "1605754800")]
            for own in ([*three, *SPOOFED], [("client-code", "x"), *three]):
                assert nginx.send(caller.request(STATUS, b"{}", headers=own)).status == 200
    finally:
        recorder.shutdown()
        recorder.server_close()
    added = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http"), ("host", "127.0.0.1")]
    always = [*added, *three, ("content-type", "application/json"), ("content-length", "2")]
    assert sorted(seen[0]) == sorted(always)
    assert sorted(seen[1]) == sorted([*always, ("client-code", "x")])


def test_v1_works_through_it_and_believes_no_more_than_without(
    server: Server, institution: Registered, tmp_path: Path
) -> None:
    back = "https://lembaga.id/kembali"
    register_redirect(partner_id=institution.partner.pk, uri=back, is_sandbox=False, at=PROGRAMME_INSTANT)
    _, redeem_code = institution.bought()
    code = {"redeem_code": redeem_code}
    with proxied(tmp_path, server.port) as nginx:
        through = Client(nginx, institution.client_code, institution.secret)
        assert through.call(COMMIT, code).data["status"] == 1
        assert through.call(STATUS, code, name="Client_Code").data["status"] == 1
        assert through.call(STATUS, code, path=f"//api/v1/integration/{STATUS}").data["status"] == 1
        body = json.dumps(code).encode()
        raw = through.request(STATUS, body)
        head = f"client_code: {institution.client_code}\r\n".encode()
        assert head in raw
        hyphen = head.replace(b"_", b"-")
        for wrong in (hyphen, head + hyphen, hyphen + head, b"client-code: x\r\n" + head, head + head, b""):
            reply = nginx.send(raw.replace(head, wrong))
            assert (reply.status, reply.envelope["success"]) == (401, False), wrong
        # It says which scheme it saw, whatever the caller says, by any spelling of the names.
        asked = json.dumps(code | {"sequence": 1, "redirect_uri": back, "email": "a@contoh.id"}).encode()
        spoofed = "".join(f"{name}: {value}\r\n" for name, value in SPOOFED)
        spoofed += spoofed.replace("X-Forwarded-", "X_Forwarded_") + "SCRIPT_NAME: /x\r\n"
        raw = through.request("oauth/url-generate", asked).replace(head, head + spoofed.encode())
        assert nginx.send(raw).data["url"].startswith("http://127.0.0.1/hadir/")
        large = through.call(STATUS, code | {"more": "x" * 70_000})
        assert (large.status, large.refusal) == (413, "body_too_large")
