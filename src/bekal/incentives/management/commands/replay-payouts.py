"""`manage replay-payouts`: a year's payments under the rule that came later: days earlier, and the cash by day."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bekal.core.money import format_rupiah
from bekal.core.replay_payments import CashDay
from bekal.incentives.replay_payout_days import ReplayedYear, first_front_loaded_on, replay_year, scheduled_in
from bekal.ledger.clock import programme_now

FIRST_YEAR, LAST_YEAR = 2020, 2100


class Command(BaseCommand):
    help = (
        "Replay the payment months of a year under the newest rule of front loading, from the instalments there are: "
        "how many days earlier each would have been paid, and the cash of each day under both rules."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        before = first_front_loaded_on().year - 1
        parser.add_argument("--year", type=int, default=before, help=f"whose payment months (default {before})")

    def handle(self, *args: Any, **options: Any) -> None:
        year = options["year"]
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise CommandError(f"--year is {year}: write a year from {FIRST_YEAR} to {LAST_YEAR}.")
        replayed = replay_year(scheduled_in(year=year, at=programme_now()), year=year)
        if not replayed.replay.instalment_count:
            self.stdout.write(f"Nothing that is earned is scheduled for {year}.")
            return
        for line in _sentences(replayed):
            self.stdout.write(line)
        self.stdout.write(f"\n{'day':10} {'as it was':>22} {'front loaded':>22} {'earlier by its end':>22}")
        for day in replayed.replay.cash:
            ahead = format_rupiah(day.other_until_rupiah - day.own_until_rupiah)
            own, other = format_rupiah(day.own_rupiah), format_rupiah(day.other_rupiah)
            self.stdout.write(f"{day.on} {own:>22} {other:>22} {ahead:>22}")


def _sentences(replayed: ReplayedYear) -> list[str]:
    replay = replayed.replay
    mean = replay.mean_days_earlier
    assert mean is not None
    lines = [
        f"{replay.instalment_count:,} instalments scheduled for {replayed.year}, {format_rupiah(replay.total_rupiah)}, "
        f"under the rule in force since {replayed.under_on}:",
        f"{float(mean):.2f} days earlier on average, half of them by {replay.median_days_earlier} days or fewer.",
        *(f"{days:>4} days earlier: {count:,}" for days, count in replay.by_days_earlier),
        f"Most on one day: {_peak(replay.own_peak, 'own')} as it was, "
        f"{_peak(replay.other_peak, 'other')} front loaded.",
    ]
    if replayed.differing_count:
        lines.append(
            f"{replayed.differing_count:,} have another day of payment in the books than the schedule gives today."
        )
    return lines


def _peak(day: CashDay | None, rule: str) -> str:
    assert day is not None
    return f"{format_rupiah(day.own_rupiah if rule == 'own' else day.other_rupiah)} on {day.on}"
