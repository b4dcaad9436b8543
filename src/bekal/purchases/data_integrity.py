"""Signed JSON documents: W3C Data Integrity with the cryptosuite eddsa-jcs-2022 (vc-di-eddsa, section 3.3)."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import base58
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Document = dict[str, Any]
SUITE = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022"}


def instant(at: datetime) -> str:
    """`2020-07-27T02:00:00Z`: XML Schema's dateTimeStamp, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signed(document: Document, *, key: Ed25519PrivateKey, verification_method: str, created_at: datetime) -> Document:
    """The document with its proof; the same document, key and instant give the same signature.

    `verification_method` is the address at which the key's Multikey is published."""
    proof = {
        **SUITE,
        "created": instant(created_at),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
        # So that nobody gives the words of the proof another meaning (3.3.1, step 2).
        "@context": document["@context"],
    }
    signature = key.sign(_hashed(document, proof))
    return {**document, "proof": {**proof, "proofValue": "z" + base58.b58encode(signature).decode()}}


def is_signed_by(document: Document, key: Ed25519PublicKey) -> bool:
    """Whether the document is exactly what the key's holder signed (3.3.2); False for anything malformed."""
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    proof = document.get("proof")
    if not isinstance(proof, dict) or any(proof.get(name) != value for name, value in SUITE.items()):
        return False
    value = proof.get("proofValue")
    options = {name: each for name, each in proof.items() if name != "proofValue"}
    if not isinstance(value, str) or not value.startswith("z") or not _same_context(document, options):
        return False
    try:
        key.verify(base58.b58decode(value[1:]), _hashed(unsecured, options))
    except (InvalidSignature, ValueError, rfc8785.CanonicalizationError):
        return False
    return True


def _same_context(document: Document, options: Document) -> bool:
    """A proof's context, where it has one, is where the document's begins."""
    if "@context" not in options:
        return True
    of_proof, of_document = options["@context"], document.get("@context")
    if not isinstance(of_proof, list) or not isinstance(of_document, list):
        return bool(of_proof == of_document)
    return of_document[: len(of_proof)] == of_proof


def _hashed(document: Document, options: Document) -> bytes:
    """What is signed: the hash of the proof's options, then that of the document, each in canonical form (RFC 8785)."""
    return b"".join(hashlib.sha256(rfc8785.dumps(each)).digest() for each in (options, document))
