"""Check I1 to I12 over everything that is there, with a role that can only read."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError
from django.db import connections

from bekal.core.money import format_rupiah
from bekal.ledger.digests import has_head
from bekal.proofs.check import Proof, checked_invariants, prove_ledger, record
from bekal.proofs.report import heading
from bekal.proofs.shards import run_shards
from bekal.proofs.snapshot import read_instant
from bekal.proofs.subjects import Output


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--as-of", metavar="INSTANT", help="a past instant, as 2020-07-27T09:00 (Jakarta time)")
    parser.add_argument("--head", metavar="HEX", help="a digest that was noted elsewhere must be in the chain")
    parser.add_argument("--shards", metavar="URL,URL", help="sum over these databases instead; nothing is kept")
    parser.add_argument("--no-record", action="store_true", help="do not keep the result")


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """Prove, print what was looked at and each check, keep the result; 1 where a check does not hold."""
    if options["shards"]:
        return run_shards(options["shards"], options["as_of"], stdout)
    as_of, head = read_instant(options["as_of"]), _read_head(options["head"])
    proof = prove_ledger(connections["proof"], as_of=as_of)
    _print(proof, stdout)
    has_noted = head is None or has_head(connections["proof"], head)
    if head is not None:
        verdict = "is in the chain" if has_noted else "BROKEN: it is not in the chain; history was rewritten after it"
        stdout.write(f"  noted head {head.hex()}: {verdict}")
    if as_of is None and not options["no_record"]:
        record(proof)
    if proof.violations:
        broken_count = len(proof.violations)
        raise CommandError(f"{broken_count} of {len(proof.checked)} checks do not hold", returncode=1)
    return 0 if has_noted else 1


def _read_head(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        head = bytes.fromhex(text)
    except ValueError:
        head = b""
    if len(head) != 32:
        raise CommandError(f"--head {text[:80]!r} is no digest: it has 64 digits 0 to 9 and letters a to f")
    return head


def _print(proof: Proof, stdout: Output) -> None:
    moment = "now" if proof.as_of is None else proof.as_of.isoformat()
    stdout.write(f"{heading('ledger')}: as of {moment}, {proof.duration_seconds:.2f} s")
    stdout.write(
        f"  looked at {proof.transfer_count} transfers, {proof.participation_count} participations, "
        f"{proof.payout_count} payouts, {format_rupiah(proof.total_in_rupiah)} committed"
    )
    broken = {violation.invariant: violation for violation in proof.violations}
    for invariant in proof.checked:
        verdict = "BROKEN" if invariant in broken else "holds"
        stdout.write(f"  {invariant.name:3s} {verdict:7s} {invariant.holds}")
        if invariant in broken:
            for row in broken[invariant].rows:
                stdout.write("        " + ", ".join(f"{name}={value}" for name, value in row.items()))
    _print_rest(proof, stdout)


def _print_rest(proof: Proof, stdout: Output) -> None:
    if proof.digest is not None:
        head = "none yet" if proof.digest.head_sha256 is None else proof.digest.head_sha256.hex()
        stdout.write(
            f"  digest chain: {proof.digest.link_count} links over {proof.digest.transfer_count} transfers, "
            f"{proof.digest.uncovered_count} not covered yet, head {head}"
        )
    else:
        rest = len(checked_invariants(now=True)) - len(proof.checked)
        stdout.write(
            f"  not checked: {rest} invariants of what has no past, as the chain and stored balances; leave --as-of out"
        )
    for item in proof.open_items:
        whose = f"{item.owner} {item.of}".strip()
        stdout.write(
            f"  open: {item.kind}, {whose}: {item.count}, {format_rupiah(item.rupiah)}, oldest {item.age} days"
        )
    if proof.transfer_count == 0:
        stdout.write("  Nothing has been posted up to that instant: this run has checked an empty ledger.")
