"""The first generation of the partner API: bodies, headers, methods, paths; always the envelope, no way elsewhere."""

import json
import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from django.urls import URLResolver, get_resolver

from bekal.core import partner_signature
from bekal.ledger.clock import machine_now
from bekal.proofs.fuzz_corpus import ANY, HEADER_VALUES, TEXTS, bent_json
from bekal.proofs.fuzz_partner import METHODS, SANDBOX_SHARE, escaped, fresh_client, sendable
from bekal.proofs.fuzz_rounds import Place
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import Books
from bekal.proofs.partner_calls import V1

V1_FIELDS: Mapping[str, Any] = {
    "redeem_code": "AAAA-BBBB-CCCC-DDDD",
    "sequence": 1,
    "redirect_uri": "https://lembaga.example/kembali",
    "email": "siti@contoh.id",
    "scope": "tpm",
    "url_file": "https://lembaga.example/tugas.pdf",
    "notes": "Baik",
    "state": "x",
}


def v1_places(watch: Watch, books: Books) -> list[Place]:
    """Each address of the first generation, in these books; a quarter in the sandbox."""

    def place(path: str) -> Place:
        name = f"{books.name}v1 {path}"

        def try_some(numbers: range, rng: random.Random) -> None:
            for _ in numbers:
                watch.case(name, *v1_case(watch, books, path, rng), undo=books.undo)

        return Place(name, try_some, SANDBOX_SHARE if books.name else 1.0)

    return [place(path) for path in v1_paths()]


def v1_paths() -> list[str]:
    """The addresses below /api/v1/integration/, as the routes have them."""
    found: list[str] = []

    def walk(patterns: Any, before: str) -> None:
        for entry in patterns:
            written = before + re.sub(r"^\^|/?\??\$$|\\Z$", "", str(entry.pattern))
            if isinstance(entry, URLResolver):
                walk(entry.url_patterns, written)
            elif written.startswith(V1[1:]) and re.fullmatch(r"[a-z0-9/-]+", written):
                found.append(written.removeprefix(V1[1:]).rstrip("/"))

    walk(get_resolver().url_patterns, "")
    return list(dict.fromkeys(found))


def v1_case(watch: Watch, books: Books, path: str, rng: random.Random) -> tuple[str, Callable[[], str | None]]:
    """One case: what is sent, and the sending of it."""
    fields = {**V1_FIELDS, "redeem_code": rng.choice(books.redeem_codes)}
    body = bent_json(fields, rng) if rng.random() < 0.8 else json.dumps(fields).encode()
    method = rng.choice(METHODS) if rng.random() < 0.1 else "POST"
    sent, ours = f"{V1}{path}", True
    if rng.random() < 0.2:
        turned = (
            f"{sent}/",
            f"{sent}//",
            f"{sent}/../commit",
            f"{sent}%2f",
            f"{sent}%00",
            f"//{sent}",
            f"{sent}?a=%ff&b",
        )
        sent = rng.choice((*turned, f"{sent};x", sent.upper(), f"{sent}/{escaped(rng.choice(TEXTS)[:200])}"))
        ours = sent.partition("?")[0] in (f"{V1}{path}", f"{V1}{path}/")
    stamp, key = str(int(machine_now().timestamp())), books.first_generation
    signature = partner_signature.v1_signature(
        key=key.secret.encode(), client_code=key.key_id, timestamp=stamp, method="POST", path=f"{V1}{path}", body=body
    )
    headers: dict[str, Any] = {"HTTP_CLIENT_CODE": key.key_id, "HTTP_TIMESTAMP": stamp, "HTTP_SIGNATURE": signature}
    if rng.random() < 0.3:
        name = rng.choice(
            (*headers, "CONTENT_LENGTH", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE", "HTTP_HOST")
        )
        match rng.randrange(3):
            case 0:
                headers.pop(name, None)
            case 1:
                headers[name] = f"{headers.get(name, '')},{headers.get(name, '')}"
            case _:
                headers[name] = rng.choice((*HEADER_VALUES, *map(sendable, ANY)))[:9_000]
    with suppress(KeyError, ValueError):
        if int(headers["CONTENT_LENGTH"]) > len(body):  # a body that breaks off is for a socket: here it is a mistake
            headers["CONTENT_LENGTH"] = "9" * 30
    content_type = rng.choice(HEADER_VALUES) if rng.random() < 0.1 else "application/json"

    def send() -> str | None:
        response: Any = fresh_client().generic(method, sent.replace("//api", "/api"), body, content_type, **headers)
        watch.answers[str(response.status_code)] += 1
        return _v1_wrong(response, ours=ours and headers.get("HTTP_HOST") is None, body_told=method != "HEAD")

    return f"{method} {sent} {headers} {body[:150]!r}", send


def _v1_wrong(response: HttpResponse, *, ours: bool, body_told: bool) -> str | None:
    status, content = response.status_code, response.content
    told = f"{status} {content[:200].decode(errors='replace')}"
    if status >= 500 or b"Traceback (most" in content:
        return f"a fault of ours: {told}"
    if 300 <= status < 400:
        return f"leads elsewhere: {status} {response.headers.get('Location', '')}"
    if not ours or not body_told:
        return None
    try:
        envelope = json.loads(content)
    except ValueError:
        return f"answers without the envelope: {told}"
    if not isinstance(envelope, dict) or set(envelope) != {"success", "message", "data"}:
        return f"answers without the envelope: {told}"
    if envelope["success"] is not (status == 200) or not isinstance(envelope["message"], str):
        return f"its envelope contradicts its status: {told}"
    return None
