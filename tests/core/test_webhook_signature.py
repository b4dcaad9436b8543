"""Webhooks are signed as the layout's own example is, and as a receiver's library checks it."""

import base64
import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.webhook_signature import secret_of, webhook_signature
from tests.databases import ROOT


def test_the_published_example() -> None:
    """From the documentation of the layout's reference libraries."""
    signed = webhook_signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_contract_page() -> None:
    page = (ROOT / "docs" / "partners" / "v2.md").read_text(encoding="utf-8")
    example = r"webhook-id: (.+)\nwebhook-timestamp: (\d+)\nwebhook-signature: (.+)\n\n(.+)\n"
    found = re.search(example, page)
    (secret,) = re.findall(r"is signed with `(whsec_.+?)`", page)
    assert found is not None
    signed = webhook_signature(secret, message_id=found[1], timestamp=int(found[2]), body=found[4].encode())
    assert signed == found[3]


@given(st.binary(min_size=24, max_size=64), st.text(), st.integers(0, 2**40), st.binary())
def test_a_receiver_finds_the_same(material: bytes, message_id: str, timestamp: int, body: bytes) -> None:
    message_id = message_id.encode("utf-8", "ignore").decode()
    secret = secret_of(material)
    signed = webhook_signature(secret, message_id=message_id, timestamp=timestamp, body=body)
    raw = hmac.new(
        base64.b64decode(secret[len("whsec_") :]), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256
    )
    assert signed == "v1," + base64.b64encode(raw.digest()).decode()


@pytest.mark.parametrize("secret", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*", "whsec_a"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError):
        webhook_signature(secret, message_id="m", timestamp=1, body=b"")


@pytest.mark.parametrize("count", [0, 23, 65])
def test_a_secret_has_the_layouts_length(count: int) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        secret_of(bytes(count))
