"""The Open Badge, checked as a stranger would: by the published documents alone, with none of the signer's code."""

import base64
import gzip
import hashlib
import json
import re
import urllib.parse
from typing import Any

import jsonschema
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bekal.core.evidence import Piece, Source
from bekal.purchases.certificate_numbers import LIST_SIZE
from bekal.purchases.certificates import CertificateLine, certificates_of, status_bits
from bekal.purchases.open_badge import issuer_profile, open_badge, status_credential
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from tests import factories

BASE = "https://bekal.example"
AT = factories.RECONCILED_AT
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
URI = {"type": "string", "pattern": "^(https?|urn|did):"}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
PROFILE = {
    "type": "object",
    "required": ["id", "type"],
    "properties": {"id": URI, "type": {"type": "array", "contains": {"const": "Profile"}}},
}
# Written from 1EdTech Open Badges 3.0, section B (data models): what AchievementCredential requires.
OPEN_BADGE_3 = {
    "type": "object",
    "required": ["@context", "id", "type", "name", "issuer", "validFrom", "credentialSubject", "proof"],
    "properties": {
        "@context": {
            "type": "array",
            "prefixItems": [
                {"const": "https://www.w3.org/ns/credentials/v2"},
                {"pattern": r"^https://purl\.imsglobal\.org/spec/ob/v3p0/context-3\.0\.\d\.json$"},
            ],
            "minItems": 2,
        },
        "id": URI,
        "type": {
            "type": "array",
            "allOf": [
                {"contains": {"const": "VerifiableCredential"}},
                {"contains": {"enum": ["AchievementCredential", "OpenBadgeCredential"]}},
            ],
        },
        "issuer": PROFILE,
        "validFrom": INSTANT,
        "evidence": {
            "type": "array",
            "items": {"type": "object", "required": ["type"], "properties": {"narrative": {"type": "string"}}},
        },
        "credentialSchema": {"type": "array", "items": {"type": "object", "required": ["id", "type"]}},
        "credentialStatus": {
            "type": "object",
            "required": ["id", "type", "statusPurpose", "statusListIndex", "statusListCredential"],
            "properties": {"type": {"const": "BitstringStatusListEntry"}, "statusListIndex": {"pattern": r"^\d+$"}},
        },
        "credentialSubject": {
            "type": "object",
            "required": ["type", "achievement"],
            "anyOf": [{"required": ["id"]}, {"required": ["identifier"]}],
            "properties": {
                "id": URI,
                "type": {"type": "array", "contains": {"const": "AchievementSubject"}},
                "activityEndDate": INSTANT,
                "identifier": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["type", "hashed", "identityHash", "identityType"],
                        "properties": {
                            "type": {"const": "IdentityObject"},
                            "hashed": {"type": "boolean"},
                            "identityHash": {"pattern": r"^sha256\$[0-9a-f]{64}$"},
                        },
                    },
                },
                "achievement": {
                    "type": "object",
                    "required": ["id", "type", "criteria", "description", "name"],
                    "properties": {
                        "id": URI,
                        "type": {"type": "array", "contains": {"const": "Achievement"}},
                        "criteria": {"type": "object", "properties": {"narrative": {"type": "string"}}},
                        "description": {"type": "string", "minLength": 1},
                        "name": {"type": "string", "minLength": 1},
                        "creator": PROFILE,
                    },
                },
            },
        },
    },
}


def line(**person: Any) -> CertificateLine:
    (buyer,) = factories.accepted(**person)
    factories.completed(buyer, factories.training(title="Kopi “é” & <b>", hours=8))
    (found,) = certificates_of(participation_id=buyer)
    return found


# A verifier by the steps of the specification, with base58 and canonical JSON of its own.


def decoded58(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + BASE58.index(character)
    return bytes(len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8)


def canonical(document: Any) -> bytes:
    """RFC 8785 for documents with no number but small integers: names by UTF-16, no blanks, no needless escapes."""
    if isinstance(document, dict):
        names = sorted(document, key=lambda name: name.encode("utf-16-be"))
        return b"{" + b",".join(canonical(name) + b":" + canonical(document[name]) for name in names) + b"}"
    if isinstance(document, list):
        return b"[" + b",".join(map(canonical, document)) + b"]"
    return json.dumps(document, ensure_ascii=False).encode()


def verify(document: dict[str, Any], issuer: dict[str, Any]) -> None:
    """Raises where the issuer's published keys do not vouch for the document."""
    proof = dict(document["proof"])
    signature = decoded58(proof.pop("proofValue").removeprefix("z"))
    assert (proof["type"], proof["cryptosuite"], proof["proofPurpose"]) == (
        "DataIntegrityProof",
        "eddsa-jcs-2022",
        "assertionMethod",
    )
    assert proof["@context"] == document["@context"]
    method = proof["verificationMethod"]
    assert method in issuer["assertionMethod"]
    (key,) = [each for each in issuer["verificationMethod"] if each["id"] == method]
    assert (key["type"], key["controller"]) == ("Multikey", issuer["id"])
    assert urllib.parse.urldefrag(method).url == issuer["id"]
    raw = decoded58(key["publicKeyMultibase"].removeprefix("z"))
    assert raw[:2] == b"\xed\x01"
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    hashed = hashlib.sha256(canonical(proof)).digest() + hashlib.sha256(canonical(unsecured)).digest()
    Ed25519PublicKey.from_public_bytes(raw[2:]).verify(signature, hashed)


def is_revoked(badge: dict[str, Any], status: dict[str, Any]) -> bool:
    """W3C Bitstring Status List 1.0, section 3.2."""
    entry, subject = badge["credentialStatus"], status["credentialSubject"]
    assert status["id"] == entry["statusListCredential"]
    assert subject["statusPurpose"] == entry["statusPurpose"] == "revocation"
    text = subject["encodedList"]
    assert text.startswith("u") and "=" not in text
    bits = gzip.decompress(base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)))
    assert len(bits) * 8 >= 131_072
    index = int(entry["statusListIndex"])
    return bool(bits[index // 8] & (0x80 >> index % 8))


def status_of(found: CertificateLine) -> dict[str, Any]:
    bits = status_bits(status_list=found.status_list)
    assert bits is not None and len(bits) * 8 == LIST_SIZE
    return status_credential(bits=bits, status_list=found.status_list, base=BASE, at=AT)


@pytest.mark.django_db
def test_a_stranger_verifies_it_by_what_is_published() -> None:
    found = line()
    # What travels is text.
    badge, issuer = json.loads(json.dumps(open_badge(found, base=BASE))), issuer_profile(base=BASE)
    jsonschema.validate(badge, OPEN_BADGE_3)
    verify(badge, issuer)
    assert badge["issuer"]["id"] == issuer["id"] == f"{BASE}/sertifikat/penerbit.json"
    assert badge["id"] == f"{BASE}/sertifikat/{found.grouped}/"
    assert badge["evidence"][0]["narrative"].endswith(found.evidence_digest.hex())
    assert open_badge(found, base=BASE) == badge


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda badge: badge["credentialSubject"].update(licenseNumber="22222-22222-22222"),
        lambda badge: badge["credentialSubject"]["achievement"].update(name="Dokter"),
        lambda badge: badge["credentialStatus"].update(statusListIndex="0"),
        lambda badge: badge.update(validFrom="2019-01-01T00:00:00Z"),
        lambda badge: badge["proof"].update(created="2019-01-01T00:00:00Z"),
    ],
)
def test_what_was_changed_does_not_verify(change: Any) -> None:
    badge = open_badge(line(), base=BASE)
    change(badge)
    with pytest.raises(InvalidSignature):
        verify(badge, issuer_profile(base=BASE))


@pytest.mark.django_db
def test_it_exposes_nobody_and_the_name_can_be_checked() -> None:
    nik, phone = factories.new_nik(), "081234567891"
    found = line(nik=nik, full_name="Ni Luh Ayu", phone=phone)
    text = json.dumps(open_badge(found, base=BASE))
    for secret in (nik, phone, phone[1:], "Ni Luh", "Ayu", str(found.participant_id).rjust(16, "0")):
        assert secret not in text
    (identity,) = open_badge(found, base=BASE)["credentialSubject"]["identifier"]
    assert identity["identityHash"] == "sha256$" + hashlib.sha256(f"Ni Luh Ayu{identity['salt']}".encode()).hexdigest()
    assert re.fullmatch("[0-9a-f]{32}", identity["salt"])


@pytest.mark.django_db
def test_two_certificates_of_one_person_have_one_subject_and_two_salts() -> None:
    (buyer,) = factories.accepted()
    for _ in range(2):
        factories.completed(buyer, factories.training())
    one, two = (open_badge(each, base=BASE)["credentialSubject"] for each in certificates_of(participation_id=buyer))
    assert one["id"] == two["id"]
    assert one["identifier"][0]["salt"] != two["identifier"][0]["salt"]


@pytest.mark.django_db
def test_a_revoked_one_has_its_bit_in_the_signed_list() -> None:
    found, other = line(), line()
    badge, issuer = open_badge(found, base=BASE), issuer_profile(base=BASE)
    before = status_of(found)
    verify(before, issuer)
    assert before["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
    assert not is_revoked(badge, before)
    speaker = Speaker(Source.INSTITUTION, found.institution_id)
    denied = Message(speaker, found.purchase_id, Piece.COMPLETION, holds=False, revision=2, reason="Salah orang.")
    record_evidence(messages=[denied], at=AT)
    after = status_of(found)
    verify(after, issuer)
    assert is_revoked(badge, after)
    assert not is_revoked(open_badge(other, base=BASE), after)
    assert after["validUntil"] > after["validFrom"] == "2020-04-25T02:00:00Z"


@pytest.mark.django_db
def test_what_an_old_key_signed_verifies_after_a_rotation(settings: Any) -> None:
    found = line()
    badge = open_badge(found, base=BASE)
    (old,) = [each["publicKeyMultibase"] for each in issuer_profile(base=BASE)["verificationMethod"]]
    settings.CERTIFICATE_KEY, settings.CERTIFICATE_KEYS_BEFORE = "a new secret", old
    issuer = issuer_profile(base=BASE)
    verify(badge, issuer)
    verify(open_badge(found, base=BASE), issuer)
    assert open_badge(found, base=BASE)["proof"] != badge["proof"]
    settings.CERTIFICATE_KEYS_BEFORE = ""
    with pytest.raises(AssertionError):
        verify(badge, issuer_profile(base=BASE))
