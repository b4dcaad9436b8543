"""From what an auditor has in hand to its place in the ledger: a number, a receipt, a reference, a key."""

import re

from django.shortcuts import resolve_url

from bekal.incentives.models import Payout
from bekal.ledger.queries import transfer_of, transfer_under
from bekal.lifecycle.models import Clawback, Repayment
from bekal.participants.models import Participation

NUMBER = re.compile(r"\d{1,18}", flags=re.ASCII)
RECEIPT = re.compile(r"(\d{1,18})-(\d{1,18})", flags=re.ASCII)
OWN_KEY = re.compile(r"(\d{1,18})\s+([a-z-]{1,20}:\S{1,50})", flags=re.ASCII)
PAYOUT = re.compile(r"(?:(sent|settled|rejected|returned|reversed):)?([A-Z0-9]{1,35})", flags=re.ASCII)
CLAWBACK = re.compile(r"(clawback|withdrawal|repayment):(\d{1,18}):(incentive|training)", flags=re.ASCII)


def find_address(text: str) -> str | None:
    """The page of what was found; None where nothing goes by that name.

    Takes the number of a participation, of a receipt (12-345), a participation with the key of one of its transfers
    (12 purchase:7), the reference of a payout or a key made of one, the key of a clawback or repayment."""
    if NUMBER.fullmatch(text) and Participation.objects.filter(pk=int(text)).exists():
        return resolve_url("console:person_ledger", int(text))
    if match := RECEIPT.fullmatch(text):
        found = transfer_of(owner_id=int(match[1]), transfer_id=int(match[2]))
        return None if found is None else resolve_url("console:transfer", int(match[1]), found.id)
    if match := OWN_KEY.fullmatch(text):
        return _transfer(int(match[1]), match[2])
    if match := PAYOUT.fullmatch(text):
        return _payout(match[2], match[1])
    if match := CLAWBACK.fullmatch(text):
        return _transfer(_owner_of(match[1], int(match[2])), text)
    return None


def _transfer(owner_id: int | None, key: str) -> str | None:
    found = None if owner_id is None else transfer_under(owner_id=owner_id, idempotency_key=key)
    return None if found is None or owner_id is None else resolve_url("console:transfer", owner_id, found.id)


def _payout(reference: str, word: str | None) -> str | None:
    payout = Payout.objects.select_related("entitlement").filter(reference=reference).first()
    if payout is None:
        return None
    # What pays an institution moves the money of many people: it stands in its run alone.
    owner_id = None if payout.entitlement is None else payout.entitlement.participation_id
    found = _transfer(owner_id, f"{word or 'sent'}:{reference}")
    # A payout that was planned and has not been sent stands in its run alone.
    return found or (resolve_url("console:run", payout.run_id) if word is None else None)


def _owner_of(word: str, number: int) -> int | None:
    if word == "repayment":
        row = Repayment.objects.select_related("clawback").filter(pk=number).first()
        return None if row is None else row.clawback.participation_id
    clawback = Clawback.objects.filter(pk=number).first()
    return None if clawback is None else clawback.participation_id
