"""Whom `prove crash` kills over the path of a payout, and what they do: plan, approve, export, hand over, call, ask,
take what comes back, and once more for whom the first run has not reached.

A site is a copy of a database in which something is due, with a bank of its own beside it. Everything that a payer does
can be done again by any other, at any time; which of them does it is not said anywhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from unittest import mock

import httpx
from django.db import connection

from bekal.accounts.privacy import decrypt
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.fetch_statements import fetch_statements
from bekal.incentives.find_silent import find_silent
from bekal.incentives.hand_over_files import alone_at, hand_over_files
from bekal.incentives.house_rails import Rail
from bekal.incentives.make_calls import make_calls
from bekal.incentives.models import Entitlement, PayoutRun
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation, PayoutAccount
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.proofs import small_world
from bekal.proofs.crash_bank import BANK, CALLED, WALLET, Clock, RunningBank, running_bank
from bekal.proofs.scratch import scratch_database

PEOPLE: Mapping[str, int] = {BANK: 44, CALLED: 30, WALLET: 8}
FILE_COUNT = 2
"""So many payments are in a file here, so that a run has many files."""
MOST_OF_A_FILE = "bekal.incentives.partners.hours.MAX_PAYMENTS_COUNT"
HOUR = timedelta(hours=1)
TREASURY_RUPIAH = 10_000_000_000
# Of each partner's people, by their place: whose money is rejected, why, and whether once or for ever. Files with a
# rejection take the longest rounds, and several are needed to die at the last of their boundaries.
ONCE, FOR_EVER = 1, 1_000
REJECTED: Mapping[str, Mapping[int, tuple[str, int]]] = {
    BANK: {1: ("AM14", ONCE), 4: ("AC04", FOR_EVER), 10: ("BE01", ONCE), 14: ("AC06", ONCE), 20: ("AM14", ONCE)},
    CALLED: {2: ("AM14", ONCE), 5: ("AC06", FOR_EVER)},
    WALLET: {0: ("AC04", ONCE), 2: ("BE01", ONCE), 4: ("AM14", ONCE), 6: ("AC06", ONCE)},
}
# Of whom the bank says nothing but in the day's statement.
SILENT: Mapping[str, int] = {BANK: 8, WALLET: 3}
# How often the line breaks under a call, once the bank has done what it was told, and before; and under which of its
# files: not the first, at which payers die.
BROKEN_CALLS = {"timeout_after_acceptance": 2, "timeout_before_acceptance": 1}
BROKEN_FILES = {"timeout_after_acceptance": (19, 20), "timeout_before_acceptance": (21, 22)}
# How often it lets nobody in who asks.
PAY_PATH, STATUS_PATH, REFUSED_COUNT = "/v1.0/transfer-interbank", "/v1.0/transfer/status", 3


@dataclass(frozen=True, slots=True)
class PayBase:
    """A database in which money is due, to be copied; nobody works in it. `accounts`: number and name, by partner."""

    name: str
    days: tuple[date, date]
    officer_ids: tuple[int, int]
    accounts: Mapping[str, Sequence[tuple[str, str]]]


@contextmanager
def pay_base() -> Iterator[PayBase]:
    """The people of PEOPLE, each with an account and an earned incentive; the first instalment falls due."""
    httpx.Client(trust_env=False).close()  # what calls need is loaded here, once, and not in every payer that is forked
    with scratch_database("crash_due") as database:
        world = small_world.World()
        ids = world.accept(sum(PEOPLE.values()))
        _give_accounts(ids)
        (training_id,) = world.trainings(1, price_rupiah=500_000)
        world.earn(ids, training_id)
        (first,) = Entitlement.objects.order_by("payment_on").values_list("payment_on", flat=True)[:1]
        officer_ids = (world.officer_ids[0], world.officer_ids[1])
        accounts = {partner: _accounts_at(partner) for partner in PEOPLE}
        connection.close()
        yield PayBase(database.name, (first, first + timedelta(days=1)), officer_ids, accounts)


def _give_accounts(participation_ids: Sequence[int]) -> None:
    partners = [partner for partner, number in PEOPLE.items() for _ in range(number)]
    people = Participation.objects.filter(pk__in=participation_ids).order_by("pk")
    named = people.values_list("participant_id", "participant__full_name")
    accounts = [
        NewAccount(person, partner, f"{person:010d}" if partner == BANK else f"0812{person:08d}", name)
        for partner, (person, name) in zip(partners, named, strict=True)
    ]
    for outcome in set_payout_accounts(accounts=accounts, at=small_world.REGISTERED_AT):
        if not outcome.verified:
            raise RuntimeError(f"nobody could be paid: {outcome}")


def _accounts_at(partner: str) -> list[tuple[str, str]]:
    rows = PayoutAccount.objects.filter(partner=partner).order_by("id").values_list("number_encrypted", "holder_name")
    return [(decrypt(bytes(number)), name) for number, name in rows]


@dataclass(slots=True)
class Site:
    """One copy of the base with its bank and its clock."""

    base: PayBase
    clock: Clock
    bank: RunningBank = field(repr=False)

    @property
    def rails(self) -> dict[str, Rail]:
        return self.bank.rails


@contextmanager
def site_of(base: PayBase, *, durable: bool = False) -> Iterator[Site]:
    """A copy of the base in the morning of the day of payment, and a bank that knows everybody and has its troubles."""
    with scratch_database("crash_pay", template=base.name, durable=durable):
        clock = Clock(small_world.midnight_of(base.days[0]) + 9 * HOUR)
        with running_bank(clock) as bank, mock.patch(MOST_OF_A_FILE, FILE_COUNT):
            _set_up(bank, base)
            yield Site(base, clock, bank)


def _set_up(bank: RunningBank, base: PayBase) -> None:
    for partner, accounts in base.accounts.items():
        bank.books.put_in(partner, base.days[0], TREASURY_RUPIAH)
        bank.books.open_accounts(partner, [(number, name, "active", 1, 0, None, None) for number, name in accounts])
        for place, (reason, times) in REJECTED[partner].items():
            bank.books.order_fault(partner, "reject", accounts[place][0], reason, times)
        if partner in SILENT:
            bank.books.order_fault(partner, "silent", accounts[SILENT[partner]][0], "", 1)
    bank.books.order_fault(CALLED, "refuse", STATUS_PATH, "429", REFUSED_COUNT)
    for kind, times in BROKEN_CALLS.items():
        bank.books.order_fault(CALLED, kind, PAY_PATH, "", times)
    for kind, numbers in BROKEN_FILES.items():
        for number in numbers:
            bank.books.order_fault(BANK, kind, f"bekal-{base.days[0]:%Y%m%d}-run1-{BANK}-{number}.xml", "", 1)


# What payers do: each says whether there was anything to do.

Step = Callable[[Site], bool]
OPEN_SQL = """
SELECT EXISTS (SELECT 1 FROM incentives_payout payout WHERE payout.ended_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus status
                               WHERE status.payout_id = payout.id AND status.state = 'settled'))
"""
LEFT_SQL = "SELECT count(*) FROM incentives_payoutrun WHERE exported_at IS NOT NULL"
OFFICERS = "proofs.crash_payers"


def is_open() -> bool:
    """Whether anything that was planned is neither paid nor over."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_SQL)
        return bool(cursor.fetchone()[0])


def is_over(site: Site) -> bool:
    """Whether both runs have left and all of them was answered."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_SQL)
        has_left = bool(cursor.fetchone()[0] == len(site.base.days))
    return has_left and not is_open()


def plan(site: Site) -> bool:
    """One officer plans each day once, and not before all of the day before was answered."""
    at = site.clock.instant()
    day = programme_day(at)
    with alone_at(OFFICERS) as alone:
        if not alone or day not in site.base.days or PayoutRun.objects.filter(planned_for=day).exists() or is_open():
            return False
        planned = plan_payout_run(planned_for=day, officer_id=site.base.officer_ids[0], at=at)
    return planned.run_id is not None


def approve(site: Site) -> bool:
    """Another agrees to what was planned."""
    for run in PayoutRun.objects.filter(approved_at=None).order_by("id"):
        approve_payout_run(
            run_id=run.pk,
            officer_id=site.base.officer_ids[1],
            list_sha256=bytes(run.list_sha256),
            at=site.clock.instant(),
        )
        return True
    return False


def write_out(site: Site) -> bool:
    """What was approved is written as files, and into the books as sent."""
    waiting = PayoutRun.objects.filter(approved_at__isnull=False, exported_at=None).order_by("id")
    for run_id in waiting.values_list("id", flat=True):
        export_payout_run(run_id=run_id, at=site.clock.instant(), proof_limit=None, rails=site.rails)
        return True
    return False


def call(site: Site, *, limit: int = 1) -> bool:
    """Payments by calls are made, and asked for."""
    now = site.clock.instant
    return make_calls(rails=site.rails, at=now(), now=now, limit=limit).did_anything


def exchange(site: Site, *partners: str, limit: int = 1) -> bool:
    """Files are handed over and asked for, and what came back is taken."""
    rails = {partner: site.rails[partner] for partner in partners or (BANK, WALLET)}
    now = site.clock.instant
    return hand_over_files(rails=rails, at=now(), now=now, limit=limit).did_anything


def fetch(site: Site, *partners: str) -> bool:
    """The statement of the day before is taken."""
    rails = {partner: site.rails[partner] for partner in partners or (BANK, WALLET)}
    return fetch_statements(rails=rails, at=site.clock.instant()).taken_count > 0


def everything(site: Site, *, limit: int = 4) -> bool:
    """One round of a payer that looks at everything there may be to do."""
    did = [
        plan(site),
        approve(site),
        write_out(site),
        call(site, limit=limit),
        exchange(site, limit=limit),
        fetch(site),
        find_silent(at=site.clock.instant()) > 0,
    ]
    return any(did)
