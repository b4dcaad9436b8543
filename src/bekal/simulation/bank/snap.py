"""The bank's SNAP BI interface, Indonesia's open API standard for payments: one account asked for, one payment made,
one payment asked for, each by a signed call.

Services 73 (access token), 16 (external account inquiry), 17 and 18 (transfer within and between banks), 36 (transfer
status), as Bank Indonesia's national standard and its developer site (apidevportal.aspi-indonesia.or.id) give them. A
call is signed with SHA256withRSA over METHOD:path:lower-hex SHA-256 of the minified body:timestamp.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from bekal.simulation.bank.bank import Bank

TOKEN_SECONDS = 900
CLOCK_LIMIT = timedelta(minutes=15)
TOKEN_PATH = "/v1.0/access-token/b2b"
INQUIRY_PATH = "/v1.0/account-inquiry-external"
STATUS_PATH = "/v1.0/transfer/status"
TRANSFERS = {"/v1.0/transfer-intrabank": "17", "/v1.0/transfer-interbank": "18"}
SERVICES = {TOKEN_PATH: "73", INQUIRY_PATH: "16", STATUS_PATH: "36", **TRANSFERS}
# What stands against a payment, as SNAP says it: HTTP status, case, message.
REFUSALS = {
    "AC01": (404, "11", "Invalid Card/Account/Customer"),
    "AC04": (403, "18", "Inactive Card/Account/Customer"),
    "AC06": (403, "05", "Do Not Honor"),
    "BE01": (404, "11", "Invalid Card/Account/Customer name"),
    "AM14": (403, "23", "Account Limit Exceed"),
    "AM05": (409, "01", "Duplicate partnerReferenceNo"),
}
_VALUE = re.compile(r"([0-9]{1,13})\.00")
_REFERENCE = re.compile(r"[A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and body; None is no answer at all: the line is closed."""

    status: int
    body: Mapping[str, Any]


class _Refused(Exception):
    def __init__(self, status: int, case: str, message: str) -> None:
        super().__init__(message)
        self.status, self.case, self.message = status, case, message


@dataclass(slots=True)
class Snap:
    """The interface of one partner for one client (`client_id`), whose public key it has."""

    bank: Bank
    client_id: str
    public_key: RSAPublicKey
    clock: Callable[[], datetime]
    _tokens: dict[str, datetime] = field(default_factory=dict)

    def call(self, path: str, headers: Mapping[str, str], content: bytes) -> Answer | None:
        """Answer one POST. Headers are asked for by their lower-case names."""
        service = SERVICES.get(path, "00")
        try:
            if self.bank.books.take_fault(self.bank.partner, "timeout_before_acceptance", path) is not None:
                return None
            status = self.bank.books.take_fault(self.bank.partner, "refuse", path)
            if status is not None:
                raise _Refused(int(status), "00", "General Error")
            body = self._body(content)
            if path == TOKEN_PATH:
                return self._token(headers, body)
            self._check_call(path, headers, content)
            if path == INQUIRY_PATH:
                answer = self._inquiry(body)
            elif path == STATUS_PATH:
                answer = self._status(body)
            elif path in TRANSFERS:
                answer = self._transfer(service, body)
            else:
                raise _Refused(404, "02", "Invalid Routing")
        except _Refused as refused:
            code = f"{refused.status}{service}{refused.case}"
            return Answer(refused.status, {"responseCode": code, "responseMessage": refused.message})
        if (
            path in TRANSFERS
            and self.bank.books.take_fault(self.bank.partner, "timeout_after_acceptance", path) is not None
        ):
            return None
        return answer

    # The outside of a call

    def _body(self, content: bytes) -> Mapping[str, Any]:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            raise _Refused(400, "00", "Bad Request") from None
        if not isinstance(body, dict):
            raise _Refused(400, "00", "Bad Request")
        return body

    def _token(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        stamp = self._stamp(headers)
        self._verify(headers, f"{headers.get('x-client-key', '')}|{stamp}")
        if headers.get("x-client-key") != self.client_id or body.get("grantType") != "client_credentials":
            raise _Refused(401, "00", "Unauthorized. Unknown Client")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = self.clock() + timedelta(seconds=TOKEN_SECONDS)
        return Answer(
            200,
            {
                "responseCode": "2007300",
                "responseMessage": "Successful",
                "accessToken": token,
                "tokenType": "BearerToken",
                "expiresIn": str(TOKEN_SECONDS),
            },
        )

    def _check_call(self, path: str, headers: Mapping[str, str], content: bytes) -> None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, datetime.min.replace(tzinfo=self.clock().tzinfo)) < self.clock():
            raise _Refused(401, "01", "Invalid Token (B2B)")
        stamp = self._stamp(headers)
        minified = json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(minified.encode()).hexdigest()
        self._verify(headers, f"POST:{path}:{digest}:{stamp}")
        if headers.get("x-partner-id") != self.client_id:
            raise _Refused(401, "00", "Unauthorized. Unknown Client")
        external_id = headers.get("x-external-id", "")
        if not (external_id.isascii() and external_id.isdigit() and len(external_id) <= 36):
            raise _Refused(400, "02", "Invalid Mandatory Field X-EXTERNAL-ID")
        if not self.bank.books.use_external_id(self.bank.partner, stamp[:10], external_id):
            raise _Refused(409, "00", "Conflict")

    def _stamp(self, headers: Mapping[str, str]) -> str:
        stamp = headers.get("x-timestamp", "")
        try:
            said_at = datetime.fromisoformat(stamp)
        except ValueError:
            raise _Refused(400, "01", "Invalid Field Format X-TIMESTAMP") from None
        if said_at.tzinfo is None or abs(said_at - self.clock()) > CLOCK_LIMIT:
            raise _Refused(400, "01", "Invalid Field Format X-TIMESTAMP")
        return stamp

    def _verify(self, headers: Mapping[str, str], text: str) -> None:
        try:
            signature = base64.b64decode(headers.get("x-signature", ""), validate=True)
            self.public_key.verify(signature, text.encode(), padding.PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise _Refused(401, "00", "Unauthorized. Signature") from None

    # What is asked

    def _inquiry(self, body: Mapping[str, Any]) -> Answer:
        number = _string(body, "beneficiaryAccountNo", 34)
        bank_code = _string(body, "beneficiaryBankCode", 11)
        asked = body.get("additionalInfo")
        name, claimed = (
            (asked.get("holderName"), asked.get("identityNumber")) if isinstance(asked, dict) else (None, None)
        )
        books, partner = self.bank.books, self.bank.partner
        if books.knows_everybody and isinstance(name, str) and isinstance(claimed, str):
            books.open_accounts(partner, [(number, name, "active", 1, 0, None, claimed)], only_new=True)
        account = books.account(partner, number)
        if account is None:
            raise _Refused(*REFUSALS["AC01"])
        holder_name, standing, is_known, balance, ceiling, identity = account
        info: dict[str, Any] = {"accountStatus": standing, "kyc": is_known}
        if claimed is not None and identity is not None:
            info["identityMatches"] = claimed == identity
        if ceiling is not None:
            info["roomLeft"] = _amount(max(0, ceiling - balance))
        return self._success(
            "16",
            beneficiaryAccountName=holder_name,
            beneficiaryAccountNo=number,
            beneficiaryBankCode=bank_code,
            currency="IDR",
            additionalInfo=info,
        )

    def _transfer(self, service: str, body: Mapping[str, Any]) -> Answer:
        reference = _string(body, "partnerReferenceNo", 64)
        number = _string(body, "beneficiaryAccountNo", 34)
        name = _string(body, "beneficiaryAccountName", 100)
        amount = _rupiah(body)
        day = self._day(body)
        if not _REFERENCE.fullmatch(reference):
            raise _Refused(400, "01", "Invalid Field Format partnerReferenceNo")
        is_new = self.bank.take_order(reference, number, name, amount, day)
        booked = self.bank.books.of_reference(self.bank.partner, reference)[-1]
        if not is_new:
            same = (booked.number, booked.amount) == (number, amount)
            raise _Refused(*(REFUSALS["AM05"] if same else (404, "18", "Inconsistent Request")))
        if booked.state == "rejected":
            raise _Refused(*REFUSALS.get(booked.reason, (403, "15", f"Transaction Not Permitted. {booked.reason}")))
        return self._success(
            service,
            referenceNo=f"{self.bank.partner.upper()}{reference}"[:64],
            partnerReferenceNo=reference,
            amount={"value": _amount(amount), "currency": "IDR"},
            beneficiaryAccountNo=number,
        )

    def _status(self, body: Mapping[str, Any]) -> Answer:
        reference = _string(body, "originalPartnerReferenceNo", 64)
        service = _string(body, "serviceCode", 2)
        found = self.bank.books.of_reference(self.bank.partner, reference)
        if not found:
            raise _Refused(404, "01", "Transaction Not Found")
        one = found[-1]
        status = {"settled": "00", "pending": "03", "returned": "04", "rejected": "06"}[one.state]
        return self._success(
            "36",
            originalPartnerReferenceNo=reference,
            serviceCode=service,
            amount={"value": _amount(one.amount), "currency": "IDR"},
            beneficiaryAccountNo=one.number,
            latestTransactionStatus=status,
            transactionStatusDesc=one.state,
            additionalInfo={"reasonCode": one.reason},
        )

    def _success(self, service: str, **values: Any) -> Answer:
        return Answer(200, {"responseCode": f"200{service}00", "responseMessage": "Successful", **values})

    def _day(self, body: Mapping[str, Any]) -> Any:
        try:
            return datetime.fromisoformat(_string(body, "transactionDate", 25)).date()
        except ValueError:
            raise _Refused(400, "01", "Invalid Field Format transactionDate") from None


def _string(body: Mapping[str, Any], name: str, limit: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        raise _Refused(400, "02", f"Invalid Mandatory Field {name}")
    return value


def _rupiah(body: Mapping[str, Any]) -> int:
    amount = body.get("amount")
    found = _VALUE.fullmatch(str(amount.get("value"))) if isinstance(amount, dict) else None
    if found is None or not isinstance(amount, dict) or amount.get("currency") != "IDR" or int(found[1]) == 0:
        raise _Refused(400, "01", "Invalid Field Format amount")
    return int(found[1])


def _amount(rupiah: int) -> str:
    return f"{rupiah}.00"
