"""Evidence of every side, cases, rulings and certificates come in by files as the verbs would have written them."""

import hashlib
from collections.abc import Callable

import pytest

from bekal.core.evidence import CaseKind, Piece, Source
from bekal.purchases.certificate_numbers import certificate_id_at, status_place
from bekal.purchases.certificates import certificates_of
from bekal.purchases.decide_cases import confirm_ruling
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.issue_certificates import issue_certificates
from bekal.purchases.models import CaseRuling, Evidence, EvidenceCase, Purchase
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from tests import factories
from tests.conftest import StoppedClock
from tests.exchange.door import learned
from tests.factories import jakarta

Take = Callable[..., str]
Wrong = Callable[..., list[tuple[str, str, str, str]]]
BOUGHT = "nik,training,price_rupiah,bought_at,redeemed_at,completed_at,evidence\n"
SAID = "nik,training,piece,source,sequence,revision,holds,percent,happened_at,reason,recorded_at,door\n"
CASES = "nik,training,number,kind,opened_at,due_on,officer,closed_at,resolution\n"
RULINGS = (
    "ruling,verdict,reason,case_count,total_rupiah,list_sha256,proposed_by,confirmed_by,confirmed_at,dropped_by,"
    "dropped_at,nik,training,case,seen_count,seen_until,refusal\n"
)
CERTIFICATES = (
    "nik,training,sequence,number,status_list,status_index,title,institution_name,hours,session_count,evidence_count,"
    "evidence_sha256,completed_at,issued_at\n"
)
EVENTS = "nik,training,sequence,event,kind,officer,answers,reason,occurred_at\n"
SEAL = "ab" * 32
NUMBER = "ABCDEFGHJKMNPQR"


@pytest.fixture(autouse=True)
def later(clock: StoppedClock) -> None:
    clock.set(2021, 1, 2, 9, 0)


@pytest.fixture
def told(nik: str, take: Take) -> str:
    """The NIK of somebody whose training was completed, and of whom one denied a session."""
    factories.completed(factories.accepted()[0], factories.training())  # messages of others come before
    take("completions", BOUGHT + f"{nik},jahit,300000,2020-05-01,2020-05-02,2020-05-09,file\n")
    rows = [
        f"{nik},jahit,attendance,institution,1,1,true,,2020-05-03,,2020-05-03T10:00,v2",
        f"{nik},jahit,attendance,institution,2,,,,,,2020-05-04,",
        f"{nik},jahit,attendance,participant,1,2,false,,,Tidak ada; sakit,2020-05-10,page",
        f"{nik},jahit,attendance,participant,1,1,ya,,,,2020-05-06,page",
        f"{nik},jahit,progress,platform,,,,100,,,2020-05-08,v2",
        f"{nik},jahit,completion,institution,,,,,,,2020-05-09,csv",
    ]
    assert "6 added" in take("evidence", SAID + "\n".join(rows) + "\n")
    assert "6 unchanged" in take("evidence", SAID + "\n".join(rows) + "\n")
    return nik


def bought() -> Purchase:
    return Purchase.objects.get(training__code="jahit")


def test_messages_come_in_in_their_order_and_none_is_made_of_the_columns(told: str) -> None:
    said = Evidence.objects.filter(purchase=bought()).order_by("id").values_list("source", "piece", "revision", "door")
    assert list(said)[:3] == [
        ("institution", "attendance", 1, "v2"),
        ("institution", "attendance", 1, "import"),
        ("participant", "attendance", 2, "page"),
    ]
    assert len(said) == 6
    state = evidence_states(purchase_ids=[bought().pk])[bought().pk]
    assert state.conflict is CaseKind.DISAGREEMENT and state.denied == (1,) and state.attended == (2,)


def test_of_columns_alone_the_messages_are_made_as_before(nik: str, take: Take) -> None:
    take("completions", learned(nik))
    assert Evidence.objects.count() == 3
    assert {each.door for each in Evidence.objects.order_by("id")} == {"import"}


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("attendance,institution,1,1,true,,2020-05-03,,2020-05-03T11:00,v2", "recorded_at", "known already"),
        ("attendance,institution,31,,,,,,2020-05-20,", "sequence", "from 1 to 30"),
        ("completion,institution,2,,,,,,2020-05-20,", "sequence", "only an attendance is of one session"),
        ("rating,institution,,,,,,,2020-05-20,", "piece", "cannot speak of this"),
        ("progress,programme,,,,50,,,2020-05-20,", "piece", "cannot speak of this"),
        ("rating,participant,,,,,,,2020-05-20,", "piece", "has not reviewed"),
        ("progress,platform,,2,,,,,2020-05-20,", "percent", "a progress says how much"),
        ("attendance,platform,,,,50,,,2020-05-20,", "percent", "only a progress or a completion"),
        ("completion,platform,,,,101,,,2020-05-20,", "percent", "from 0 to 100"),
        ("completion,platform,,0,,,,,2020-05-20,", "revision", "from 1 to"),
        ("completion,platform,,,mungkin,,,,2020-05-20,", "holds", "write one of"),
        ('completion,platform,,,,,,"a\nb",2020-05-20,', "reason", "one line"),
        (f"completion,platform,,,,,,{'x' * 301},2020-05-20,", "reason", "at most 300"),
        ("completion,platform,,,,,2020-05-21,,2020-05-20,", "happened_at", "after recorded_at"),
        ("completion,platform,,,,,2020-04-30,,2020-05-20,", "happened_at", "before the training was bought"),
        ("completion,platform,,,,,,,2021-05-20,", "recorded_at", "has not come yet"),
        ("completion,platform,,,,,,,2020-05-20,fax", "door", "write one of"),
        ("completion,bank,,,,,,,2020-05-20,", "source", "write one of"),
    ],
)
def test_a_message_that_cannot_be_is_refused(told: str, wrong: Wrong, row: str, column: str, words: str) -> None:
    (problem,) = wrong("evidence", SAID + f"{told},jahit,{row}\n")
    assert problem[0] == "2" and problem[1] == column and words in problem[3], problem


def test_a_message_needs_a_purchase_that_was_redeemed_and_has_not_ended(nik: str, take: Take, wrong: Wrong) -> None:
    row = ",jahit,completion,platform,,,,,,,2020-05-20,\n"
    (problem,) = wrong("evidence", SAID + nik + row)
    assert problem[1] == "training" and "has not bought" in problem[3]
    take("completions", BOUGHT + f"{nik},jahit,300000,2020-05-01,,,file\n")
    (problem,) = wrong("evidence", SAID + nik + row)
    assert problem[1] == "training" and "redeemed" in problem[3]
    ended = "nik,training,price_rupiah,bought_at,redeemed_at,ended_at,ending,refunded_rupiah,refunded_to\n"
    take("completions", ended + f"{nik},roti,800000,2020-05-01,2020-05-02,2020-05-10,refunded,800000,balance\n")
    (problem,) = wrong("evidence", SAID + nik + row.replace("jahit", "roti"))
    assert problem[1] == "recorded_at" and "had ended" in problem[3]
    (problem,) = wrong("evidence", SAID + 2 * (nik + row.replace("jahit", "roti").replace("05-20", "05-09")))
    assert problem[:2] == ("3", "piece") and "line 2 has this message already" in problem[3]


@pytest.fixture
def contested(told: str, take: Take) -> str:
    """The same person with a case that was closed and one that is open."""
    rows = [
        f"{told},jahit,1,contradiction,2020-05-10,2020-05-17,budi,2020-05-11,agreed",
        f"{told},jahit,2,disagreement,2020-05-12,2020-05-19,,,",
    ]
    assert "2 added" in take("evidence_cases", CASES + "\n".join(rows) + "\n")
    assert "2 unchanged" in take("evidence_cases", CASES + "\n".join(rows) + "\n")
    return told


def test_an_open_case_goes_on_and_a_message_closes_it(contested: str) -> None:
    closed, case = EvidenceCase.objects.order_by("id")
    assert closed.officer is not None and not closed.officer.is_active
    person = bought().participation_id
    speaker = Speaker(Source.PARTICIPANT, person)
    said = Message(speaker, bought().pk, Piece.ATTENDANCE, revision=3)
    (outcome,) = record_evidence(messages=[said], at=jakarta(2020, 12, 1))
    assert outcome.refusal is None
    case.refresh_from_db()
    assert case.resolution == "agreed" and EvidenceCase.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("3,disagreement,2020-06-12,2020-06-19,,,", "number", "is missing, or is still open"),
        ("5,disagreement,2020-06-12,2020-06-19,,,", "number", "is missing, or is still open"),
        ("1,contradiction,2020-05-10,2020-05-18,,,", "number", "known already"),
        ("1,contradiction,2020-05-10,2020-05-17,siti,,", "number", "known already"),
        ("1,contradiction,2020-05-10,2020-05-17,,2020-05-12,agreed", "number", "known already"),
        ("2,disagreement,2020-05-12,2020-05-19,,2020-05-13,", "resolution", "exactly where closed_at"),
        ("2,disagreement,2020-05-12,2020-05-19,,2020-05-11,agreed", "closed_at", "before opened_at"),
        ("2,quarrel,2020-05-12,2020-05-19,,,", "kind", "write one of"),
    ],
)
def test_a_case_that_cannot_be_is_refused(contested: str, wrong: Wrong, row: str, column: str, words: str) -> None:
    (problem,) = wrong("evidence_cases", CASES + f"{contested},jahit,{row}\n")
    assert problem[1] == column and words in problem[3], problem


def ruling(nik: str, **changes: str) -> str:
    """A row of a ruling that waits, over the second case."""
    row = {
        "ruling": "2020-05-13T09:00",
        "verdict": "proven",
        "reason": "Foto",
        "case_count": "1",
        "total_rupiah": "300000",
        "list_sha256": SEAL,
        "proposed_by": "siti",
        "nik": nik,
        "training": "jahit",
        "case": "2",
        "seen_count": "6",
        "seen_until": "6",
    } | changes
    return ",".join(row.get(name, "") for name in RULINGS.strip().split(",")) + "\n"


def test_a_ruling_that_waits_is_confirmed_here(contested: str, take: Take) -> None:
    assert "1 added" in take("case_rulings", RULINGS + ruling(contested))
    assert "1 unchanged" in take("case_rulings", RULINGS + ruling(contested))
    waiting = CaseRuling.objects.get()
    at = jakarta(2020, 12, 1)
    confirmed = confirm_ruling(
        ruling_id=waiting.pk, officer_id=factories.officer().pk, seen_sha256=bytes.fromhex(SEAL), at=at
    )
    assert (confirmed.decided_count, confirmed.refused_count, confirmed.refusal) == (1, 0, None)
    assert Evidence.objects.filter(source="programme").count() == 1


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"case": "3"}, "case", "no such case"),
        ({"seen_until": "7"}, "seen_until", "fewer messages"),
        ({"confirmed_by": "siti", "confirmed_at": "2020-05-14"}, "confirmed_by", "cannot confirm"),
        ({"confirmed_by": "budi"}, "confirmed_by", "exactly where confirmed_at"),
        ({"dropped_at": "2020-05-14"}, "dropped_by", "exactly where dropped_at"),
        ({"confirmed_by": "budi", "confirmed_at": "2020-05-12"}, "confirmed_at", "before ruling"),
        ({"list_sha256": "ab"}, "list_sha256", "64 hexadecimal"),
        ({"refusal": "Tidak!"}, "refusal", "code of the refusal"),
        ({"ruling": "2020-05-13T09:00#2"}, "ruling", "no #1 of this instant"),
        ({"ruling": "kemarin"}, "ruling", "write the instant"),
        ({"verdict": "mungkin"}, "verdict", "write one of"),
    ],
)
def test_a_ruling_that_cannot_be_is_refused(
    contested: str, wrong: Wrong, changes: dict[str, str], column: str, words: str
) -> None:
    (problem,) = wrong("case_rulings", RULINGS + ruling(contested, **changes))
    assert problem[1] == column and words in problem[3], problem


def test_every_row_of_a_ruling_says_the_same_of_it(contested: str, take: Take, wrong: Wrong) -> None:
    both = ruling(contested, case_count="2") + ruling(contested, case_count="2", case="1", reason="Lain")
    (problem,) = wrong("case_rulings", RULINGS + both)
    assert problem[:2] == ("3", "ruling") and "line 2 says otherwise" in problem[3]
    (problem,) = wrong("case_rulings", RULINGS + ruling(contested) + ruling(contested, case="1"))
    assert problem[1] == "case_count" and "has 1 cases, and here are 2" in problem[3]
    take("case_rulings", RULINGS + ruling(contested))
    (problem,) = wrong("case_rulings", RULINGS + ruling(contested, reason="Lain"))
    assert problem[1] == "ruling" and "known already" in problem[3]


@pytest.fixture
def completed(nik: str, take: Take) -> str:
    """Somebody whose training was completed, as a file without messages says."""
    take("completions", learned(nik))
    return nik


def certificate(nik: str, **changes: str) -> str:
    """A row of the certificate of that training; the digest is made by hand."""
    at = int(jakarta(2020, 5, 9, 0).timestamp()) * 1_000_000
    said = [f"{piece} institution {at}" for piece in ("attendance 1", "attendance 2", "completion 1")]
    row = {
        "nik": nik,
        "training": "jahit",
        "sequence": "1",
        "number": "ABCDE-FGHJK-MNPQR",
        "status_list": "0",
        "status_index": "4711",
        "title": "Menjahit  halus",
        "institution_name": "Lembaga",
        "session_count": "2",
        "evidence_count": "3",
        "evidence_sha256": hashlib.sha256("\n".join(said).encode()).hexdigest(),
        "completed_at": "2020-05-09",
        "issued_at": "2020-05-09T12:00",
    } | changes
    return ",".join(row.get(name, "") for name in CERTIFICATES.strip().split(",")) + "\n"


def test_a_certificate_keeps_its_number_and_its_place_and_no_new_one_draws_either(completed: str, take: Take) -> None:
    assert "1 added" in take("certificates", CERTIFICATES + certificate(completed))
    assert "1 unchanged" in take("certificates", CERTIFICATES + certificate(completed))
    (line,) = certificates_of(participation_id=bought().participation_id)
    assert (line.number, line.status_list, line.status_index, line.title) == (NUMBER, 0, 4711, "Menjahit  halus")
    assert line.is_valid and status_place(line.certificate_id) == (0, 4711)
    assert issue_certificates(at=jakarta(2020, 6, 1)).purchase_ids == (), "it has one"
    (other,) = factories.accepted()
    factories.completed(other, factories.training())
    (new,) = certificates_of(participation_id=other)
    assert new.certificate_id > line.certificate_id


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"evidence_sha256": "ab" * 32}, "evidence_sha256", "does not give this digest"),
        ({"evidence_count": "2"}, "evidence_sha256", "does not give this digest"),
        ({"evidence_count": "4"}, "evidence_sha256", "does not give this digest"),
        ({"number": "ABCDE"}, "number", "has 15 characters"),
        ({"number": "ABCDE-FGHJK-MNPQ0"}, "number", "has 15 characters"),
        ({"status_index": "262144"}, "status_index", "from 0 to 262,143"),
        ({"status_list": "100"}, "status_list", "from 0 to 99"),
        ({"sequence": "2"}, "sequence", "the certificate before this is missing"),
        ({"issued_at": "2020-05-08"}, "issued_at", "before completed_at"),
        ({"issued_at": "2022-05-08"}, "issued_at", "has not come yet"),
        ({"training": "roti"}, "training", "has not bought"),
    ],
)
def test_a_certificate_that_cannot_be_is_refused(
    completed: str, wrong: Wrong, changes: dict[str, str], column: str, words: str
) -> None:
    (problem,) = wrong("certificates", CERTIFICATES + certificate(completed, **changes))
    assert problem[1] == column and words in problem[3], problem


def test_two_certificates_have_neither_number_nor_place_in_common(completed: str, take: Take, wrong: Wrong) -> None:
    both = CERTIFICATES + certificate(completed) + certificate(completed, sequence="2")
    assert [problem[:2] for problem in wrong("certificates", both)] == [("3", "number"), ("3", "status_index")]
    take("certificates", CERTIFICATES + certificate(completed))
    found = wrong("certificates", CERTIFICATES + certificate(completed, sequence="2"))
    assert [problem[1] for problem in found] == ["number", "status_index"]
    (problem,) = wrong("certificates", CERTIFICATES + certificate(completed, title="Lain"))
    assert problem[1] == "sequence" and "known already" in problem[3]


def test_only_what_was_completed_has_a_certificate(nik: str, take: Take, wrong: Wrong) -> None:
    take("completions", BOUGHT + f"{nik},jahit,300000,2020-05-01,2020-05-02,,\n")
    found = wrong("certificates", CERTIFICATES + certificate(nik))
    assert [problem[1] for problem in found] == ["training", "evidence_sha256"]


@pytest.fixture
def certified(completed: str, take: Take) -> str:
    """The same with the certificate, of which one officer has asked that it be revoked."""
    take("certificates", CERTIFICATES + certificate(completed))
    row = f"{completed},jahit,1,1,asked,siti,,Orang lain,2020-06-01\n"
    assert "1 added" in take("certificate_events", EVENTS + row)
    assert "1 unchanged" in take("certificate_events", EVENTS + row)
    return completed


def test_what_was_asked_there_is_agreed_to_here(certified: str, take: Take) -> None:
    row = f"{certified},jahit,1,2,revoked,budi,1,Orang lain,2020-06-02\n"
    assert "1 added" in take("certificate_events", EVENTS + row)
    (line,) = certificates_of(participation_id=bought().participation_id)
    assert not line.is_valid and line.revocation_reason == "Orang lain" and not line.revoked_by_evidence
    assert issue_certificates(at=jakarta(2020, 6, 3)).purchase_ids == ()


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("1,2,revoked,siti,1,Orang lain,2020-06-02", "answers", "the officer's own"),
        ("1,3,revoked,budi,1,Orang lain,2020-06-02", "event", "the one before this is missing"),
        ("1,2,revoked,budi,,Orang lain,2020-06-02", "answers", "exactly where an officer answers"),
        ("1,2,revoked,,1,,2020-06-02", "answers", "exactly where an officer answers"),
        ("1,2,revoked,budi,1,,2020-06-02", "reason", "have a reason"),
        ("1,2,dropped,budi,1,Kenapa,2020-06-02", "reason", "have a reason"),
        ("1,2,dropped,,1,,2020-06-02", "officer", "only evidence does without an officer"),
        ("1,2,dropped,budi,2,,2020-06-02", "answers", "comes before its answer"),
        ("1,1,asked,siti,,Lain,2020-06-01", "event", "known already"),
        ("2,1,asked,siti,,Lain,2020-06-01", "sequence", "no such certificate"),
    ],
)
def test_an_event_that_cannot_be_is_refused(certified: str, wrong: Wrong, row: str, column: str, words: str) -> None:
    (problem,) = wrong("certificate_events", EVENTS + f"{certified},jahit,{row}\n")
    assert problem[1] == column and words in problem[3], problem


def test_a_request_is_answered_once_and_nothing_follows_a_revocation(certified: str, wrong: Wrong) -> None:
    dropped = f"{certified},jahit,1,2,dropped,budi,1,,2020-06-02\n"
    again = f"{certified},jahit,1,3,revoked,budi,1,Orang lain,2020-06-02\n"
    (problem,) = wrong("certificate_events", EVENTS + dropped + again)
    assert problem[:2] == ("3", "answers") and "answered already" in problem[3]
    revoked = f"{certified},jahit,1,2,revoked,,,,2020-06-02\n"
    after = f"{certified},jahit,1,3,asked,budi,,Lain,2020-06-02\n"
    (problem,) = wrong("certificate_events", EVENTS + revoked + after)
    assert problem[:2] == ("3", "event") and "has revoked" in problem[3]


def test_a_place_leads_back_to_its_number() -> None:
    for number in (0, 1, 4711, 262_143, 262_144, 3_000_017):
        assert certificate_id_at(*status_place(number)) == number
