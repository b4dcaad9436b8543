"""What may be begun at a partner now: within its windows, and within what it takes on a day.

Whoever begins a payment holds the partner's lock for the one transaction that looks at the day's count, picks, writes
the intent and counts it: so any number of couriers begin nothing twice and together no more than the limits.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from bekal.incentives.models import PayoutDay
from bekal.incentives.partners.hours import Amount

COUNT_SQL = """
INSERT INTO incentives_payoutday AS known (partner, counted_on, payment_count, total_rupiah) VALUES (%s, %s, %s, %s)
ON CONFLICT (partner, counted_on) DO UPDATE
SET payment_count = known.payment_count + excluded.payment_count,
    total_rupiah = known.total_rupiah + excluded.total_rupiah
"""


@contextmanager
def beginning(partner: str) -> Iterator[None]:
    """One transaction in which nobody else begins a payment at that partner. No partner is called within it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"incentives.release {partner}"])
        yield


def begun_on(partner: str, day: date) -> Amount:
    """What was begun at the partner on that day of the programme, and is not known not to have arrived."""
    row = PayoutDay.objects.filter(partner=partner, counted_on=day).values_list("payment_count", "total_rupiah").first()
    return Amount(*row) if row else Amount()


def count_begun(partner: str, day: date, amount: Amount) -> None:
    """In the transaction that writes the intent."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_SQL, [partner, day, amount.payment_count, amount.total_rupiah])


def give_back(partner: str, amounts: Mapping[date, Amount]) -> None:
    """What the partner is known not to have leaves the count of the day on which it was begun, in the transaction that
    records so."""
    for day in sorted(amounts):
        PayoutDay.objects.filter(partner=partner, counted_on=day).update(
            # Not below nothing: two runners may find out the same of one payment.
            payment_count=Greatest(F("payment_count") - amounts[day].payment_count, 0),
            total_rupiah=Greatest(F("total_rupiah") - amounts[day].total_rupiah, 0),
        )
