"""Over which rail each partner is paid, as the settings say: by hand, by files, or by calls.

A JSON file (`BEKAL_PAYOUT_RAILS`) names a rail for each partner; one that it does not name takes the CSV that an
officer hands over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bekal.incentives.partners.bank_lines import BI_FAST_LIMIT_RUPIAH
from bekal.incentives.partners.file_exchange import FileAccess
from bekal.incentives.partners.hours import AT_ANY_TIME, BI_FAST, Hours, Limits, hours_of, limits_of
from bekal.incentives.partners.pain001 import Account
from bekal.incentives.partners.snap_bi import INTERBANK, INTRABANK, SnapAccess

NAMES = frozenset({"form", "files", "snap", "debtor", "creditor_bic", "statement", "windows", "days", "limits"})
"""What a rail may say: a window or a limit that was mistyped must not be one that is missing."""


class Form(StrEnum):
    """In which form payments leave."""

    CSV = "csv"
    PAIN_001 = "pain.001"
    CALLS = "calls"


@dataclass(frozen=True, slots=True)
class Rail:
    """One partner's rail. Without `files` and `snap` an officer hands the CSV over. `debtor`: the account that pays.
    `statement`: the form in which the partner gives its day's statement, where it gives one. `hours` and `limits`: when
    and how much it takes."""

    partner: str
    form: Form = Form.CSV
    files: FileAccess | None = field(default=None, repr=False)
    snap: SnapAccess | None = field(default=None, repr=False)
    debtor: Account | None = field(default=None, repr=False)
    creditor_bic: str = ""
    statement: str = ""
    hours: Hours = AT_ANY_TIME
    limits: Limits = BI_FAST


class RailsError(ValueError):
    """The settings of the rails cannot be; the message says where and how to mend it."""


def rails_from(path: Path | None) -> dict[str, Rail]:
    """The rails by partner of a JSON file; none without one. Raises RailsError.

    `{"bni": {"form": "pain.001", "files": {"address": "https://…", "token": "…"}, "creditor_bic": "BNINIDJA",
    "debtor": {"holder_name": "…", "number": "…", "bic": "…"}, "statement": "camt.053"}, "ovo": {"form": "calls",
    "snap": {"address": "https://…", "client_id": "…", "private_key": "PEM", "channel_id": "…", "bank_code": "…",
    "service": "18", "identity": true}, "windows": ["08:00-15:00"], "days": "working", "limits": {"payment_rupiah":
    250000000, "day_count": 30000, "day_rupiah": 20000000000}}}`. `snap` beside files: only its accounts are asked for
    by calls.
    """
    if path is None:
        return {}
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RailsError(f"BEKAL_PAYOUT_RAILS: {path} cannot be read as JSON ({error})") from None
    rails = {}
    for partner, values in said.items() if isinstance(said, dict) else ():
        try:
            rails[partner] = _rail(partner, values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RailsError(f"BEKAL_PAYOUT_RAILS: {partner}: {type(error).__name__} {error}") from None
    return rails


def _rail(partner: str, values: Mapping[str, Any]) -> Rail:
    if unknown := values.keys() - NAMES:
        raise ValueError(f"{sorted(unknown)} is not known")
    form = Form(values.get("form", Form.CSV))
    files, snap, debtor = (values.get(name) for name in ("files", "snap", "debtor"))
    rail = Rail(
        partner,
        form,
        FileAccess(str(files["address"]), str(files["token"])) if files else None,
        _snap(snap) if snap else None,
        Account(str(debtor["holder_name"]), str(debtor["number"]), str(debtor["bic"])) if debtor else None,
        str(values.get("creditor_bic", "")),
        str(values.get("statement", "")),
        hours_of(values),
        limits_of(values.get("limits", {})),
    )
    if form is Form.CALLS and rail.snap is None:
        raise ValueError("form calls needs snap")
    if form is Form.PAIN_001 and not (rail.files and rail.debtor and rail.creditor_bic):
        raise ValueError("form pain.001 needs files, debtor and creditor_bic")
    if form is Form.PAIN_001 and rail.limits.payment_rupiah > BI_FAST_LIMIT_RUPIAH:
        raise ValueError(f"form pain.001 takes payments of at most Rp{BI_FAST_LIMIT_RUPIAH}")
    return rail


def _snap(values: Mapping[str, Any]) -> SnapAccess:
    key = load_pem_private_key(str(values["private_key"]).encode(), password=None)
    service = str(values.get("service", INTERBANK))
    if not isinstance(key, RSAPrivateKey) or service not in (INTRABANK, INTERBANK):
        raise ValueError("snap: private_key is an RSA key in PEM, service is 17 or 18")
    return SnapAccess(
        str(values["address"]),
        str(values["client_id"]),
        key,
        str(values["channel_id"]),
        str(values["bank_code"]),
        service,
        values.get("identity") is True,
    )
