"""SNAP BI, Indonesia's open API standard for payments: ask for an account (service 16), pay it (17, 18), ask what
became of it (36).

Sources: Bank Indonesia, Standar Nasional Open API Pembayaran (PADG 23/15/2021), and its developer site at
apidevportal.aspi-indonesia.or.id: signatures, response codes, transaction states. Whatever is not a clear yes or no of
the partner is *unknown*: nobody sends such a payment again before the partner was asked for it.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from bekal.core.money import MoneyError
from bekal.core.text import shown
from bekal.incentives.partners.bank_lines import Said, rupiah_of
from bekal.incentives.partners.csv_rail import Instruction, one_line
from bekal.incentives.partners.https import client_to

TIMEOUT_SECONDS = 20.0
ASK_AFTER = timedelta(minutes=10)
"""A payment that was sent is asked for at the earliest so long afterwards: before, the partner may still be at it."""
REFUSED_FOR = timedelta(seconds=10)
TOKEN_PATH = "/v1.0/access-token/b2b"
INQUIRY_PATH = "/v1.0/account-inquiry-external"
STATUS_PATH = "/v1.0/transfer/status"
INTRABANK, INTERBANK = "17", "18"
TRANSFER_PATHS = {INTRABANK: "/v1.0/transfer-intrabank", INTERBANK: "/v1.0/transfer-interbank"}
NAME_LENGTH = 100

# What the partner decided, by HTTP status and case: it is final, and nothing was paid.
_REJECTED: Mapping[str, str] = {
    "403/02": "AM14",
    "403/05": "AC06",
    "403/07": "AC06",
    "403/09": "AC06",
    "403/14": "AM04",
    "403/15": "AG01",
    "403/16": "AC06",
    "403/18": "AC04",
    "403/23": "AM14",
    "404/03": "RC01",
    "404/11": "AC01",
    "404/16": "AC01",
}
# The call was not let in: nothing was looked at, and the same payment may be sent again.
_NOT_LET_IN = frozenset({"400/00", "400/01", "400/02", "401/00", "401/01", "401/03", "403/06", "429/00"})


class Outcome(StrEnum):
    """What a call about one payment has brought."""

    SETTLED = "settled"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    NOT_LET_IN = "not_let_in"
    NOT_FOUND = "not_found"


# `latestTransactionStatus` of service 36.
_STATES: Mapping[str, Outcome] = {
    "00": Outcome.SETTLED,
    "01": Outcome.ACCEPTED,
    "02": Outcome.ACCEPTED,
    "03": Outcome.ACCEPTED,
    "04": Outcome.RETURNED,
    "05": Outcome.REJECTED,
    "06": Outcome.REJECTED,
    "07": Outcome.NOT_FOUND,
}
# `accountStatus` of service 16, as the reason against a payment; another word is no clear answer.
_STANDINGS: Mapping[str, str] = {"active": "", "closed": "AC04", "blocked": "AC06"}
SAID = {
    Outcome.SETTLED: Said.SETTLED,
    Outcome.ACCEPTED: Said.ACCEPTED,
    Outcome.REJECTED: Said.REJECTED,
    Outcome.RETURNED: Said.RETURNED,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """The outcome, the ISO reason where it was rejected or returned, and the partner's own response code; amount and
    account where the partner says them."""

    outcome: Outcome
    reason_code: str = ""
    partner_code: str = ""
    amount_rupiah: int | None = None
    account: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountHeard:
    """What the partner knows of an account. `reason_code`: why it cannot be paid to (ISO), or nothing; `is_answered`
    is False where nothing is known because nobody answered. `room_rupiah`: what still fits under a ceiling."""

    is_answered: bool
    holder_name: str = field(default="", repr=False)
    reason_code: str = ""
    partner_code: str = ""
    room_rupiah: int | None = None


@dataclass(frozen=True, slots=True)
class SnapAccess:
    """How one partner is reached, and as whom."""

    address: str
    client_id: str
    private_key: RSAPrivateKey = field(repr=False)
    channel_id: str
    bank_code: str
    service: str = INTERBANK
    # Whether the partner compares name and identity number (NIK) with its own: to no other they are said.
    compares_identity: bool = False


class SnapToken:
    """A partner's access token, for as long as the partner said: whoever needs one while another asks waits for it."""

    def __init__(self) -> None:
        self.asking = Lock()
        self._text = ""
        self._ends_at: datetime | None = None

    def text(self, now: datetime) -> str:
        """The token, or nothing where there is none or it has ended."""
        return self._text if self._ends_at is not None and now < self._ends_at else ""

    def keep(self, text: str, ends_at: datetime) -> None:
        self._text, self._ends_at = text, ends_at

    def drop(self, text: str) -> None:
        """The partner does not take this one any more; one that was given since stays."""
        if text == self._text:
            self._ends_at = None


class SnapClient:
    """Calls to one partner. `now` is the machine's clock, by which calls are signed; `token`: where the access token is
    kept, if for longer than this client."""

    def __init__(self, access: SnapAccess, *, now: Callable[[], datetime], token: SnapToken | None = None) -> None:
        self._access = access
        self._now = now
        self._token = token or SnapToken()
        self._refused: tuple[datetime, _Answer] | None = None
        self._http = client_to(access.address, timeout_seconds=TIMEOUT_SECONDS)

    def close(self) -> None:
        self._http.close()

    def pay(self, one: Instruction, *, on: date) -> Heard:
        """Pay once. The reference and the number of the call follow from the payment alone, so that a partner who hears
        it twice knows it. Never raises for what a partner or a network may do."""
        body = {
            "partnerReferenceNo": one.reference,
            "amount": _amount(one.amount_rupiah),
            "beneficiaryAccountName": one_line(one.holder_name)[:NAME_LENGTH].rstrip(),
            "beneficiaryAccountNo": one.account_number,
            "beneficiaryBankCode": self._access.bank_code,
            "sourceAccountNo": self._access.client_id,
            "transactionDate": f"{on.isoformat()}T00:00:00+07:00",
        }
        path = TRANSFER_PATHS[self._access.service]
        answer = self._call(path, body, _external_id(one.reference, self._access.service))
        return _of_payment(answer)

    def ask(self, reference: str, amount_rupiah: int) -> Heard:
        """What became of a payment: the only thing that resolves *unknown*."""
        body = {
            "originalPartnerReferenceNo": reference,
            "serviceCode": self._access.service,
            "amount": _amount(amount_rupiah),
        }
        answer = self._call(STATUS_PATH, body, _any_external_id())
        if answer is None:
            return Heard(Outcome.UNKNOWN)
        if answer.case == "404/01":
            return Heard(Outcome.NOT_FOUND, partner_code=answer.code)
        if answer.case != "200/00":
            return Heard(Outcome.NOT_LET_IN if answer.case in _NOT_LET_IN else Outcome.UNKNOWN, "", answer.code)
        return _of_status(answer)

    def ask_account(self, number: str, *, holder_name: str = "", identity: str = "") -> AccountHeard:
        """Whose an account is, and whether it can be paid to. Name and identity number of whom we mean are said only to
        a partner that compares them."""
        body: dict[str, Any] = {"beneficiaryBankCode": self._access.bank_code, "beneficiaryAccountNo": number}
        if self._access.compares_identity and identity:
            whom = one_line(holder_name)[:NAME_LENGTH].rstrip()
            body["additionalInfo"] = {"holderName": whom, "identityNumber": identity}
        answer = self._call(INQUIRY_PATH, body, _any_external_id())
        if answer is None:
            return AccountHeard(is_answered=False)
        if answer.case != "200/00":
            refused = _REJECTED.get(answer.case, "")
            return AccountHeard(is_answered=bool(refused), reason_code=refused, partner_code=answer.code)
        name = answer.body.get("beneficiaryAccountName")
        info = answer.body.get("additionalInfo")
        known: Mapping[str, Any] = info if isinstance(info, dict) else {}
        reason = _STANDINGS.get(str(known.get("accountStatus", "active")))
        if not isinstance(name, str) or reason is None:
            return AccountHeard(is_answered=False, partner_code=answer.code)
        if not reason and (known.get("kyc") is False or known.get("identityMatches") is False):
            reason = "BE01"
        room = known.get("roomLeft")
        return AccountHeard(
            is_answered=True,
            holder_name=name,
            reason_code=reason,
            partner_code=answer.code,
            room_rupiah=_rupiah(room) if isinstance(room, str) else None,
        )

    def _call(self, path: str, body: Mapping[str, Any], external_id: str) -> "_Answer | None":
        """The partner's answer; None where there is none that can be read."""
        try:
            token = self._token_of_now()
            if isinstance(token, _Answer):
                return token
            content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
            stamp = self._stamp()
            digest = hashlib.sha256(content).hexdigest()
            headers = {
                "Authorization": f"Bearer {token}",
                "X-SIGNATURE": self._sign(f"POST:{path}:{digest}:{stamp}"),
                "X-TIMESTAMP": stamp,
                "X-PARTNER-ID": self._access.client_id,
                "X-EXTERNAL-ID": external_id,
                "CHANNEL-ID": self._access.channel_id,
                "Content-Type": "application/json",
            }
            answer = _read(self._http.post(path, content=content, headers=headers))
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return None
        if answer is not None and answer.case.startswith("401/"):
            self._token.drop(token)
        return answer

    def _token_of_now(self) -> "str | _Answer":
        """The access token, or the answer that refused one: then the call itself was never made."""
        with self._token.asking:
            if text := self._token.text(self._now()):
                return text
            # Whoever waited while it was refused, or not given, does not wait as long once more.
            if self._refused is not None and self._now() - self._refused[0] < REFUSED_FOR:
                return self._refused[1]
            token = self._new_token()
            self._refused = (self._now(), token) if isinstance(token, _Answer) else None
            return token

    def _new_token(self) -> "str | _Answer":
        stamp = self._stamp()
        headers = {
            "X-CLIENT-KEY": self._access.client_id,
            "X-TIMESTAMP": stamp,
            "X-SIGNATURE": self._sign(f"{self._access.client_id}|{stamp}"),
            "Content-Type": "application/json",
        }
        try:
            answer = _read(self._http.post(TOKEN_PATH, content=b'{"grantType":"client_credentials"}', headers=headers))
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            answer = None
        token = answer.body.get("accessToken") if answer is not None else None
        if answer is None or answer.case != "200/00" or not isinstance(token, str):
            return _Answer("401/00", answer.code if answer else "", {})
        seconds = str(answer.body.get("expiresIn", ""))
        lasts = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= 6 else 0
        # A little early, so that it does not end under way.
        self._token.keep(token, self._now() + timedelta(seconds=max(0, lasts - 60)))
        return token

    def _stamp(self) -> str:
        return self._now().astimezone().isoformat(timespec="seconds")

    def _sign(self, text: str) -> str:
        return base64.b64encode(self._access.private_key.sign(text.encode(), padding.PKCS1v15(), SHA256())).decode()


@dataclass(frozen=True, slots=True)
class _Answer:
    """HTTP status and case (`403/18`), the partner's code as it came, the body."""

    case: str
    code: str
    body: Mapping[str, Any]


def _read(response: httpx.Response) -> _Answer | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    code = body.get("responseCode") if isinstance(body, dict) else None
    # HTTP status, service, case: seven digits. One that contradicts its own HTTP status is no answer.
    if not isinstance(code, str) or len(code) != 7 or not (code.isascii() and code.isdigit()):
        return None
    return _Answer(f"{code[:3]}/{code[5:]}", code, body) if code[:3] == str(response.status_code) else None


def _of_payment(answer: _Answer | None) -> Heard:
    if answer is None:
        return Heard(Outcome.UNKNOWN)
    if answer.case == "200/00":
        return Heard(Outcome.SETTLED, partner_code=answer.code, account=_account(answer))
    if answer.case == "202/00":
        return Heard(Outcome.ACCEPTED, partner_code=answer.code)
    if answer.case in _REJECTED:
        return Heard(Outcome.REJECTED, _REJECTED[answer.case], answer.code)
    # "Seen before" and "seen before, but different" are among what has to be asked: it may have been paid.
    outcome = Outcome.NOT_LET_IN if answer.case in _NOT_LET_IN else Outcome.UNKNOWN
    return Heard(outcome, partner_code=answer.code)


def _of_status(answer: _Answer) -> Heard:
    outcome = _STATES.get(str(answer.body.get("latestTransactionStatus")), Outcome.UNKNOWN)
    amount = answer.body.get("amount")
    value = amount.get("value") if isinstance(amount, dict) and amount.get("currency") == "IDR" else None
    info = answer.body.get("additionalInfo")
    reason = ""
    if outcome in (Outcome.REJECTED, Outcome.RETURNED):
        said = info.get("reasonCode") if isinstance(info, dict) else None
        reason = said if isinstance(said, str) and len(said) == 4 and said.isalnum() and said.isascii() else "NARR"
    rupiah = _rupiah(value) if isinstance(value, str) else None
    return Heard(outcome, reason, shown(answer.code), rupiah, _account(answer))


def _account(answer: _Answer) -> str:
    number = answer.body.get("beneficiaryAccountNo")
    return number if isinstance(number, str) else ""


def _external_id(reference: str, service: str) -> str:
    """The number of the call that pays: digits that follow from the payment, so that a second call that day is seen."""
    digits = int.from_bytes(hashlib.sha256(f"{service}:{reference}".encode()).digest()[:12])
    return f"{digits:030d}"


def _any_external_id() -> str:
    """The number of a call that only asks: many may ask in one instant, so it is drawn."""
    return f"{secrets.randbelow(10**30):030d}"


def _amount(rupiah: int) -> dict[str, str]:
    return {"value": f"{rupiah}.00", "currency": "IDR"}


def _rupiah(text: str) -> int | None:
    try:
        return rupiah_of(text)
    except MoneyError:
        return None
