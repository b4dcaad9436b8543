"""People come in by sets exactly as `register` and `accept` would have brought them in, or not at all."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from bekal.accounts.privacy import blind, decrypt
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_now
from bekal.ledger.movements import Kind, Reason
from bekal.ledger.queries import balances_of, remaining, transfers_of
from bekal.participants.accept import accept
from bekal.participants.models import District, NikDirectory, Participant, Participation, PayoutAccount, Wave
from bekal.participants.register import Registration, register
from tests import factories
from tests.exchange.door import ARI, BUDI, PEOPLE, SITI, WAVES, imported, places, prove, refused, table
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
ENVELOPE = {Kind.TREASURY: -3_550_000, Kind.TRAINING_BALANCE: 1_000_000, Kind.INCENTIVE_COMMITTED: 2_400_000}
OPENINGS = "training_balance_rupiah,incentives_left_count,surveys_left_count"


def person(nik: str) -> Participant:
    return Participant.objects.get(nikdirectory__nik_hash=blind("nik", nik))


def place(nik: str) -> Participation:
    return Participation.objects.get(participant=person(nik))


@pytest.fixture
def waves(tmp_path: Path) -> None:
    imported("waves", table(tmp_path, WAVES))


def test_people_come_in_with_their_place_and_their_envelope(tmp_path: Path, waves: None) -> None:
    said = imported("participants", table(tmp_path, PEOPLE))
    assert "3 people added, 0 people changed, 0 people unchanged, 2 accepted, 0 opening balances" in said
    assert "3 people have no phone number" in said
    siti, budi, ari = person(SITI), person(BUDI), person(ARI)
    assert decrypt(siti.nik_encrypted) == SITI
    assert (siti.full_name, siti.sex, siti.born_on, siti.education, siti.employment, siti.province) == (
        "Siti Rahayu", "F", date(1995, 6, 5), 3, 1, 32,
    )  # fmt: skip
    assert budi.full_name == 'Budi "Bud" Santoso, S.E.'
    assert (place(SITI).accepted_at, place(BUDI).accepted_at) == (
        factories.jakarta(2020, 4, 20, 9),
        factories.jakarta(2020, 4, 20, 0),
    ), "a day alone is its first moment in Jakarta"
    assert siti.registered_at == place(SITI).accepted_at and ari.registered_at == programme_now()
    assert not Participation.objects.filter(participant=ari).exists(), "an applicant"
    scheme = RULES.scheme(date(2020, 4, 20))
    assert (place(SITI).first_purchase_due_on, place(SITI).balance_ends_on) == (
        scheme.first_purchase_due_on,
        scheme.balance_ends_on,
    )
    assert balances_of(owner_ids=[place(SITI).pk])[place(SITI).pk] == ENVELOPE | {Kind.SURVEY_COMMITTED: 150_000}
    assert {line.posted_at for line in transfers_of(owner_id=place(BUDI).pk)} == {place(BUDI).accepted_at}
    prove()


def test_what_the_file_writes_is_what_the_verbs_write(tmp_path: Path, waves: None) -> None:
    """Row by row but for the numbers, instants of the call, and the random part of an encryption."""
    imported("participants", table(tmp_path, PEOPLE))
    words = ("full_name", "sex", "born_on", "education", "employment", "province")
    registration = Registration(
        nik="3201014506950009", phone="081234567890", **{name: getattr(person(SITI), name) for name in words}
    )
    at = place(SITI).accepted_at
    (outcome,) = register(registrations=[registration], at=at)
    assert outcome.participant_id is not None
    accept(wave_id=Wave.objects.get(number=1).pk, participant_ids=[outcome.participant_id], at=at)
    by_file, by_verb = person(SITI), Participant.objects.get(pk=outcome.participant_id)
    assert [getattr(by_file, f) for f in (*words, "registered_at", "district_id")] == [
        getattr(by_verb, f) for f in (*words, "registered_at", "district_id")
    ]
    columns = [f.attname for f in Participation._meta.fields if f.attname not in ("id", "participant_id")]
    one, other = (Participation.objects.values(*columns).get(participant_id=pk) for pk in (by_file.pk, by_verb.pk))
    assert one == other
    lines = [
        [(t.reason, t.debit_kind, t.credit_kind, t.amount_rupiah, t.idempotency_key, t.posted_at) for t in transfers]
        for transfers in (
            transfers_of(owner_id=Participation.objects.get(participant_id=pk).pk) for pk in (by_file.pk, by_verb.pk)
        )
    ]
    assert sorted(lines[0]) == sorted(lines[1])


def test_the_same_file_twice_changes_nothing(tmp_path: Path, waves: None) -> None:
    path = table(tmp_path, PEOPLE)
    imported("participants", path)
    with nothing_changes():
        assert "0 people added, 0 people changed, 3 people unchanged, 0 accepted" in imported("participants", path)


def test_a_dry_run_says_the_same_and_keeps_nothing(tmp_path: Path, waves: None) -> None:
    path = table(tmp_path, PEOPLE)
    with nothing_changes():
        tried = imported("participants", path, "--dry-run")
    assert tried.replace("Tried and not kept", "Imported") == imported("participants", path)


def test_parquet_says_what_csv_says(tmp_path: Path, waves: None) -> None:
    frame = pl.read_csv(table(tmp_path, PEOPLE), infer_schema=False).with_columns(
        pl.col("born_on").str.to_date(), pl.col("wave").cast(pl.Int64)
    )
    frame.write_parquet(tmp_path / "people.parquet")
    imported("participants", tmp_path / "people.parquet")
    with nothing_changes():
        assert "3 people unchanged" in imported("participants", table(tmp_path, PEOPLE))


def test_what_may_change_changes_and_a_blank_says_nothing(tmp_path: Path, waves: None) -> None:
    District.objects.create(pk=7, name="Kota Bogor", province=32)
    imported("participants", table(tmp_path, PEOPLE))
    factories.with_account(person(SITI).pk, person(BUDI).pk)
    text = PEOPLE.replace("nik,", "district,nik,").replace("Siti Rahayu,perempuan", "Siti Aminah,perempuan")
    text = text.replace("senior", "bachelor").replace("2020-04-20T09:00:00+07:00", "2020-04-20T02:00:00Z")
    rows = text.splitlines()
    changed = "\n".join([rows[0], f"kota bogor,{rows[1]}", *(f",{row}" for row in rows[2:])])
    assert "0 people added, 1 people changed, 2 people unchanged, 0 accepted" in imported(
        "participants", table(tmp_path, changed)
    )
    siti = person(SITI)
    assert (siti.full_name, siti.education, siti.district_id) == ("Siti Aminah", 6, 7)
    verified = dict(PayoutAccount.objects.order_by("id").values_list("participant_id", "verified_at"))
    assert verified[siti.pk] is None, "her account has another name now, so it cannot be paid to"
    assert verified[person(BUDI).pk] is not None
    imported("participants", table(tmp_path, PEOPLE))
    assert (person(SITI).district_id, person(SITI).full_name) == (7, "Siti Rahayu")
    assert PayoutAccount.objects.get(participant=siti).verified_at == programme_now()


def test_an_applicant_is_accepted_by_a_later_file(tmp_path: Path, waves: None) -> None:
    imported("participants", table(tmp_path, PEOPLE.replace("employment,province", "employment,province,registered_at")
                                   .replace(",32,1,", ",32,2020-04-12,1,").replace("Barat,1,", "Barat,2020-04-12,1,")
                                   .replace(",31,,", ",31,2020-04-12,,")))  # fmt: skip
    later = PEOPLE.replace(",31,,", ",31,2,2020-05-05")
    assert "0 people added, 0 people changed, 3 people unchanged, 1 accepted" in imported(
        "participants", table(tmp_path, later)
    )
    assert place(ARI).wave.number == 2 and remaining(owner_ids=[place(ARI).pk]) == {place(ARI).pk: 1_000_000}
    prove()


def test_what_must_not_change_is_refused_with_line_column_value_and_mend(tmp_path: Path, waves: None) -> None:
    imported("participants", table(tmp_path, PEOPLE))
    bad = (
        PEOPLE.replace("perempuan,1995-06-05", "L,1995-06-06")
        .replace("Barat,1,2020-04-20T09", "Barat,2,2020-04-21T09")
        .replace(",M,1985", ",F,1985")
    )
    problems = refused("participants", table(tmp_path, bad))
    assert places(problems) == [("2", "sex"), ("2", "born_on"), ("2", "wave"), ("2", "accepted_at"), ("4", "sex")]
    assert problems[1][2:] == ("1995-06-06", "this person is known as born on 1995-06-05: correct it")


BAD_ROWS = {
    "3201014506950001,Siti,P,1995-06-05,3,1,32,1,2020-04-20": ("nik", "line 2 has this NIK already"),
    "320101450695000,Siti,P,1995-06-05,3,1,32,1,2020-04-20": ("nik", "16 digits"),
    "3.2010145069e+15,Siti,P,1995-06-05,3,1,32,1,2020-04-20": ("nik", "keep the column as text"),
    "3201013202950011,Siti,P,1995-06-05,3,1,32,1,2020-04-20": ("nik", "no birth date"),
    "9901014506950011,Siti,P,1995-06-05,3,1,32,1,2020-04-20": ("nik", "code of a province"),
    "3201014506950011,Siti,P,2020-04-20,3,1,32,1,2020-04-20": ("born_on", "born before registering"),
    "3201014506950012,Siti,P,1995-06-05,7,1,32,1,2020-04-20": ("education", "write one of"),
    "3201014506950013,Siti,P,1995-06-05,3,1,Atlantis,1,2020-04-20": ("province", "province"),
    "3201014506950014,Siti,P,1995-06-05,3,1,32,9,2020-04-20": ("wave", "import the waves first"),
    "3201014506950015,Siti,P,1995-06-05,3,1,32,1,": ("accepted_at", "stand together"),
    "3201014506950016,Siti,P,1995-06-05,3,1,32,1,2020-04-10": ("accepted_at", "wave 1 opened on 2020-04-11"),
    "3201014506950017,Siti,P,1995-06-05,3,1,32,1,2021-01-01": ("accepted_at", "has not come yet"),
    "3201014506950018,Siti,P,2010-06-05,3,1,32,1,2020-04-20": ("born_on", "the rules begin at 18"),
    "3201014506950019,Siti,P,1995-06-05,3,1,32,1,20/04/2020": ("accepted_at", "write the instant as"),
    "3201014506950020,=Siti\u0007,P,1995-06-05,3,1,32,1,2020-04-20": ("full_name", "no text"),
}


def test_every_bad_row_is_listed_and_one_is_enough_to_keep_all_out(tmp_path: Path, waves: None) -> None:
    good = PEOPLE.splitlines()[1]
    text = "\n".join([PEOPLE.splitlines()[0], good, *BAD_ROWS])
    found = {(line, column): mend for line, column, _, mend in refused("participants", table(tmp_path, text))}
    for line, (column, words) in enumerate(BAD_ROWS.values(), start=3):
        assert words in found[str(line), column], (line, column, found)
    assert ("2", "nik") not in found
    only_the_last = "\n".join([*PEOPLE.splitlines(), next(reversed(BAD_ROWS))])
    assert len(refused("participants", table(tmp_path, only_the_last))) == 1


def test_a_wave_takes_no_more_people_than_its_quota(tmp_path: Path, waves: None) -> None:
    imported("participants", table(tmp_path, PEOPLE))
    rows = [f"32010145069500{n},Siti,P,1995-06-05,3,1,32,1,2020-04-20T{n}:00" for n in (13, 12, 11)]
    problems = refused("participants", table(tmp_path, "\n".join([PEOPLE.splitlines()[0], *rows])))
    assert places(problems) == [("2", "wave"), ("3", "wave")], "the earliest has the last place"
    assert "wave 1 has 3 places, 2 of them taken already" in problems[0][3]


@pytest.mark.parametrize("district", ["7", "KOTA  BOGOR"])
def test_a_district_lies_in_the_province(tmp_path: Path, waves: None, district: str) -> None:
    District.objects.create(pk=7, name="Kota Bogor", province=32)
    head, siti, _, ari = PEOPLE.splitlines()
    text = f"{head},district\n{siti},{district}\n{ari},{district}\n3201014506950017,X,P,1995-06-05,3,1,32,,,8\n"
    text += "3201014506950018,X,P,1995-06-05,3,1,32,,,0000000007\n"
    problems = refused("participants", table(tmp_path, text))
    assert places(problems) == [("3", "district"), ("4", "district"), ("5", "district")]
    assert "Kota Bogor does not lie in DKI Jakarta" in problems[0][3] and "import the districts first" in problems[1][3]


# Opening balances


def opened(tmp_path: Path, balance: object, incentives: object, surveys: object, *, more: str = "") -> Path:
    head, siti, *_ = PEOPLE.splitlines()
    name, value = (f",{more.split('=')[0]}", f",{more.split('=')[1]}") if more else ("", "")
    return table(tmp_path, f"{head},{OPENINGS}{name}\n{siti},{balance},{incentives},{surveys}{value}\n")


def test_an_opening_balance_is_posted_as_such_and_proves(tmp_path: Path, waves: None) -> None:
    at = programme_now()
    path = opened(tmp_path, "Rp300.000", 2, 1)
    assert "1 accepted, 1 opening balances" in imported("participants", path)
    owner = place(SITI)
    assert (owner.opened_at, owner.opened_rupiah, owner.bought_before) == (at, 1_550_000, True)
    assert (owner.incentives_paid_before_count, owner.surveys_paid_before_count) == (2, 2)
    lines = transfers_of(owner_id=owner.pk)
    assert {(line.reason, line.posted_at) for line in lines} == {(Reason.OPENING, at)}
    assert sorted((line.idempotency_key, line.amount_rupiah) for line in lines) == [
        ("open:incentive", 1_200_000),
        ("open:survey", 50_000),
        ("open:training", 300_000),
    ]
    prove()
    with nothing_changes():
        assert "1 people unchanged" in imported("participants", path)
        imported("participants", table(tmp_path, "\n".join(PEOPLE.splitlines()[:2])))


def test_nothing_left_is_an_opening_too(tmp_path: Path, waves: None) -> None:
    imported("participants", opened(tmp_path, 0, 0, 0, more="opened_at=2020-10-01"))
    assert place(SITI).opened_at == factories.jakarta(2020, 10, 1, 0) and place(SITI).opened_rupiah == 0
    assert transfers_of(owner_id=place(SITI).pk) == ()
    prove()


@pytest.mark.parametrize(
    ("values", "column", "words"),
    [
        ((300_000, "", 1), "incentives_left_count", "stand together"),
        ((1_000_001, 4, 3), "training_balance_rupiah", "at most Rp1.000.000"),
        ((0, 5, 3), "incentives_left_count", "at most 4"),
        ((0, 4, 4), "surveys_left_count", "at most 3"),
        ((-5, 4, 3), "training_balance_rupiah", "whole rupiah"),
    ],
)
def test_an_opening_beyond_the_rules_is_refused(
    tmp_path: Path, waves: None, values: tuple[object, object, object], column: str, words: str
) -> None:
    (problem,) = refused("participants", opened(tmp_path, *values))
    assert problem[:2] == ("2", column) and words in problem[3]


@pytest.mark.parametrize(
    ("instant", "words"), [("2020-04-19", "before accepted_at"), ("2020-11-20", "has not come yet")]
)
def test_an_opening_lies_between_acceptance_and_today(tmp_path: Path, waves: None, instant: str, words: str) -> None:
    (problem,) = refused("participants", opened(tmp_path, 0, 0, 0, more=f"opened_at={instant}"))
    assert problem[:2] == ("2", "opened_at") and words in problem[3]


def test_opening_balances_never_change(tmp_path: Path, waves: None) -> None:
    imported("participants", opened(tmp_path, 300_000, 2, 1))
    (problem,) = refused("participants", opened(tmp_path, 200_000, 2, 1))
    assert problem[1] == "training_balance_rupiah" and "taken over with 1550000 rupiah" in problem[3]
    (problem,) = refused("participants", opened(tmp_path, 300_000, 2, 1, more="opened_at=2020-10-01"))
    assert problem[1] == "opened_at"


def test_an_envelope_is_not_opened_a_second_time(tmp_path: Path, waves: None) -> None:
    imported("participants", table(tmp_path, PEOPLE))
    (problem,) = refused("participants", opened(tmp_path, 300_000, 2, 1))
    assert "the whole envelope was committed" in problem[3]
    assert timedelta(0) < programme_now() - place(SITI).accepted_at


def test_a_person_somebody_else_registered_meanwhile_is_found(tmp_path: Path, waves: None) -> None:
    (known,) = factories.participants(1, nik=SITI, full_name="Siti Rahayu", born_on=date(1995, 6, 5))
    assert "2 people added, 0 people changed, 1 people unchanged, 2 accepted" in imported(
        "participants", table(tmp_path, PEOPLE)
    )
    assert place(SITI).participant_id == known
    assert NikDirectory.objects.count() == 3
