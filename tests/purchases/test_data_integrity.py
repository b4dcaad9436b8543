"""Signatures by eddsa-jcs-2022: the vector that W3C published, and what must not verify."""

import io
from datetime import UTC, datetime
from typing import Any

import base58
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command

from bekal.purchases.certificate_keys import multikey, public_key, published_multikeys, signing_key
from bekal.purchases.data_integrity import is_signed_by, signed

# W3C Data Integrity EdDSA Cryptosuites 1.0, B.2 (Representation: eddsa-jcs-2022): key pair, document, proof.
PUBLIC, PRIVATE = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2", "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
DOCUMENT: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
}
PROOF_VALUE = "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"
# An earlier draft's, without a context in the proof.
PROOF_VALUE_WITHOUT_CONTEXT = (
    "z3P6rHMUaWG6e3Ac6xYFht8aEvoVXndgKTtEY8kzWYXzk8dKmAo2GJeZiJw4qoZ2PGp4ugdaHx3oQiLpeFBLDqP2M"
)
METHOD = f"did:key:{PUBLIC}#{PUBLIC}"
CREATED_AT = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)


def published_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base58.b58decode(PRIVATE[1:])[2:])


def vector() -> dict[str, Any]:
    return signed(DOCUMENT, key=published_key(), verification_method=METHOD, created_at=CREATED_AT)


def test_the_published_vector_comes_out() -> None:
    assert multikey(published_key().public_key()) == PUBLIC
    assert vector()["proof"] == {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2023-02-24T23:36:38Z",
        "verificationMethod": METHOD,
        "proofPurpose": "assertionMethod",
        "@context": DOCUMENT["@context"],
        "proofValue": PROOF_VALUE,
    }
    assert is_signed_by(vector(), public_key(PUBLIC))


def test_a_proof_without_a_context_verifies_too() -> None:
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2023-02-24T23:36:38Z",
        "verificationMethod": f"https://vc.example/issuers/5678#{PUBLIC}",
        "proofPurpose": "assertionMethod",
        "proofValue": PROOF_VALUE_WITHOUT_CONTEXT,
    }
    assert is_signed_by({**DOCUMENT, "proof": proof}, public_key(PUBLIC))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another Credential"},
        {"extra": 1},
        {"extra": float("nan")},
        {"extra": 2**70},
        {"@context": ["https://www.w3.org/ns/credentials/v2"]},
        {"@context": None},
        {"proof": None},
        {"proof": {}},
        {"proof": {**vector()["proof"], "cryptosuite": "eddsa-rdfc-2022"}},
        {"proof": {**vector()["proof"], "created": "2024-02-24T23:36:38Z"}},
        {"proof": {**vector()["proof"], "proofPurpose": "authentication"}},
        {"proof": {**vector()["proof"], "proofValue": "z0OIl"}},
        {"proof": {**vector()["proof"], "proofValue": "zé"}},
        {"proof": {**vector()["proof"], "proofValue": 7}},
        {"proof": {**vector()["proof"], "proofValue": PROOF_VALUE[:-1]}},
    ],
)
def test_what_was_changed_does_not_verify(change: dict[str, Any]) -> None:
    assert not is_signed_by({**vector(), **change}, public_key(PUBLIC))


def test_another_key_does_not_verify() -> None:
    assert not is_signed_by(vector(), signing_key().public_key())


@pytest.mark.parametrize("text", ["", "z", "z0", PUBLIC[1:], PUBLIC[:-1], PRIVATE, "u" + PUBLIC[1:]])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Multikey"):
        public_key(text)


def test_keys_of_before_stay_published(settings: Any) -> None:
    (first,) = published_multikeys()
    settings.CERTIFICATE_KEY = "another secret"
    assert first not in published_multikeys()
    settings.CERTIFICATE_KEYS_BEFORE = f" {first}, {PUBLIC} "
    current, *before = published_multikeys()
    assert current != first
    assert before == [first, PUBLIC]
    out = io.StringIO()
    call_command("certificate-key", stdout=out)
    assert out.getvalue() == f"{current}\nbefore: {first}\nbefore: {PUBLIC}\n"
