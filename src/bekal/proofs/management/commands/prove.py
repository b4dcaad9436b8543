"""`manage prove ledger [--as-of INSTANT]`: an independent check of what must always hold; exit 1 on a violation."""

import os
import platform
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from bekal.core.money import format_rupiah
from bekal.proofs.check import Proof, prove_ledger
from bekal.proofs.snapshot import read_instant


class Command(BaseCommand):
    help = "Check the invariants of the ledger with a role that can only read; exit 1 where one does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", choices=["ledger"], help="what to prove")
        parser.add_argument("--as-of", metavar="INSTANT", help="a past instant, as 2020-07-27T09:00 (Jakarta time)")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = read_instant(options["as_of"])
        started = time.perf_counter()
        proof = prove_ledger(connections["proof"], as_of=as_of)
        self._print(proof, time.perf_counter() - started)
        if proof.violations:
            raise CommandError(f"{len(proof.violations)} of {len(proof.checked)} checks do not hold", returncode=1)

    def _print(self, proof: Proof, seconds: float) -> None:
        moment = "now" if proof.as_of is None else proof.as_of.isoformat()
        self.stdout.write(
            f"prove ledger, as of {moment}: {seconds:.2f} s on {platform.machine()}, {os.cpu_count()} cores"
        )
        self.stdout.write(
            f"  looked at {proof.transfer_count} transfers, {proof.participation_count} participations, "
            f"{proof.payout_count} payouts, {format_rupiah(proof.total_in_rupiah)} committed"
        )
        broken = {violation.invariant: violation for violation in proof.violations}
        for invariant in proof.checked:
            verdict = "BROKEN" if invariant in broken else "holds"
            self.stdout.write(f"  {invariant.name:3s} {verdict:7s} {invariant.holds}")
            if invariant in broken:
                for row in broken[invariant].rows:
                    self.stdout.write("        " + ", ".join(f"{name}={value}" for name, value in row.items()))
        if proof.transfer_count == 0:
            self.stdout.write("  Nothing has been posted up to that instant: this run has checked an empty ledger.")
