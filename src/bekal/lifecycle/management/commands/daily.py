"""`manage daily`: everything that falls due by itself; run it as often as you like, it finds only what is new."""

from typing import Any

from django.core.management.base import BaseCommand

from bekal.core.money import format_rupiah
from bekal.incentives.entitle import entitle
from bekal.ledger.clock import programme_now
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.purchases.reconcile import reconcile


class Command(BaseCommand):
    help = "Reconcile complete evidence, entitle who earned, revoke places whose deadline passed, end balances."

    def handle(self, *args: Any, **options: Any) -> None:
        at = programme_now()
        reconciled = reconcile(at=at)
        entitled = entitle(at=at)
        revoked = revoke(at=at)
        ended = end_balances(at=at)
        self.stdout.write(
            f"Reconciled {len(reconciled.purchase_ids):,} purchases; {reconciled.waiting_count:,} wait for evidence.\n"
            f"Entitled {entitled.participation_count:,} people to {entitled.entitlement_count:,} instalments.\n"
            f"Revoked {revoked.participation_count:,} places, {format_rupiah(revoked.returned_rupiah)} returned.\n"
            f"Ended {ended.participation_count:,} balances, {format_rupiah(ended.returned_rupiah)} returned."
        )
