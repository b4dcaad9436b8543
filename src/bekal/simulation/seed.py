"""Makes the demo: a walked population, one participant with exactly Rp300,000 left, and everybody's sign-in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import F

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Institution, InstitutionStaff, Training
from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA
from bekal.messaging.models import OutboxMessage
from bekal.participants.give_sign_in import give_sign_in
from bekal.participants.models import Education, Employment, Participant
from bekal.recommender.examine import examine
from bekal.recommender.fit import fit
from bekal.recommender.promote_model import promote_model
from bekal.recommender.propose_model import propose_model
from bekal.simulation.catalogue import put_on_shelf
from bekal.simulation.catalogue_life import live_catalogue
from bekal.simulation.demo import (
    AUDITOR,
    DEMO_LOGINS,
    DEMO_PASSWORD,
    INSTITUTION,
    OFFICER_1,
    OFFICER_2,
    PARTICIPANT,
    SECOND_PARTICIPANT,
)
from bekal.simulation.demo_partners import make_demo_partners
from bekal.simulation.demo_reviews import make_demo_reviews
from bekal.simulation.demo_settlements import make_demo_settlements
from bekal.simulation.demo_troubles import Office, make_demo_troubles
from bekal.simulation.script import ScriptedPerson, ScriptedPurchase
from bekal.simulation.walk import LISTED_ON, Progress, SimulationError, SimulationReport, simulate

UNTIL_AT = datetime.combine(date(2020, 11, 19), time(10), tzinfo=JAKARTA)
SEED = 2020
LEFT_RUPIAH = 300_000
WAVE_OPENS_ON, ACCEPTED_ON = date(2020, 8, 15), date(2020, 8, 18)
# What suits the demo's person, by category; a catalogue without these is searched as it is.
LIKED = ("makanan-dan-minuman", "penjualan-dan-pemasaran", "keuangan-dan-akuntansi")
SEARCHED = 160  # trainings a category is searched for in the worst case, so that the search ends


@dataclass(frozen=True, slots=True)
class DemoTrainings:
    """Three trainings that leave exactly Rp300,000: one finished, one that waits for its review, one to begin."""

    finished: Training
    unreviewed: Training
    to_begin: Training


def seed_demo(*, participant_count: int, progress: Progress | None = None) -> SimulationReport | None:
    """Fill an empty database with the demo, all or nothing; None, and nothing done, where a participant is there.

    Raises SimulationError where the catalogue has no three trainings that leave Rp300,000.
    """
    if Participant.objects.exists():
        return None
    with transaction.atomic():
        put_on_shelf(at=datetime.combine(LISTED_ON, time(8), tzinfo=JAKARTA), seats_for=participant_count)
        chosen = demo_trainings()
        _make_office()
        report = simulate(
            participant_count=participant_count,
            year=UNTIL_AT.year,
            seed=SEED,
            scripted=[_siti(chosen)],
            until_at=UNTIL_AT,
            progress=progress,
        )
        _make_sign_ins(report.scripted_participant_ids[0], chosen)
        make_demo_reviews(participant_id=report.scripted_participant_ids[0], institution_login=INSTITUTION, at=UNTIL_AT)
        make_demo_partners(institution_login=INSTITUTION, at=UNTIL_AT)
        _make_troubles()
        officer, second = (User.objects.get(login_name=name) for name in (OFFICER_1, OFFICER_2))
        make_demo_settlements(officer_ids=(officer.pk, second.pk), at=UNTIL_AT)
        live_catalogue(training=chosen.to_begin, owned=chosen.unreviewed, officer=officer, at=UNTIL_AT)
        _let_a_model_serve()
        _take_everybodys_messages()
    return report


def demo_trainings() -> DemoTrainings:
    """Three trainings of three categories that fit the person, the last of an institution of its own, which together
    cost the training balance less Rp300,000."""
    total = RULES.scheme(ACCEPTED_ON).training_balance_rupiah - LEFT_RUPIAH
    # Nothing that can be sold out or has begun on the day for which the script has the demo's person buy it.
    online = Training.objects.filter(on_sale=True, price_rupiah__gt=0, seat_count=None, sessions=None)
    online = online.exclude(mode=Training.Mode.ON_SITE)
    online = online.select_related("category").order_by("code")
    by_category = [[t for t in online if t.category.slug == slug][:SEARCHED] for slug in LIKED]
    anything = list(online[:SEARCHED])
    for groups in (by_category, [anything] * 3):
        for chosen in _adding_up(groups, total):
            if chosen.to_begin.institution_id not in (chosen.finished.institution_id, chosen.unreviewed.institution_id):
                return chosen
    raise SimulationError(
        f"The catalogue has no three trainings that cost Rp{total} together, which the demo's participant needs: "
        "seed the demo into an empty database."
    )


def _adding_up(groups: Sequence[Sequence[Training]], total: int) -> Iterable[DemoTrainings]:
    """One training of each group, three different ones, that cost `total` together; evenly priced ones first."""
    first, second, third = groups
    by_price: dict[int, list[Training]] = {}
    for training in third:
        by_price.setdefault(training.price_rupiah, []).append(training)
    pairs = sorted(
        ((a, b) for a in first for b in second if a.pk != b.pk),
        key=lambda pair: (abs(pair[0].price_rupiah - pair[1].price_rupiah), pair[0].code, pair[1].code),
    )
    for a, b in pairs:
        for c in by_price.get(total - a.price_rupiah - b.price_rupiah, ()):
            if c.pk not in (a.pk, b.pk):
                yield DemoTrainings(a, b, c)


def _siti(chosen: DemoTrainings) -> ScriptedPerson:
    """Accepted in August; two instalments paid, two to come; one review owed; one training to begin."""
    first_days = tuple(date(2020, 9, 2 + session) for session in range(chosen.finished.session_count))
    second_days = tuple(date(2020, 10, 13 + session) for session in range(chosen.unreviewed.session_count))
    return ScriptedPerson(
        full_name=next(login.display_name for login in DEMO_LOGINS if login.login_name == PARTICIPANT),
        is_man=False,
        born_on=date(1996, 4, 12),
        education=Education.VOCATIONAL,
        employment=Employment.UNEMPLOYED,
        province=32,
        wave_opens_on=WAVE_OPENS_ON,
        purchases=(
            ScriptedPurchase(
                training_code=chosen.finished.code,
                bought_on=date(2020, 8, 31),
                redeemed_on=date(2020, 9, 1),
                attended_on=first_days,
                completed_on=date(2020, 9, 15),
                reviewed_on=date(2020, 9, 17),
                rating=5,
                review="Materinya lengkap, langsung saya praktikkan di rumah.",
            ),
            ScriptedPurchase(
                training_code=chosen.unreviewed.code,
                bought_on=date(2020, 10, 9),
                redeemed_on=date(2020, 10, 12),
                attended_on=second_days,
                completed_on=date(2020, 11, 13),
            ),
            ScriptedPurchase(training_code=chosen.to_begin.code, bought_on=date(2020, 11, 18)),
        ),
    )


def _make_office() -> None:
    """The two officers, and who checks them."""
    for login in DEMO_LOGINS:
        if login.login_name in (OFFICER_1, OFFICER_2, AUDITOR):
            _make_user(login.login_name, login.display_name, login.role)


def _make_sign_ins(participant_id: int, chosen: DemoTrainings) -> None:
    made = give_sign_in(participant_id=participant_id, login_name=PARTICIPANT, password=DEMO_PASSWORD, is_demo=True)
    if made.refusal is not None:
        raise SimulationError(f"The demo's sign-in could not be made ({made.refusal.code}): reset the database.")
    institution = Institution.objects.get(pk=chosen.to_begin.institution_id)
    staff = _make_user(INSTITUTION, institution.name[:150], Role.INSTITUTION)
    InstitutionStaff.objects.create(user=staff, institution=institution)


def _make_troubles() -> None:
    staff = InstitutionStaff.objects.get(user__login_name=INSTITUTION)
    officer_id, second_id = (User.objects.get(login_name=name).pk for name in (OFFICER_1, OFFICER_2))
    office = Office(officer_id, second_id, staff.user_id, staff.institution_id)
    make_demo_troubles(office=office, login_name=SECOND_PARTICIPANT, password=DEMO_PASSWORD, at=UNTIL_AT)


def _take_everybodys_messages() -> None:
    """The simulated people have read theirs: nothing of the past waits for a carrier when the demo opens."""
    OutboxMessage.objects.filter(sent_at=None, failed_at=None).update(
        sent_at=F("created_at"), carrier_reference="demo", attempt_count=1
    )


def _let_a_model_serve() -> None:
    """As an office does it: fitted, examined, proposed by one officer and promoted by the other."""
    version = fit(at=UNTIL_AT)
    proposer, promoter = (User.objects.get(login_name=name) for name in (OFFICER_1, OFFICER_2))
    propose_model(version_id=version.pk, by=proposer, at=UNTIL_AT)
    if examine(version=version, at=UNTIL_AT).passes:
        promote_model(version_id=version.pk, by=promoter, at=UNTIL_AT)


def _make_user(login_name: str, display_name: str, role: Role) -> User:
    return User.objects.create_user(login_name, DEMO_PASSWORD, role=role, display_name=display_name, is_demo=True)
