"""`manage daily`: everything that falls due by itself; run it as often as you like, it finds only what is new."""

from typing import Any

from django.core.management.base import BaseCommand

from bekal.core.money import format_rupiah
from bekal.ledger.clock import programme_now
from bekal.lifecycle.daily_work import DailyWork, do_daily_work


class Command(BaseCommand):
    help = "Reconcile complete evidence, entitle who earned; plan revocations and ends of balances for approval."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(sentences(do_daily_work(at=programme_now()))))


def sentences(done: DailyWork) -> list[str]:
    """What was done, and what waits for a second person with its amount."""
    reconciled, entitled = done.reconciled, done.entitled
    lines = [
        f"Reconciled {len(reconciled.purchase_ids):,} purchases; {reconciled.waiting_count:,} wait for evidence.",
        f"Entitled {entitled.participation_count:,} people to {entitled.entitlement_count:,} instalments.",
    ]
    for run in done.waiting:
        what = run.operation.replace("_", " ")
        new = "planned now" if run.run_id in done.planned_run_ids else "planned before"
        lines.append(
            f"Run {run.run_id} waits for approval: {what}, {run.subject_count:,} on its list, "
            f"{format_rupiah(run.total_rupiah)} ({new})."
        )
    return lines if done.waiting else [*lines, "No run waits for approval."]
