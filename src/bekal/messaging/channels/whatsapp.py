"""WhatsApp over Meta's Cloud API: a business may begin a conversation only with a template it has had approved.

`https://token@graph.facebook.com/v21.0/PHONE_NUMBER_ID?template=NAME`: `POST …/messages`; the template has one place in
its body, for the text. Codes: the interface's published list of errors (131026: the number takes no WhatsApp messages;
131045, 132000 to 132015: the template; 130429, 131048, 131056: too many for now).
"""

from dataclasses import dataclass, field
from typing import Any

import httpx

from bekal.messaging.channels.carrier import (
    REFERENCE_CHARACTERS,
    TIMEOUT_SECONDS,
    Delivery,
    Letter,
    Verdict,
    international,
)

NUMBER_REFUSED = {131026, 131021}
MESSAGE_REFUSED = {100, 131008, 131009, 131045, 131051, *range(132000, 132016)}


@dataclass(frozen=True, slots=True)
class WhatsApp:
    base: str
    token: str = field(repr=False)
    template: str = ""

    def deliver(self, letter: Letter) -> Delivery:
        try:
            answer = httpx.post(
                f"{self.base}/messages",
                json=self._body(letter),
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            )
            told = answer.json()
        except (httpx.HTTPError, ValueError):
            return Delivery(Verdict.LATER)
        if answer.status_code == 200:
            return Delivery(Verdict.TAKEN, _number_of(told))
        error = told.get("error") if isinstance(told, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        if code in NUMBER_REFUSED:
            return Delivery(Verdict.ADDRESS_REFUSED)
        return Delivery(Verdict.MESSAGE_REFUSED if code in MESSAGE_REFUSED else Verdict.LATER)

    def _body(self, letter: Letter) -> dict[str, Any]:
        # A place in a template takes no line breaks and no runs of blanks.
        text = {"type": "text", "text": " ".join(letter.text.split())}
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": international(letter.address).removeprefix("+"),
            "type": "template",
            "template": {
                "name": self.template,
                "language": {"code": letter.language},
                "components": [{"type": "body", "parameters": [text]}],
            },
            "biz_opaque_callback_data": letter.reference,
        }


def _number_of(told: Any) -> str:
    try:
        return str(told["messages"][0]["id"])[:REFERENCE_CHARACTERS]
    except (KeyError, IndexError, TypeError):
        return ""
