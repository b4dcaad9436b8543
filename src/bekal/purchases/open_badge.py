"""A certificate as an Open Badge 3.0 credential, the issuer's profile with its keys, and the status list: all signed.

W3C Verifiable Credentials 2.0, 1EdTech Open Badges 3.0, W3C Bitstring Status List 1.0. `base` is the address of the
programme, `https://bekal.example` without a slash at its end.
"""

import base64
import gzip
import hashlib
import hmac
import uuid
from datetime import datetime, timedelta

from django.conf import settings

from bekal.purchases.certificate_keys import published_multikeys, signing_key
from bekal.purchases.certificates import CertificateLine
from bekal.purchases.data_integrity import Document, instant, signed

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
IDENTIFIERS = "https://www.w3.org/ns/cid/v1"
SCHEMA = {
    "id": "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json",
    "type": "1EdTechJsonSchemaValidator2019",
}
ISSUER_PATH, STATUS_PATH, CERTIFICATE_PATH = (
    "/sertifikat/penerbit.json",
    "/sertifikat/status/{}.json",
    "/sertifikat/{}/",
)
# A status list may be kept for so long before it is asked for again; an old copy says nothing any more.
STATUS_KEPT, STATUS_HOLDS = timedelta(minutes=5), timedelta(days=1)


def certificate_address(line: CertificateLine, *, base: str) -> str:
    """Where anybody who was given the number sees whether the certificate is valid."""
    return base + CERTIFICATE_PATH.format(line.grouped)


def open_badge(line: CertificateLine, *, base: str) -> Document:
    """The signed credential of one certificate: the same bytes each time it is asked for, while the key is the same.

    Its subject is an opaque number and a salted hash of the name: whoever holds the credential and knows the name can
    check that they belong together; it has no NIK, phone or address."""
    document: Document = {
        "@context": [CREDENTIALS_V2, OPEN_BADGES],
        "id": certificate_address(line, base=base),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": line.title,
        "issuer": _profile(base),
        "validFrom": instant(line.issued_at),
        "credentialSubject": _subject(line, base),
        "evidence": [_evidence(line)],
        "credentialStatus": _status(line, base),
        "credentialSchema": [SCHEMA],
    }
    return _signed(document, base, line.issued_at)


def issuer_profile(*, base: str) -> Document:
    """The issuer with the keys that verify: the one that signs now and those before."""
    issuer = base + ISSUER_PATH
    keys = published_multikeys()
    return {
        "@context": [IDENTIFIERS, OPEN_BADGES],
        **_profile(base),
        "verificationMethod": [
            {"id": f"{issuer}#{key}", "type": "Multikey", "controller": issuer, "publicKeyMultibase": key}
            for key in keys
        ],
        "assertionMethod": [f"{issuer}#{key}" for key in keys],
    }


def status_credential(*, bits: bytes, status_list: int, base: str, at: datetime) -> Document:
    """The signed status list: a bit for each of its certificates, 1 where it is revoked."""
    address = base + STATUS_PATH.format(status_list)
    # Without an instant in it: the same bits are the same text.
    packed = base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).rstrip(b"=").decode()
    document: Document = {
        "@context": [CREDENTIALS_V2],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": base + ISSUER_PATH,
        "validFrom": instant(at),
        "validUntil": instant(at + STATUS_HOLDS),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": f"u{packed}",
            "ttl": STATUS_KEPT // timedelta(milliseconds=1),
        },
    }
    return _signed(document, base, at)


def _signed(document: Document, base: str, at: datetime) -> Document:
    current, *_ = published_multikeys()
    method = f"{base}{ISSUER_PATH}#{current}"
    return signed(document, key=signing_key(), verification_method=method, created_at=at)


def _profile(base: str) -> Document:
    return {"id": base + ISSUER_PATH, "type": ["Profile"], "name": settings.PROGRAMME_NAME, "url": f"{base}/"}


def _subject(line: CertificateLine, base: str) -> Document:
    salt = _opaque("salt", line.certificate_id).hex()
    return {
        "id": uuid.UUID(bytes=_opaque("subject", line.participant_id)[:16], version=4).urn,
        "type": ["AchievementSubject"],
        "identifier": [
            {
                "type": "IdentityObject",
                "hashed": True,
                "identityHash": "sha256$" + hashlib.sha256((line.full_name + salt).encode()).hexdigest(),
                "identityType": "name",
                "salt": salt,
            }
        ],
        "activityEndDate": instant(line.completed_at),
        "licenseNumber": line.grouped,
        "achievement": {
            "id": f"{base}/pelatihan/{line.training_id}/",
            "type": ["Achievement"],
            "achievementType": "CertificateOfCompletion",
            "name": line.title,
            "description": _description(line),
            "criteria": {
                "narrative": "Semua sesi dihadiri dan pelatihan diselesaikan; lembaga pelatihan mencatat keduanya. "
                "Every session was attended and the training completed, as its institution recorded."
            },
            "creator": {
                "id": uuid.uuid5(uuid.NAMESPACE_URL, f"{base}/lembaga/{line.institution_id}").urn,
                "type": ["Profile"],
                "name": line.institution_name,
            },
        },
    }


def _description(line: CertificateLine) -> str:
    hours = "" if line.hours is None else f", {line.hours} jam (hours)"
    return f"{line.title}. {line.institution_name}. {line.session_count} sesi (sessions){hours}."


def _evidence(line: CertificateLine) -> Document:
    return {
        "type": ["Evidence"],
        "name": "Bukti kehadiran dan penyelesaian (attendance and completion)",
        "narrative": f"{line.evidence_count} catatan (records), SHA-256 {line.evidence_digest.hex()}",
    }


def _status(line: CertificateLine, base: str) -> Document:
    address = base + STATUS_PATH.format(line.status_list)
    return {
        "id": f"{address}#{line.status_index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(line.status_index),
        "statusListCredential": address,
    }


def _opaque(purpose: str, number: int) -> bytes:
    """16 bytes that nobody without the key can make from a row's number, or turn back into it."""
    key = hashlib.blake2b(settings.PRIVACY_KEY.encode(), digest_size=32, person=b"bekal-opaque").digest()
    return hmac.digest(key, f"{purpose} {number}".encode(), "sha256")[:16]
