"""The file of the rails: a mistake names the partner and the mend, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from bekal.incentives.partners.rails import Form, RailsError, rails_from
from tests.incentives.banks import private_pem

FILES = {"address": "https://bank.example", "token": "rahasia"}
DEBTOR = {"holder_name": "Program", "number": "1", "bic": "BNINIDJA"}


def read(tmp_path: Path, said: Any) -> dict[str, Any]:
    path = tmp_path / "rails.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return dict(rails_from(path))


def test_each_partner_has_its_rail(tmp_path: Path) -> None:
    snap = {
        "address": "https://ovo.example",
        "client_id": "bekal",
        "private_key": private_pem(),
        "channel_id": "1",
        "bank_code": "ovo",
    }
    bni = {"form": "pain.001", "files": FILES, "debtor": DEBTOR, "creditor_bic": "BNINIDJA"}
    rails = read(tmp_path, {"bni": bni, "ovo": {"form": "calls", "snap": snap}, "linkaja": {"files": FILES}})
    assert [rails[name].form for name in ("bni", "ovo", "linkaja")] == [Form.PAIN_001, Form.CALLS, Form.CSV]
    assert "rahasia" not in repr(rails) and "PRIVATE" not in repr(rails)


def test_without_a_file_everybody_is_paid_by_hand() -> None:
    assert rails_from(None) == {}


@pytest.mark.parametrize(
    "said",
    [
        "{",
        {"bni": {"form": "fax"}},
        {"bni": {"form": "pain.001", "files": FILES}},
        {"ovo": {"form": "calls"}},
        {"ovo": []},
        {"ovo": {"files": {"address": "https://x"}}},
        {"ovo": {"form": "calls", "snap": {"private_key": "rahasia"}}},
    ],
)
def test_a_file_that_cannot_be_names_the_partner(tmp_path: Path, said: Any) -> None:
    with pytest.raises(RailsError, match="BEKAL_PAYOUT_RAILS") as refused:
        read(tmp_path, said)
    assert "rahasia" not in str(refused.value)
