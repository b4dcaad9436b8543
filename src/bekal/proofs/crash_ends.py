"""How the path of a payout must end: as the undisturbed one, person by person, and as the bank's own books say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.proofs.crash_bank import PARTNERS
from bekal.proofs.crash_payers import Site
from bekal.proofs.ledger_faults import ledger_faults
from bekal.proofs.snapshot import snapshot

# What is there of each payment, and what the books call it; what is named is an open exception of it.
PAYOUTS_SQL = """
SELECT payout.partner, payout.reference, payout.entitlement_id, payout.amount_rupiah, payout.ended_at IS NOT NULL,
       coalesce(bool_or(status.state = 'settled'), false),
       EXISTS (SELECT 1 FROM incentives_payoutexception named
               WHERE named.payout_id = payout.id AND named.resolved_at IS NULL)
FROM incentives_payout payout LEFT JOIN incentives_payoutstatus status ON status.payout_id = payout.id
GROUP BY payout.id ORDER BY payout.id
"""
TAKEN_SQL = """
SELECT file.partner, file.message_id FROM incentives_payoutfile file
JOIN LATERAL (SELECT outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id
              ORDER BY id DESC LIMIT 1) newest ON newest.outcome = 'taken'
ORDER BY file.id
"""
# Everything of each person that does not name an instant, a file or a call: two ways to the same end are the same.
STATES_SQL = """
SELECT place.id, concat_ws('|',
    (SELECT string_agg(concat_ws(' ', payout.reference, payout.partner, payout.amount_rupiah,
                                 payout.ended_at IS NOT NULL,
                                 (SELECT string_agg(concat_ws(' ', status.state, status.reason_code), ' '
                                                    ORDER BY status.state)
                                  FROM incentives_payoutstatus status
                                  WHERE status.payout_id = payout.id AND status.state <> 'accepted')),
                       ',' ORDER BY payout.reference)
     FROM incentives_payout payout JOIN incentives_entitlement due ON due.id = payout.entitlement_id
     WHERE due.participation_id = place.id),
    (SELECT string_agg(concat_ws(' ', moved.debit_kind, moved.credit_kind, moved.reason, moved.amount_rupiah,
                                 moved.idempotency_key), ',' ORDER BY moved.idempotency_key, moved.reason)
     FROM ledger_transfer moved WHERE moved.owner_id = place.id))
FROM participants_participation place
"""
# Whoever proves may not read messages; how often somebody was told what.
MESSAGES_SQL = """
SELECT place.id, string_agg(message.template, ',' ORDER BY message.template)
FROM participants_participation place JOIN messaging_outboxmessage message ON message.holder_id = place.participant_id
GROUP BY place.id
"""
States = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Held:
    """The books beside the bank's: what does not agree, and how much was compared."""

    faults: tuple[str, ...]
    paid_count: int
    paid_rupiah: int


def states_of(look: BaseDatabaseWrapper) -> States:
    """What there is of each person."""
    with snapshot(look) as cursor:
        cursor.execute(STATES_SQL)
        states = dict(cursor.fetchall())
    with connection.cursor() as cursor:
        cursor.execute(MESSAGES_SQL)
        told = dict(cursor.fetchall())
    connection.close()
    return {one: f"{state}|{told.get(one, '')}" for one, state in states.items()}


def held_against_the_bank(site: Site, look: BaseDatabaseWrapper, *, is_over: bool) -> Held:
    """At any instant nothing is paid twice, nothing is called paid, or there, that the bank has not paid, or got, and
    nothing is paid that was not ordered; `is_over`: nor is anything missing, or left without a name."""
    with snapshot(look) as cursor:  # first: what the bank pays meanwhile the books need not know
        cursor.execute(PAYOUTS_SQL)
        payouts = cursor.fetchall()
        cursor.execute(TAKEN_SQL)
        files = cursor.fetchall()
    paid = {
        (partner, reference): figures
        for partner in PARTNERS
        for reference, figures in site.bank.books.paid(partner).items()
    }
    count, rupiah = sum(times for times, _ in paid.values()), sum(total for _, total in paid.values())
    faults = [*_doubled(payouts, paid)]
    for partner, message_id in files:
        if site.bank.books.received(partner, message_id) is None:
            faults.append(f"{message_id} is called taken, and {partner} has not got it")
    for partner, reference, _, amount_rupiah, has_ended, is_settled, is_named in payouts:
        times, total = paid.pop((partner, reference), (0, 0))
        if total != times * amount_rupiah:
            faults.append(f"{reference}: Rp{total} paid by {partner}, Rp{amount_rupiah} ordered")
        if is_settled and not times:
            faults.append(f"{reference} is called paid, and {partner} has not paid it")
        if is_over and times and not is_settled:
            faults.append(f"{reference} was paid by {partner}, and the books do not know")
        if is_over and not (is_settled or has_ended or is_named):
            faults.append(f"{reference} is neither paid nor over, and nothing names it")
    faults += [f"{reference} was paid by {partner}, and nobody has ordered it" for partner, reference in paid]
    return Held(tuple(faults), count, rupiah)


def _doubled(payouts: list[tuple[object, ...]], paid: Mapping[tuple[str, str], tuple[int, int]]) -> Iterator[str]:
    """Instalments that were paid more than once, be it in one attempt or in two."""
    times: dict[object, int] = {}
    for partner, reference, due_id, *_ in payouts:
        times[due_id] = times.get(due_id, 0) + paid.get((str(partner), str(reference)), (0, 0))[0]
    for due_id, number in times.items():
        if number > 1:
            yield f"instalment {due_id} was paid {number} times"


def wrong_end(site: Site, look: BaseDatabaseWrapper, undisturbed: States) -> Held:
    """After the last payer: the books as the bank's, everybody as undisturbed, the ledger whole."""
    held = held_against_the_bank(site, look, is_over=True)
    states = states_of(look)
    other = [one for one, state in undisturbed.items() if states.get(one) != state]
    faults = list(held.faults)
    if other or len(states) != len(undisturbed):
        faults.append(f"{len(other)} people end otherwise than undisturbed (participations {other[:3]})")
    return Held((*faults, *ledger_faults()), held.paid_count, held.paid_rupiah)
