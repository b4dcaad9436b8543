"""SMS over the HTTP interface that Twilio made and other gateways speak, too.

`https://account:token@api.twilio.com/?from=%2B62…`: `POST /2010-04-01/Accounts/{account}/Messages.json` with the form
fields To, From and Body under basic authentication; 201 and a `sid`, or an error with a `code`. Codes: the gateway's
published list of errors (21211, 21214, 21217, 21612, 21614: the number; 21610: its owner wants no messages).
"""

from dataclasses import dataclass, field

import httpx

from bekal.messaging.channels.carrier import (
    REFERENCE_CHARACTERS,
    TIMEOUT_SECONDS,
    Delivery,
    Letter,
    Verdict,
    international,
)

NUMBER_REFUSED = {21211, 21214, 21217, 21610, 21612, 21614}


@dataclass(frozen=True, slots=True)
class Sms:
    base: str
    account: str
    token: str = field(repr=False)
    sender: str = ""

    def deliver(self, letter: Letter) -> Delivery:
        fields = {"To": international(letter.address), "From": self.sender, "Body": letter.text}
        try:
            answer = httpx.post(
                f"{self.base}/2010-04-01/Accounts/{self.account}/Messages.json",
                data=fields,
                auth=(self.account, self.token),
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            )
            told = answer.json()
        except (httpx.HTTPError, ValueError):
            return Delivery(Verdict.LATER)
        if not isinstance(told, dict):
            return Delivery(Verdict.LATER)
        if answer.status_code == 201:
            return Delivery(Verdict.TAKEN, str(told.get("sid", ""))[:REFERENCE_CHARACTERS])
        if told.get("code") in NUMBER_REFUSED:
            return Delivery(Verdict.ADDRESS_REFUSED)
        # 401, 403, 404: our own account is not in order, which passes once somebody mends it.
        return Delivery(Verdict.MESSAGE_REFUSED if answer.status_code == 400 else Verdict.LATER)
