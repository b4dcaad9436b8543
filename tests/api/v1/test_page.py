"""docs/partners/v1.md is the contract: its vectors, fields, examples, refusals and clients are those of the code."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

from bekal.api.v1.door import BASE, OTHERWISE, STATUSES
from bekal.core.partner_signature import body_form, v1_signature
from bekal.partners.refusals import CallRefusal
from bekal.partners.register import register_redirect
from bekal.ui.refusals_partners import PARTNERS
from tests.api.server import Server
from tests.api.v1.calls import call
from tests.api.v1.conftest import Registered, registered
from tests.conftest import PROGRAMME_INSTANT
from tests.databases import ROOT

PAGE = (ROOT / "docs" / "partners" / "v1.md").read_text(encoding="utf-8")
SIGNED = {"key": b"my_sign_key", "client_code": "myclient_code", "timestamp": "1516239022", "method": "POST"}
# In the order in which they can be called for one code.
OPERATIONS = (
    "payment/redeem-code/commit",
    "payment/redeem-code/status",
    "oauth/url-generate",
    "tpm/submission",
    "tpm/submission/status",
    "tpm/feedback/submission",
)
TYPES = {"text": str, "integer": int, "boolean": bool, "object": dict}
# How a client is started from its file; the first word is the program that has to be there.
PROGRAMS = {"python": [sys.executable, "client.py"], "js": ["node", "client.js"], "php": ["php", "client.php"]}
PROGRAMS |= {"go": ["go", "run", "client.go"], "ruby": ["ruby", "client.rb"], "java": ["java", "Client.java"]}


def block(mark: str, text: str = PAGE) -> str:
    """What stands in the one block of this mark."""
    (found,) = re.findall(rf"^```{mark}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def section(name: str) -> str:
    (found,) = re.findall(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def fields(text: str, head: str) -> dict[str, str]:
    """The names of a table of fields and their types; "…, optional" stays."""
    (rows,) = re.findall(rf"^\| {re.escape(head)} \|[^\n]*\n\|---[^\n]*\n((?:\|[^\n]*\n)+)", text, flags=re.MULTILINE)
    cells = (tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows.splitlines())
    return {name.strip("`"): kind for name, kind, _ in cells}


def flat(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, type]]:
    for name, value in data.items():
        yield before + name, type(value)
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")


def test_the_worked_vector_and_the_four_forms_of_the_body() -> None:
    text = block("vector").removesuffix("\n")
    head = "myclient_code1516239022POST"
    path, _, body = text.removeprefix(head).partition("{")
    signature = v1_signature(**SIGNED, path=path, body=f"{{{body}".encode())  # type: ignore[arg-type]
    assert text.startswith(head) and f"`{signature}`" in PAGE
    forms = [line.split(maxsplit=2) for line in block("forms").splitlines()]
    path, sent = BASE + "tpm/feedback/submission", forms[0][2].encode()
    for form, signature, written in forms:
        assert v1_signature(**SIGNED, path=path, body=written.encode()) == signature  # type: ignore[arg-type]
        assert body_form(**SIGNED, paths=(path,), body=sent, signature=signature) == form  # type: ignore[arg-type]
    assert [form for form, *_ in forms] == ["raw", "compact", "go", "php"]


def test_the_refusals_are_those_of_the_code() -> None:
    with override("id"):
        messages = {code: re.sub(r"%\(\w+\)s", "…", str(PARTNERS[code])) for code in CallRefusal}
    wanted = [(f"`{code}`", str(STATUSES.get(code, OTHERWISE)), messages[code]) for code in CallRefusal]
    rows = [row.strip("|").split(" | ") for row in section("Refusals").splitlines() if row.startswith("| `")][1:]
    assert [tuple(cell.strip() for cell in row[:3]) for row in rows] == wanted
    assert all(len(row) == 4 and row[3].strip() for row in rows)


@pytest.mark.django_db
def test_every_field_of_every_call_is_on_the_page_and_as_the_page_says() -> None:
    who = registered()
    _, redeem_code = who.bought()
    register_redirect(
        partner_id=who.partner.pk, uri="https://lembaga.id/kembali", is_sandbox=False, at=PROGRAMME_INSTANT
    )
    for operation in OPERATIONS:
        text = section(operation)
        asked = json.loads(block("json request", text))
        request = fields(text, "request")
        needed = {name for name, kind in request.items() if "optional" not in kind}
        assert needed <= set(asked) <= set(request), operation
        assert all(type(value) is TYPES[request[name].removesuffix(", optional")] for name, value in asked.items())
        told = call(who, operation, asked | {"redeem_code": redeem_code})
        assert told.status == 200, (operation, told)
        answer, listed = json.loads(block("json answer", text)), fields(text, "`data`")
        said = {name: TYPES[kind] for name, kind in listed.items()}
        assert dict(flat(told.data)) == said == dict(flat(answer["data"])), operation
        assert (answer["success"], answer["message"]) == (True, told.message)
        for name in needed:
            left = {key: value for key, value in asked.items() if key != name}
            assert call(who, operation, left).refusal == "field_missing", (operation, name)
    assert sorted(re.findall(r"^## (\S+/\S+)$", PAGE, flags=re.MULTILINE)) == sorted(OPERATIONS)


@pytest.mark.parametrize("language", PROGRAMS)
def test_each_client_on_the_page_takes_a_code(
    server: Server, institution: Registered, language: str, tmp_path: Path
) -> None:
    command = PROGRAMS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here")
    _, redeem_code = institution.bought()
    (tmp_path / command[-1]).write_text(block(language), encoding="utf-8")
    environ = {"BEKAL": f"http://127.0.0.1:{server.port}", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environ |= {"CLIENT_CODE": institution.client_code, "KEY": institution.secret}

    def run(code: str) -> subprocess.CompletedProcess[str]:
        own = os.environ | environ | {"REDEEM_CODE": code}
        return subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=300)

    done = run(redeem_code)
    assert (done.stdout.split("\n")[:3], done.returncode) == (["status 0", "commit 1", "status 1"], 0), done.stderr
    refused = run("NOTACODEATALL234")
    assert refused.returncode != 0 and "Kode penukaran tidak ditemukan" in refused.stderr
