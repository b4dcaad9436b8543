"""Certificates rest on completed purchases and on rows that recompute, and what is revoked is revoked in public.

SQL only, with the role that can only read, and no code of the verbs. What is published, the signed status lists, is
made as the public address makes it, then read as a stranger reads it: signature, compression, bits.
"""

import base64
import gzip
import hashlib
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import base58
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connections

from bekal.ledger.clock import programme_now
from bekal.proofs.arguments import add_common_arguments
from bekal.proofs.report import heading
from bekal.proofs.result_file import write_result
from bekal.proofs.snapshot import snapshot
from bekal.proofs.subjects import Output
from bekal.purchases.certificates import status_bits
from bekal.purchases.open_badge import issuer_profile, status_credential

BASE = "https://bekal.invalid"
EXAMPLE_COUNT = 10
_REVOKED = "EXISTS (SELECT FROM purchases_certificateevent e WHERE e.certificate_id = c.id AND e.kind = 'revoked')"
# Each finds certificates that must not be, by their numbers.
CHECKS: dict[str, str] = {
    "a valid certificate has a completed purchase": f"""
        SELECT c.id FROM purchases_certificate c JOIN purchases_purchase p ON p.id = c.purchase_id
        WHERE NOT {_REVOKED} AND p.completed_at IS NULL
    """,
    "nobody has taken back the completion of a valid certificate": f"""
        SELECT c.id FROM purchases_certificate c JOIN purchases_evidence v ON v.purchase_id = c.purchase_id
        WHERE NOT {_REVOKED} AND v.piece = 'completion' AND v.source = 'institution' AND NOT v.holds
          AND NOT EXISTS (SELECT FROM purchases_evidence other
                          WHERE other.purchase_id = v.purchase_id AND other.piece = v.piece
                            AND (other.source <> v.source OR other.revision > v.revision
                                 OR other.revision = v.revision AND other.holds))
    """,
    "the evidence recomputes to the digest": """
        SELECT c.id FROM purchases_certificate c LEFT JOIN LATERAL (
            SELECT array_agg(v.piece || ' ' || v.sequence || ' ' || v.source || ' '
                             || (extract(epoch FROM v.recorded_at) * 1000000)::bigint
                             || CASE WHEN v.holds THEN '' ELSE ' denied' END
                             || coalesce(' ' || v.percent || ' percent', '')
                             || CASE WHEN v.revision > 1 THEN ' revision ' || v.revision ELSE '' END
                             ORDER BY v.piece COLLATE "C", v.sequence, v.source COLLATE "C", v.id) AS said,
                   coalesce(bool_or(v.piece = 'completion'), false) AS completes
            FROM purchases_evidence v
            WHERE v.purchase_id = c.purchase_id AND v.id <= c.evidence_until_id
              AND v.piece IN ('attendance', 'completion')
        ) evidence ON true
        WHERE NOT evidence.completes OR cardinality(evidence.said) <> c.evidence_count
           OR sha256(convert_to(array_to_string(evidence.said, chr(10)), 'UTF8')) <> c.evidence_digest
    """,
    "a purchase has one valid certificate": f"""
        SELECT max(c.id) FROM purchases_certificate c WHERE NOT {_REVOKED} GROUP BY c.purchase_id HAVING count(*) > 1
    """,
    "an officer's revocation answers another officer's request": """
        SELECT e.certificate_id FROM purchases_certificateevent e
        LEFT JOIN purchases_certificateevent asked ON asked.id = e.asked_id
        WHERE e.kind = 'revoked' AND e.officer_id IS NOT NULL AND (
            asked.kind IS DISTINCT FROM 'asked' OR asked.certificate_id <> e.certificate_id
            OR asked.officer_id <> e.asked_by_id OR asked.officer_id = e.officer_id)
    """,
    "what officers revoked is not issued again": """
        SELECT later.id FROM purchases_certificate later
        JOIN purchases_certificate c ON c.purchase_id = later.purchase_id AND c.sequence < later.sequence
        JOIN purchases_certificateevent e ON e.certificate_id = c.id AND e.kind = 'revoked'
        WHERE e.officer_id IS NOT NULL
    """,
}
REVOKED_SQL = f"SELECT c.status_list, c.status_index FROM purchases_certificate c WHERE {_REVOKED}"


@dataclass(slots=True)
class Certificates:
    """What was looked at and found."""

    certificate_count: int = 0
    revoked_count: int = 0
    list_count: int = 0
    violations: dict[str, list[int]] = field(default_factory=dict)  # check -> certificates, or lists
    seconds: float = 0.0


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every certificate rests on its evidence and every list says what is revoked."""
    found = prove_certificates()
    figures = {"certificates": found.certificate_count, "revoked": found.revoked_count, "lists": found.list_count}
    # Everything is looked at, nothing is drawn.
    stdout.write(heading("certificates", seed="none", **figures))
    for check in [*CHECKS, "the published list says what is revoked"]:
        wrong = found.violations.get(check, [])
        shown = ", ".join(map(str, wrong[:EXAMPLE_COUNT]))
        stdout.write(
            f"  {'holds' if not wrong else 'BROKEN'}  {check}" + (f": {len(wrong):,}: {shown}" if wrong else "")
        )
    stdout.write(f"  {found.seconds:.1f} s")
    write_result(options.get("result"), asdict(found))
    return 1 if found.violations else 0


def prove_certificates() -> Certificates:
    """One snapshot for all questions."""
    found, started = Certificates(), time.perf_counter()
    with snapshot(connections["proof"]) as cursor:
        cursor.execute("SELECT count(*) FROM purchases_certificate")
        found.certificate_count = cursor.fetchone()[0]
        for check, statement in CHECKS.items():
            cursor.execute(f"{statement} ORDER BY 1")
            wrong = [number for (number,) in cursor.fetchall()]
            if wrong:
                found.violations[check] = wrong
        cursor.execute(REVOKED_SQL)
        revoked: dict[int, set[int]] = {}
        for status_list, index in cursor.fetchall():
            revoked.setdefault(status_list, set()).add(index)
        cursor.execute("SELECT DISTINCT status_list FROM purchases_certificate ORDER BY 1")
        lists = [number for (number,) in cursor.fetchall()]
    found.revoked_count, found.list_count = sum(map(len, revoked.values())), len(lists)
    wrong = [number for number in lists if published_bits(number) != revoked.get(number, set())]
    if wrong:
        found.violations["the published list says what is revoked"] = wrong
    found.seconds = time.perf_counter() - started
    return found


def published_bits(status_list: int) -> set[int] | None:
    """Which bits the published list sets, as a stranger reads it; None where its signature or form is not right."""
    bits = status_bits(status_list=status_list)
    if bits is None:
        return None
    document = status_credential(bits=bits, status_list=status_list, base=BASE, at=programme_now())
    text = document["credentialSubject"]["encodedList"]
    if not _is_signed(document) or not text.startswith("u"):
        return None
    packed = gzip.decompress(base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)))
    return {8 * place + bit for place, byte in enumerate(packed) if byte for bit in range(8) if byte & 0x80 >> bit}


def _is_signed(document: dict[str, Any]) -> bool:
    """vc-di-eddsa, 3.3.2, against the keys of the issuer's profile."""
    issuer = issuer_profile(base=BASE)
    options = {name: value for name, value in document["proof"].items() if name != "proofValue"}
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    keys = {each["id"]: each["publicKeyMultibase"] for each in issuer["verificationMethod"]}
    raw = base58.b58decode(keys[options["verificationMethod"]][1:])[2:]
    signature = base58.b58decode(document["proof"]["proofValue"][1:])
    hashed = b"".join(hashlib.sha256(rfc8785.dumps(each)).digest() for each in (options, unsecured))
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, hashed)
    except InvalidSignature:
        return False
    return True
