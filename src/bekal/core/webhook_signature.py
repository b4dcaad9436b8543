"""How a webhook is signed: the Standard Webhooks layout, version 1 (https://www.standardwebhooks.com).

Signed is `{webhook-id}.{webhook-timestamp}.{body}` with HMAC-SHA256 under the bytes that the secret holds in base64
after `whsec_`; sent is `v1,` and the base64 of it.
"""

import base64
import hmac

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_of(material: bytes) -> str:
    """The secret as the receiver keeps it. Raises ValueError outside the layout's 24 to 64 bytes."""
    if not 24 <= len(material) <= 64:
        raise ValueError(f"a webhook's secret has 24 to 64 bytes, not {len(material)}")
    return PREFIX + base64.b64encode(material).decode()


def webhook_signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`. Raises ValueError where the secret is no secret of this layout."""
    if not secret.startswith(PREFIX):
        raise ValueError("a webhook's secret begins with whsec_")
    material = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(material, signed, "sha256")).decode()
