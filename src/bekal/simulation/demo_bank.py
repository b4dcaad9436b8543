"""The demo's payment partner: its keys and tokens, the rails that lead to it, and what it knows of the demo's people.

Most of their accounts are as they say. Some have what keeps a payment from its account, so that whoever watches a run
meets it, and the first answer of each wallet that is called is lost.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.db import connection

from bekal.accounts.privacy import decrypt
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participant, PaymentPartner
from bekal.simulation.bank.bank import ACCOUNT
from bekal.simulation.bank.books import Books
from bekal.simulation.demo import PARTICIPANT
from bekal.simulation.draws import Draws
from bekal.simulation.seed import SEED

CLIENT_ID = "bekal"
KEY_BITS = 2048
CALLED = (PaymentPartner.OVO, PaymentPartner.GOPAY)
TRANSFER_PATH = "/v1.0/transfer-interbank"
# 0.4 % of transfers fail. A small demo has one of each kind, too, but no more than one in forty.
FAULT_SHARE, ONE_OF_EACH, FEW = 0.004, 4, 40
# What a wallet of a registered holder may hold (Bank Indonesia, PBI 20/6/PBI/2018), and one that is nearly full.
CEILING_RUPIAH, BALANCE_RUPIAH = 10_000_000, 9_900_000
TREASURY_RUPIAH = 100_000_000_000

ACCOUNTS_SQL = """
SELECT account.id, account.partner, account.number_encrypted, person.nik_encrypted, account.holder_name,
       coalesce(login.login_name, ''),
       EXISTS (SELECT 1 FROM incentives_entitlement entitlement
               JOIN participants_participation place ON place.id = entitlement.participation_id
               WHERE place.participant_id = account.participant_id AND entitlement.lapsed_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                                 WHERE live.entitlement_id = entitlement.id AND live.ended_at IS NULL))
FROM participants_payoutaccount account
JOIN participants_participant person ON person.id = account.participant_id
LEFT JOIN accounts_user login ON login.id = person.user_id
ORDER BY account.partner, account.id
"""


@dataclass(frozen=True, slots=True)
class _Account:
    account_id: int
    partner: str
    number: str
    identity: str
    holder_name: str
    login_name: str
    has_money_due: bool


def make_access(*, settings_file: Path, rails_file: Path, address: str) -> Path:
    """Write the settings of a bank at `address` and the rails that lead to it; keys and tokens are made once for the
    folder, and nobody else may read any of it. Gives the file of its books, which are those of this very programme: a
    database that was made anew has new ones. Raises OSError and ValueError."""
    folder = settings_file.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = folder / "secrets.json"
    if not kept.exists():
        _write(kept, _secrets(), once=True)
    made: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    key = load_pem_private_key(made["private_key"].encode(), password=None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    books = folder / f"books-{_programme_mark()}.sqlite"
    settings = {
        "token": made["token"],
        "told_token": made["told_token"],
        "client_id": CLIENT_ID,
        "public_key_pem": public,
        "partners": PaymentPartner.values,
        # Somebody may give another account while the demo runs.
        "knows_everybody": True,
        "books": str(books),
    }
    _write(settings_file, json.dumps(settings, indent=1))
    _write(rails_file, json.dumps(_rails(made, address), indent=1))
    return books


def _secrets() -> str:
    key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    tokens = {name: secrets.token_urlsafe(32) for name in ("token", "told_token")}
    return json.dumps({**tokens, "private_key": pem}, indent=1)


def _rails(made: Mapping[str, str], address: str) -> dict[str, Any]:
    def files(partner: str) -> dict[str, str]:
        return {"address": f"{address}/{partner}", "token": made["token"]}

    def calls(partner: str) -> dict[str, Any]:
        snap = {
            "address": f"{address}/{partner}",
            "client_id": CLIENT_ID,
            "private_key": made["private_key"],
            "channel_id": "95221",
            "bank_code": partner,
            "service": "18",
            "identity": True,
        }
        return {"form": "calls", "snap": snap, "files": files(partner), "statement": "camt.053"}

    debtor = {"holder_name": "Manajemen Pelaksana", "number": ACCOUNT, "bic": "BNINIDJA"}
    bni = {"form": "pain.001", "creditor_bic": "BNINIDJA", "debtor": debtor, "statement": "camt.053"}
    return {
        PaymentPartner.BNI.value: {**bni, "files": files("bni")},
        **{partner.value: calls(partner.value) for partner in CALLED},
        PaymentPartner.LINKAJA.value: {"form": "csv", "files": files("linkaja"), "statement": "mt940"},
    }


def _write(path: Path, text: str, *, once: bool = False) -> None:
    """The whole file or none of it, for its owner alone; `once`: where another process was first, its file stays."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    if once:
        with suppress(FileExistsError):
            os.link(half, path)
        half.unlink()
    else:
        os.replace(half, path)


def _programme_mark() -> str:
    """What stays the same for this programme and no other: what is encrypted of its first person has a random part."""
    first = Participant.objects.order_by("pk").values_list("nik_encrypted", flat=True).first()
    return hashlib.sha256(bytes(first or b"")).hexdigest()[:12]


def open_accounts(*, books: Books, at: datetime) -> int:
    """Open every payout account at the bank that it does not know, and leave those that it knows alone. When it knows
    nobody yet, some get their fault, and money and lost answers are ordered. All or nothing; how many were opened."""
    accounts = _accounts()
    with books.transaction():
        is_first = not books.knows_anybody()
        faults = _faults(accounts) if is_first else {}
        opened = 0
        for partner, group in groupby(accounts, key=attrgetter("partner")):
            rows = [_as_the_bank_knows(one, faults.get(one.account_id, "")) for one in group]
            opened += books.open_accounts(partner, rows, only_new=True)
        if is_first:
            yesterday = programme_day(at) - timedelta(days=1)
            for partner in PaymentPartner.values:
                books.put_in(partner, yesterday, TREASURY_RUPIAH)
            for partner in CALLED:
                books.order_fault(partner, "timeout_after_acceptance", TRANSFER_PATH, "", 1)
    return opened


def _accounts() -> list[_Account]:
    with connection.cursor() as cursor:
        cursor.execute(ACCOUNTS_SQL)
        rows = cursor.fetchall()
    return [
        _Account(number, partner, decrypt(bytes(sealed)), decrypt(bytes(nik)), *rest)
        for number, partner, sealed, nik, *rest in rows
    ]


def _faults(accounts: Iterable[_Account]) -> dict[int, str]:
    """By account what is wrong with it: one in 250, those first to whom money is due, as the seed says; the wallet of
    the participant who signs in is full."""
    named = {one.account_id for one in accounts if one.login_name}
    others = [one for one in accounts if one.account_id not in named]
    shares = Draws(SEED, 0).at("bank/fault", np.array([one.account_id for one in others], dtype=np.int64))
    drawn = sorted(zip(others, shares, strict=True), key=lambda pair: (not pair[0].has_money_due, pair[1]))
    count = max(min(ONE_OF_EACH, len(others) // FEW), round(len(others) * FAULT_SHARE))
    kinds = ("full", "closed", "blocked", "other_name")
    faults = {one.account_id: kinds[place % len(kinds)] for place, (one, _) in enumerate(drawn[:count])}
    return faults | {one.account_id: "full" for one in accounts if one.login_name == PARTICIPANT}


def _as_the_bank_knows(one: _Account, fault: str) -> tuple[str, str, str, int, int, int | None, str]:
    """Number, holder, standing, whether the holder is known, balance, ceiling and identity number."""
    standing = fault if fault in ("closed", "blocked") else "active"
    holder_name = "Pemegang Rekening Lain" if fault == "other_name" else one.holder_name
    full = fault == "full"
    balance, ceiling = (BALANCE_RUPIAH, CEILING_RUPIAH) if full else (0, None)
    return one.number, holder_name, standing, 1, balance, ceiling, one.identity
