"""Contact points and payout accounts are kept as the verbs keep them: encrypted, one of a kind, one person's."""

from pathlib import Path

import polars as pl
import pytest

from bekal.accounts.privacy import decrypt
from bekal.ledger.clock import programme_now
from bekal.participants.models import ContactPoint, PayoutAccount, PayoutAccountDirectory
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from tests import factories
from tests.exchange.door import ARI, BUDI, PEOPLE, SITI, WAVES, imported, places, refused, table
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
POINTS = f"""nik,kind,value,verified_at,unreachable_since_at
{SITI},phone,0812-3456-7890,2020-04-12T08:00:00+07:00,
{SITI},email,siti@contoh.id,,
{BUDI},phone,+6281234567891,,2020-06-30
"""
ACCOUNTS = f"""nik,partner,number,holder_name,verified_at
{SITI},bni,0123456789,SITI  rahayu,2020-04-13T09:00:00+07:00
{BUDI},gopay,081234567891,Istri Budi,
"""


@pytest.fixture(autouse=True)
def people(tmp_path: Path) -> None:
    imported("waves", table(tmp_path, WAVES))
    imported("participants", table(tmp_path, PEOPLE))


def points() -> list[tuple[object, ...]]:
    rows = ContactPoint.objects.order_by("participant_id", "-kind")
    return [
        (row.kind, decrypt(row.value_encrypted), row.masked, row.verified_at, row.unreachable_since_at) for row in rows
    ]


def test_contact_points_come_in_once_and_change_where_they_differ(tmp_path: Path) -> None:
    path = table(tmp_path, POINTS)
    with nothing_changes():
        assert "Tried and not kept: 3 contact points added" in imported("contact_points", path, "--dry-run")
    assert "3 contact points added" in imported("contact_points", path)
    verified_at, failed_at = factories.jakarta(2020, 4, 12, 8), factories.jakarta(2020, 6, 30, 0)
    assert points() == [
        ("phone", "+6281234567890", "••••••••••7890", verified_at, None),
        ("email", "siti@contoh.id", "s•••@contoh.id", None, None),
        ("phone", "+6281234567891", "••••••••••7891", None, failed_at),
    ]
    with nothing_changes():
        assert "3 contact points unchanged" in imported("contact_points", path)
        frame = pl.read_csv(path, infer_schema=False)
        frame.write_parquet(tmp_path / "points.parquet")
        assert "3 contact points unchanged" in imported("contact_points", tmp_path / "points.parquet")
    later = f"nik,kind,value\n{SITI},phone,081234567899\n{SITI},email,siti@contoh.id\n{BUDI},phone,081234567891\n"
    assert "0 contact points added, 2 contact points changed, 1 contact points unchanged" in imported(
        "contact_points", table(tmp_path, later)
    )
    phone, _, budi = points()
    assert phone[1:4] == ("+6281234567899", "••••••••••7899", None), "nobody has proven the new number"
    assert budi[4] is None, "a blank says that messages arrive"


def test_a_contact_point_that_cannot_be_is_refused(tmp_path: Path) -> None:
    bad = f"""nik,kind,value,verified_at
{SITI},phone,021-1234567,
{SITI},email,siti(at)contoh.id,
{BUDI},fax,0812,
3201019999999999,phone,081234567890,
{ARI},phone,081234567890,
{ARI},phone,081234567891,
{BUDI},phone,081234567890,2021-01-01
"""
    problems = refused("contact_points", table(tmp_path, bad))
    assert places(problems) == [
        ("2", "value"),
        ("3", "value"),
        ("4", "kind"),
        ("5", "nik"),
        ("7", "kind"),
        ("8", "verified_at"),
    ]
    assert problems[3][2] == "3201019999999999", "the value is read from the file, not from the database"


def accounts() -> list[tuple[object, ...]]:
    rows = PayoutAccount.objects.order_by("participant_id")
    return [(row.partner, decrypt(row.number_encrypted), row.masked, row.holder_name, row.verified_at) for row in rows]


def test_accounts_come_in_once_and_only_the_own_name_is_verified(tmp_path: Path) -> None:
    path = table(tmp_path, ACCOUNTS)
    assert "2 accounts added, 0 accounts changed, 0 accounts unchanged" in imported("payout_accounts", path)
    assert accounts() == [
        ("bni", "0123456789", "••••••6789", "SITI  rahayu", factories.jakarta(2020, 4, 13, 9)),
        ("gopay", "081234567891", "••••••••7891", "Istri Budi", None),
    ]
    with nothing_changes():
        assert "2 accounts unchanged" in imported("payout_accounts", path)
        imported("payout_accounts", table(tmp_path, ACCOUNTS.replace(",2020-04-13T09:00:00+07:00", ",")))
    person = PayoutAccount.objects.order_by("participant_id")[0].participant_id
    with nothing_changes():
        (outcome,) = set_payout_accounts(
            accounts=[NewAccount(person, "bni", "0123456789", "SITI  rahayu")], at=programme_now()
        )
        assert outcome.verified, "the verb knows the account by the same hash"


def test_an_account_is_replaced_and_set_free(tmp_path: Path) -> None:
    imported("payout_accounts", table(tmp_path, ACCOUNTS))
    moved = ACCOUNTS.replace("0123456789", "0123456780").replace("Istri Budi", 'Budi ""Bud"" Santoso, S.E.')
    moved = moved.replace('Budi ""Bud"" Santoso, S.E.', '"Budi ""Bud"" Santoso, S.E."')
    assert "0 accounts added, 2 accounts changed" in imported("payout_accounts", table(tmp_path, moved))
    assert [account[-1] for account in accounts()] == [factories.jakarta(2020, 4, 13, 9), programme_now()]
    assert PayoutAccountDirectory.objects.count() == 2
    freed = f"nik,partner,number,holder_name\n{ARI},bni,0123456789,Ari\n"
    assert "1 accounts added" in imported("payout_accounts", table(tmp_path, freed))


def test_an_account_that_waits_goes_on_waiting(tmp_path: Path) -> None:
    imported("payout_accounts", table(tmp_path, ACCOUNTS))
    header, siti, budi = ACCOUNTS.splitlines()
    waits = "\n".join((f"{header},pays_from_at", f"{siti},2020-05-04T10:00:00+07:00", f"{budi},", ""))
    assert "1 accounts changed, 1 accounts unchanged" in imported("payout_accounts", table(tmp_path, waits))
    until_at = factories.jakarta(2020, 5, 4, 10)
    rows = PayoutAccount.objects.order_by("participant_id")
    assert [row.pays_from_at for row in rows] == [until_at, None]
    with nothing_changes():
        imported("payout_accounts", table(tmp_path, ACCOUNTS))
        imported("payout_accounts", table(tmp_path, waits))
    moved = ACCOUNTS.replace("0123456789", "0123456780")
    imported("payout_accounts", table(tmp_path, moved))
    assert [row.pays_from_at for row in rows.all()] == [None, None]


def test_an_account_that_cannot_be_is_refused(tmp_path: Path) -> None:
    imported("payout_accounts", table(tmp_path, ACCOUNTS))
    bad = f"""nik,partner,number,holder_name,verified_at
{ARI},bni,0123456789,Ari,
{ARI},bni,12345,Ari,
{SITI},paypal,1,Siti,
{SITI},ovo,081111111111,,
{BUDI},ovo,081111111112,Istri Budi,2020-05-05
3201019999999999,ovo,081111111113,X,
"""
    problems = refused("payout_accounts", table(tmp_path, bad))
    assert places(problems) == [("2", "number"), ("3", "number"), ("4", "partner"), ("5", "holder_name"), ("7", "nik")]
    assert "another person has this account" in problems[0][3]
    (problem,) = refused("payout_accounts", table(tmp_path, "\n".join([bad.splitlines()[0], bad.splitlines()[5]])))
    assert problem[1] == "verified_at" and "the holder is not the participant" in problem[3]
    twice = f"nik,partner,number,holder_name\n{ARI},bni,0123456700,Ari\n{SITI},bni,0123456700,Siti Rahayu\n"
    assert places(refused("payout_accounts", table(tmp_path, twice))) == [("3", "number")]
