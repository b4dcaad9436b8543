"""What the proof of the ledger finds in a scratch database, as sentences: the last look of every harness."""

from django.db import connections

from bekal.proofs.check import prove_ledger


def ledger_faults() -> list[str]:
    """One sentence for each invariant that does not hold now, with the first rows; empty where all do."""
    proof = prove_ledger(connections["proof"])
    return [f"{one.invariant.name} {one.invariant.holds}: {list(one.rows[:2])}" for one in proof.violations]
