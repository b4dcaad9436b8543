"""The demo's bank: keys that are made once, rails that can be read, people with what keeps a payment from them."""

import json
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.accounts.privacy import decrypt, encrypt
from bekal.incentives.partners.rails import Form, rails_from
from bekal.ledger.clock import set_programme_clock
from bekal.participants.models import Participant, PayoutAccount
from bekal.simulation.bank.books import Books
from bekal.simulation.bank.server import Service, settings_of
from bekal.simulation.demo import PARTICIPANT
from bekal.simulation.demo_bank import CEILING_RUPIAH, open_accounts
from tests import factories
from tests.incentives.journey import SETTLED_AT, earners
from tests.incentives.test_export_payout_run import set_account

pytestmark = pytest.mark.django_db
ADDRESS = "http://127.0.0.1:8099"


def set_up(folder: Path, address: str = ADDRESS) -> tuple[dict[str, object], Path]:
    """What the settings say, and the file of the rails."""
    settings, rails = folder / "bank" / "settings.json", folder / "bank" / "rails.json"
    call_command("bank-setup", str(settings), "--address", address, "--rails-file", str(rails), stdout=StringIO())
    return json.loads(settings.read_text()), rails


def test_keys_are_made_once_and_lead_to_the_bank(tmp_path: Path) -> None:
    earners(1)
    set_programme_clock(at=SETTLED_AT)
    said, rails_file = set_up(tmp_path)
    folder = rails_file.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    rails = rails_from(rails_file)
    assert {name: rail.form for name, rail in rails.items()} == {
        "bni": Form.PAIN_001,
        "ovo": Form.CALLS,
        "gopay": Form.CALLS,
        "linkaja": Form.CSV,
    }
    assert rails["bni"].files is not None and rails["bni"].files.token == said["token"] != said["told_token"]
    books = Books(str(said["books"]))
    assert Service(books, settings_of(said)).settings.partners == tuple(rails)
    books.close()
    again, _ = set_up(tmp_path, "http://127.0.0.1:8100")
    assert again == said
    moved = rails_from(rails_file)["linkaja"]
    assert moved.files is not None and moved.files.address == "http://127.0.0.1:8100/linkaja"


def test_a_programme_that_was_made_anew_has_new_books(tmp_path: Path) -> None:
    earners(1)
    set_programme_clock(at=SETTLED_AT)
    first, _ = set_up(tmp_path)
    Participant.objects.order_by("pk").update(nik_encrypted=encrypt("3201014505950001"))
    assert set_up(tmp_path)[0]["books"] != first["books"]


def test_nobody_real_is_paid_by_it(tmp_path: Path) -> None:
    said = StringIO()
    settings, rails = tmp_path / "settings.json", tmp_path / "rails.json"
    call_command("bank-setup", str(settings), "--address", ADDRESS, "--rails-file", str(rails), stdout=said)
    assert "No simulation has made this database" in said.getvalue()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandError, match="answers on this machine"):
        set_up(tmp_path, "http://bank.example")


def known(books: Books) -> Counter[str]:
    """The accounts by what the bank has against them."""
    found: Counter[str] = Counter()
    for row in PayoutAccount.objects.select_related("participant").order_by("pk"):
        account = books.account(row.partner, decrypt(bytes(row.number_encrypted)))
        assert account is not None
        name, standing, is_known, balance, ceiling, identity = account
        assert is_known and identity == decrypt(bytes(row.participant.nik_encrypted))
        other = "other name" if name != row.holder_name else "as it is"
        found["full" if ceiling == CEILING_RUPIAH and balance + 600_000 > ceiling else standing] += 1
        found[other] += 1
    return found


def test_most_accounts_are_as_they_are_and_one_of_each_fault_is_met() -> None:
    people = earners(200)
    factories.signed_in_participant(people[0], login_name=PARTICIPANT)
    set_account(people[0], "ovo", "081234567890")
    books = Books()
    assert open_accounts(books=books, at=SETTLED_AT) == 200
    # One of each kind, and the wallet of the participant who signs in.
    assert known(books) == {"full": 2, "closed": 1, "blocked": 1, "active": 196, "other name": 1, "as it is": 199}
    account = books.account("ovo", "081234567890")
    assert account is not None and account[4] == CEILING_RUPIAH
    lost = books.take_fault("ovo", "timeout_after_acceptance", "/v1.0/transfer-interbank")
    assert lost is not None, "the first answer is lost"
    books.close()


def test_what_the_bank_knows_already_stays_as_it_is() -> None:
    people = earners(2)
    books = Books()
    assert open_accounts(books=books, at=SETTLED_AT) == 2
    row = PayoutAccount.objects.order_by("pk")[0]
    number = decrypt(bytes(row.number_encrypted))
    books.open_accounts(row.partner, [(number, row.holder_name, "blocked", 1, 5, None, None)])
    assert open_accounts(books=books, at=SETTLED_AT) == 0
    set_account(people[1], "gopay", "081234567891")
    assert open_accounts(books=books, at=SETTLED_AT) == 1
    assert books.account(row.partner, number) == (row.holder_name, "blocked", True, 5, None, None)
    assert books.take_fault("gopay", "timeout_after_acceptance", "/v1.0/transfer-interbank") is not None
    assert books.take_fault("gopay", "timeout_after_acceptance", "/v1.0/transfer-interbank") is None
    books.close()
