"""The files of partners, through the doors where they come in: evidence as a table with its trailer, courses as XML."""

import hashlib
import random
import re
from urllib.parse import quote

from django.urls import reverse

from bekal.ledger.clock import programme_now
from bekal.proofs.access_world import Caller
from bekal.proofs.fuzz_documents import bent_xml
from bekal.proofs.fuzz_partner import fresh_client, signed_call
from bekal.proofs.fuzz_reader import Read, Reader
from bekal.proofs.fuzz_tables import bent_table
from bekal.proofs.fuzz_world import FuzzWorld

COLUMNS = b"purchase,piece,sequence,percent,happened_at,holds,revision,reason\n"
CMI5 = (
    b'<courseStructure xmlns="https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd">'
    b'<course id="https://lembaga.example/kursus/1"><title><langstring lang="id">Kursus</langstring></title></course>'
    b'<au id="https://lembaga.example/kursus/1/sesi-1" moveOn="CompletedOrPassed"><url>x</url></au>'
    b"</courseStructure>"
)


def partner_readers(world: FuzzWorld) -> list[Reader]:
    """Over v2 as an institution's system sends them, and through the form of its staff."""
    happened_at = programme_now().isoformat(timespec="seconds")
    rows = "".join(
        f"{world.access.redeemed.purchase_id},{piece},{sequence},,{happened_at},true,{revision},\n"
        for piece, sequence, revision in (("attendance", "1", 7), ("completion", "", 8))
    )
    lines = COLUMNS + rows.encode()
    evidence = sealed_evidence(lines)
    query = f"training={quote(world.live.training_code, safe='')}"
    return [
        Reader("file of evidence (v2)", evidence, bent_evidence, _sending(world, "/evidence-files", "text/csv")),
        Reader("file of evidence (page)", evidence, bent_evidence, _uploading(world.access.owners["institution"])),
        Reader("cmi5 course (v2)", CMI5, bent_xml, _sending(world, "/xapi/courses", "application/xml", query)),
    ]


def bent_evidence(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Often with a trailer that is right again, or wrong in one number alone; or whole, about another purchase."""
    body, _, trailer = content.rpartition(b"trailer,")
    if rng.random() < 0.1:
        number = rng.choice((*range(1, 10), 2**31, 2**63 - 1))
        return "another purchase", sealed_evidence(re.sub(rb"(?m)^\d+", b"%d" % number, body))
    how, bent = bent_table(body, rng)
    match rng.randrange(5):
        case 0:
            return how, bent + b"trailer," + trailer
        case 1:
            cells = sealed_evidence(bent)[len(bent) :].rstrip(b"\n").split(b",")
            cells[rng.randrange(len(cells))] = rng.choice((b"0", b"1", b"-1", b"1e400", b"9" * 5_000, b"0" * 64, b""))
            return f"{how}, sealed wrong", bent + b",".join(cells) + b"\n"
        case 2:
            return f"{how}, sealed and more", sealed_evidence(bent) + rng.choice((b"\n", b"\r\n", body, b"\0", b"x"))
    return f"{how}, sealed", sealed_evidence(bent)


def sealed_evidence(lines: bytes) -> bytes:
    """Header and rows with the trailer that belongs to them, as docs/partners/evidence-files.md says."""
    rows = [line.split(b",") for line in lines.split(b"\n")[1:] if line]

    def total(place: int) -> int:
        cells = [row[place] for row in rows if len(row) > place]
        return sum(int(cell) for cell in cells if cell.isdigit() and len(cell) < 20)

    return lines + f"trailer,{len(rows)},{total(0)},{total(3)},{hashlib.sha256(lines).hexdigest()}\n".encode()


def _sending(world: FuzzWorld, path: str, content_type: str, query: str = "") -> Read:
    def read(content: bytes) -> str | None:
        answer = signed_call(
            world.live.systems["institution"],
            "POST",
            f"/api/v2{path}",
            query=query,
            body=content,
            headers={"Content-Type": content_type},
        )
        return _told(answer.status_code, answer.content)

    return read


def _uploading(caller: Caller) -> Read:
    from io import BytesIO

    visitor = fresh_client()
    assert caller.user is not None
    visitor.force_login(caller.user)
    address, cookies = reverse("console:evidence_file"), visitor.cookies

    def read(content: bytes) -> str | None:
        file = BytesIO(content)
        file.name = "bukti.csv"
        visitor = fresh_client()
        visitor.cookies = cookies
        answer = visitor.post(address, {"file": file})
        return _told(answer.status_code, answer.content)

    return read


def _told(status: int, content: bytes) -> str | None:
    """What a reader says by HTTP: taken, or refused with its words. Raises RuntimeError for a fault of ours."""
    if status >= 500 or 300 <= status < 400:
        raise RuntimeError(f"answered {status}: {content[:200]!r}")
    return None if status < 300 else content.decode()
