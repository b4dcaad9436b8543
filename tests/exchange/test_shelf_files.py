"""Names, suspensions, submissions and what curators decided come in by files, through the verbs of the catalogue."""

from collections.abc import Callable

import pytest

from bekal.catalogue.content import content_sha256
from bekal.catalogue.curate import Criterion, NewDecision, curate
from bekal.catalogue.models import (
    Category,
    CurationDecision,
    Institution,
    Platform,
    SessionChange,
    Submission,
    Suspension,
    Training,
)
from bekal.catalogue.suspend import NewLift, lift_suspensions
from bekal.participants.models import Participant
from bekal.partners.models import Partner, PartnerKey
from bekal.recommender.switch_personalisation import personalisation_of
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta

Take = Callable[..., str]
Wrong = Callable[..., list[tuple[str, str, str, str]]]
pytestmark = pytest.mark.django_db
NAMES = "what,name,name_en,code\n"
STOPS = "holder,name,reason,suspended_by,suspended_at,lifted_by,lifted_at,lift_reason\n"
OFFERS = (
    "code,number,institution,state,title,description,category,platform,price_rupiah,mode,province,hours,session_count,"
    "seat_count,names_training,created_at,submitted_at,ended_at\n"
)
DECISIONS = "code,number,decision,verdict,reason,met,content_sha256,curator,decided_at\n"
SEEN = "cd" * 32
ALL = ";".join(each.value for each in Criterion)


@pytest.fixture(autouse=True)
def later(clock: StoppedClock) -> None:
    clock.set(2021, 1, 2, 9, 0)


@pytest.fixture
def shelf() -> Training:
    return factories.training(code="jahit", institution=factories.institution(name="Lembaga Satu"))


def test_names_keep_their_codes_and_who_is_known_keeps_the_own(take: Take) -> None:
    factories.institution(name="Lembaga Satu", code="satu")
    rows = "institution,LEMBAGA SATU,,lain\ninstitution,Lembaga Dua,,L-2\n"
    rows += "platform,Pasar,,pasar\ncategory,Tani,Farming,tani\n"
    assert "3 added, 1 unchanged" in take("catalogue_names", NAMES + rows)
    assert "0 added, 4 unchanged" in take("catalogue_names", NAMES + rows)
    assert set(Institution.objects.values_list("code", flat=True).order_by("code")) == {"L-2", "satu"}
    assert Platform.objects.get().code == "pasar" and Category.objects.get().name_en == "Farming"


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("institution,Lain,,satu", "code", "Lembaga Satu has this code already"),
        ("institution,Lain,Other,lain", "name_en", "only a category"),
        ("institution,Lain,,dua kata", "code", "no spaces"),
        (f"category,{'x' * 81},,x", "name", "at most 80"),
        ("bank,Lain,,lain", "what", "write one of"),
    ],
)
def test_a_name_that_cannot_be_is_refused(wrong: Wrong, row: str, column: str, words: str) -> None:
    factories.institution(name="Lembaga Satu", code="satu")
    (problem,) = wrong("catalogue_names", NAMES + row + "\n")
    assert problem[0] == "2" and problem[1] == column and words in problem[3], problem


def test_suspensions_close_sales_at_once_and_can_be_lifted_here(shelf: Training, take: Take) -> None:
    rows = [
        "institution,Lembaga Satu,Diperiksa,siti,2020-05-01,budi,2020-05-02,Jelas",
        'training,jahit,"Isi, berubah",siti,2020-06-01,,,',
    ]
    assert "2 added" in take("suspensions", STOPS + "\n".join(rows) + "\n")
    assert "2 unchanged" in take("suspensions", STOPS + "\n".join(rows) + "\n")
    shelf.refresh_from_db()
    assert shelf.is_suspended and not shelf.on_sale
    standing = Suspension.objects.get(lifted_at=None)
    assert (standing.reason, standing.suspended_by.is_active) == ("Isi, berubah", False)
    lift = NewLift(standing.pk, "Sudah jelas", factories.officer().pk)
    assert lift_suspensions(lifts=[lift], at=jakarta(2021, 1, 2))[0].refusal is None
    shelf.refresh_from_db()
    assert shelf.on_sale


def test_an_end_that_is_told_later_is_added(shelf: Training, take: Take) -> None:
    take("suspensions", STOPS + "training,jahit,Isi,siti,2020-06-01,,,\n")
    assert "1 added" in take("suspensions", STOPS + "training,jahit,Isi,siti,2020-06-01,budi,2020-06-02,Jelas\n")
    shelf.refresh_from_db()
    assert shelf.on_sale and Suspension.objects.get().lift_reason == "Jelas"


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("training,roti,Isi,siti,2020-06-02,,,", "name", "nothing of this name"),
        ("training,jahit,Isi,siti,2020-06-02,siti,2020-06-03,Jelas", "lifted_by", "another officer"),
        ("training,jahit,Isi,siti,2020-06-02,budi,,Jelas", "lifted_at", "stand together"),
        ("training,jahit,Isi,siti,2020-06-02,budi,2020-06-01,Jelas", "lifted_at", "before suspended_at"),
        ("training,jahit,Isi,siti,2021-06-02,,,", "suspended_at", "has not come yet"),
        ("training,jahit,Isi,lembaga,2020-06-02,,,", "name", "not_an_officer"),
        ("institution,Lembaga Satu,Lain,siti,2020-05-01,,,", "suspended_at", "known already"),
        ("institution,Lembaga Satu,Diperiksa,siti,2020-05-02,,,", "suspended_at", "since another instant"),
        ("institution,Lembaga Satu,Lain,siti,2020-05-02,,,", "name", "cannot be suspended"),
    ],
)
def test_a_suspension_that_cannot_be_is_refused(
    shelf: Training, take: Take, wrong: Wrong, row: str, column: str, words: str
) -> None:
    factories.institution_staff(shelf.institution, "lembaga")
    take("suspensions", STOPS + "institution,Lembaga Satu,Diperiksa,siti,2020-05-01,,,\n")
    (problem,) = wrong("suspensions", STOPS + row + "\n")
    assert problem[1] == column and words in problem[3], problem


def offer(**changes: str) -> str:
    """A row of a submission that waits."""
    row = {
        "code": "batik",
        "number": "1",
        "institution": "Lembaga Satu",
        "state": "submitted",
        "title": "Membatik  tulis",
        "category": "Keterampilan",
        "price_rupiah": "150000",
        "mode": "webinar",
        "session_count": "2",
        "names_training": "false",
        "created_at": "2020-05-01",
        "submitted_at": "2020-05-02",
    } | changes
    return ",".join(row.get(name, "") for name in OFFERS.strip().split(",")) + "\n"


@pytest.fixture
def waiting(shelf: Training, take: Take) -> Submission:
    category = Category.objects.get()
    category.name_id = "Keterampilan"
    category.save()
    assert "1 added" in take("submissions", OFFERS + offer())
    assert "1 unchanged" in take("submissions", OFFERS + offer())
    return Submission.objects.get()


def test_what_waits_is_decided_here(waiting: Submission) -> None:
    assert waiting.title == "Membatik  tulis"
    curator = factories.officer().pk
    new = NewDecision(waiting.pk, "approved", "", ALL.split(";"), content_sha256(waiting), curator)
    (outcome,) = curate(decisions=[new], at=jakarta(2021, 1, 2))
    assert outcome.refusal is None and Training.objects.get(code="batik").price_rupiah == 150_000


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"institution": "Lembaga Nol"}, "institution", "no institution has this name"),
        ({"category": "Nol"}, "category", "no category has this name"),
        ({"platform": "Nol"}, "platform", "no platform has this name"),
        ({"names_training": "true"}, "names_training", "no training has this code"),
        ({"number": "3"}, "number", "the one before this is missing"),
        ({"number": "2"}, "state", "is open already"),
        ({"number": "1", "title": "Lain"}, "number", "known already"),
        ({"number": "2", "state": "approved"}, "ended_at", "exactly where it was approved"),
        ({"number": "2", "state": "returned", "submitted_at": ""}, "submitted_at", "was sent"),
        ({"number": "2", "mode": "on_site"}, "title", "nobody could have sent this (training_province_missing)"),
        ({"number": "2", "price_rupiah": "100000001"}, "title", "price_out_of_range"),
        ({"code": "dua kata"}, "code", "no spaces"),
    ],
)
def test_a_submission_that_cannot_be_is_refused(
    waiting: Submission, wrong: Wrong, changes: dict[str, str], column: str, words: str
) -> None:
    (problem,) = wrong("submissions", OFFERS + offer(**changes))
    assert problem[1] == column and words in problem[3], problem


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (f"batik,2,1,approved,,{ALL},{SEEN},siti,2020-05-03", "number", "no such submission"),
        (f"batik,1,1,approved,,price,{SEEN},siti,2020-05-03", "met", "meets every criterion"),
        (f"batik,1,1,approved,,warna,{SEEN},siti,2020-05-03", "met", "write criteria"),
        (f"batik,1,1,returned,,price,{SEEN},siti,2020-05-03", "reason", "says why"),
        (f"batik,1,2,returned,Tulis,,{SEEN},siti,2020-05-03", "decision", "the one before this is missing"),
        (f"batik,1,1,returned,Tulis,,{SEEN},lembaga,2020-05-03", "curator", "no programme officer"),
        (f"batik,1,1,returned,Tulis,,{SEEN},siti,2022-05-03", "decided_at", "has not come yet"),
        ("batik,1,1,returned,Tulis,,ab,siti,2020-05-03", "content_sha256", "64 hexadecimal"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    waiting: Submission, wrong: Wrong, row: str, column: str, words: str
) -> None:
    factories.institution_staff(waiting.institution, "lembaga")
    (problem,) = wrong("curation_decisions", DECISIONS + row + "\n")
    assert problem[1] == column and words in problem[3], problem


def test_decisions_come_in_once(waiting: Submission, take: Take, wrong: Wrong) -> None:
    row = f'batik,1,1,returned,"Tulis;\n\nlalu kirim.",price;skill,{SEEN},siti,2020-05-03\n'
    assert "1 added" in take("curation_decisions", DECISIONS + row)
    assert "1 unchanged" in take("curation_decisions", DECISIONS + row)
    decision = CurationDecision.objects.get()
    assert (decision.reason, decision.met) == ("Tulis;\n\nlalu kirim.", ["skill", "price"])
    (problem,) = wrong("curation_decisions", DECISIONS + row.replace("price;skill", "price"))
    assert problem[1] == "decision" and "known already" in problem[3]


CHANGES = "training,what,number,changed_at,is_offered,sequence,from_at,to_at,reason,told_count\n"
PARTNERS = "code,name,kind,belongs_to,registered_at,suspended_at,reason\n"
SWITCHES = "nik,number,is_on,switched_at\n"


def test_changes_of_trainings_come_in_once_and_move_nothing(shelf: Training, take: Take) -> None:
    rows = [
        "jahit,session,1,2020-05-01,,1,,2020-06-01T09:00,,",
        "jahit,session,2,2020-05-02,,1,2020-06-01T09:00,,Hujan,7",
        "jahit,offer,1,2020-05-03,false,,,,,",
    ]
    assert "3 added" in take("training_changes", CHANGES + "\n".join(rows) + "\n")
    assert "3 unchanged" in take("training_changes", CHANGES + "\n".join(rows) + "\n")
    shelf.refresh_from_db()
    assert shelf.on_sale and not shelf.sessions.exists()
    assert SessionChange.objects.order_by("id").values_list("told_count", flat=True)[1] == 7


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("roti,offer,1,2020-05-01,true,,,,,", "training", "no training has this code"),
        ("jahit,offer,2,2020-05-01,true,,,,,", "number", "the one before this is missing"),
        ("jahit,offer,1,2020-05-01,true,,,,Hujan,", "what", "only a session"),
        ("jahit,session,1,2020-05-01,,1,,,Hujan,", "to_at", "got a date"),
        ("jahit,session,1,2022-05-01,,1,,2020-06-01,,", "changed_at", "has not come yet"),
        ("jahit,harga,1,2020-05-01,true,,,,,", "what", "write one of"),
    ],
)
def test_a_change_that_cannot_be_is_refused(shelf: Training, wrong: Wrong, row: str, column: str, words: str) -> None:
    (problem,) = wrong("training_changes", CHANGES + row + "\n")
    assert problem[1] == column and words in problem[3], problem


def test_partners_come_without_keys_and_one_that_was_suspended_stays_so(shelf: Training, take: Take) -> None:
    rows = "satu,Sistem Satu,institution,lembaga satu,2020-05-01,2020-05-02,Kunci bocor\n"
    rows += "dua-tiga,Sistem Dua,platform,,2020-05-01,,\n"
    assert "2 added" in take("partners", PARTNERS + rows)
    assert "2 unchanged" in take("partners", PARTNERS + rows)
    tied, free = Partner.objects.order_by("id")
    assert tied.institution == shelf.institution and tied.suspended_at == jakarta(2020, 5, 2, 0)
    assert free.suspended_at is None and not PartnerKey.objects.exists()


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("satu,Satu,institution,Lembaga Nol,2020-05-01,,", "belongs_to", "no institution has this name"),
        ("satu,Satu,institution,,2020-05-01,2020-05-02,", "reason", "exactly where suspended_at"),
        ("satu,Satu,institution,,2022-05-01,,", "registered_at", "has not come yet"),
        ("dua kata,Satu,institution,,2020-05-01,,", "code", "partner_code_malformed"),
        ("lama,Lain,institution,,2020-05-01,,", "code", "known already"),
        ("baru,Satu,institution,Lembaga Satu,2020-05-01,,", "code", "owner_taken"),
        ("satu,Satu,bank,,2020-05-01,,", "kind", "write one of"),
    ],
)
def test_a_partner_that_cannot_be_is_refused(
    shelf: Training, take: Take, wrong: Wrong, row: str, column: str, words: str
) -> None:
    take("partners", PARTNERS + "lama,Sistem Lama,institution,Lembaga Satu,2020-05-01,,\n")
    (problem,) = wrong("partners", PARTNERS + row + "\n")
    assert problem[1] == column and words in problem[3], problem


def test_who_wants_no_lists_of_their_own_gets_none_here_either(nik: str, take: Take) -> None:
    person = Participant.objects.get()
    rows = f"{nik},1,false,2020-05-01\n{nik},2,true,2020-05-02\n{nik},3,false,2020-05-03\n"
    assert "3 added" in take("personalisations", SWITCHES + rows)
    assert "3 unchanged" in take("personalisations", SWITCHES + rows)
    assert personalisation_of([person.pk]) == {person.pk: False}


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("2,true,2020-05-02", "number", "the one before this is missing"),
        ("1,true,2020-05-02", "is_on", "the first switch is off"),
        ("1,false,2022-05-02", "switched_at", "has not come yet"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(nik: str, wrong: Wrong, row: str, column: str, words: str) -> None:
    (problem,) = wrong("personalisations", SWITCHES + f"{nik},{row}\n")
    assert problem[1] == column and words in problem[3], problem
