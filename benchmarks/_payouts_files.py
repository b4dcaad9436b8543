"""From the ledger to files of payments: the writer alone, from the database's rows to files, and the whole verb, each
in a process of its own: seconds and memory."""

import io
import resource
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import transaction

from bekal.core.uncollected import uncollected
from bekal.incentives.export_payout_run import instructions_of
from bekal.incentives.models import PayoutRun
from bekal.incentives.partners.csv_rail import Instruction
from bekal.incentives.partners.pain001 import MAX_PAYMENTS_COUNT, TransferFile, write_transfers
from bekal.proofs.workers import results_of
from benchmarks import _payouts_world as world
from benchmarks._costs import Figures


def measured(payouts: int) -> Figures:
    """A run of so many: seconds and payments a second of each way, and by how much each grew its process; and whether
    some of its files are valid by the schema of the standard."""
    run_id = world.approved()
    found: Figures = {"payouts": payouts}
    # The verb comes last: it is what changes the run.
    for name, work in (("writer", _writer), ("rows_to_files", _rows_to_files), ("export", _export)):
        (figures,) = results_of([lambda work=work: _costs(work, run_id)])  # type: ignore[misc]
        found[name] = figures
        print(
            f"{payouts:,} payments, {name.replace('_', ' ')}: {figures['payments_per_second']:,} payments/s, "
            f"{figures['seconds']:.1f} s, {figures['growth_mib']:+.0f} MiB",
            flush=True,
        )
    try:
        found["validated"] = _validated(run_id)
    except ImportError as error:
        found["validated"] = f"not tried: {error}"
        print(f"no schema of the standard is installed here ({error}): not validated", flush=True)
    return found


def _costs(work: Callable[[int], tuple[int, float]], run_id: int) -> Figures:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count, seconds = work(run_id)
    return {
        "seconds": round(seconds, 2),
        "payments_per_second": round(count / seconds),
        "growth_mib": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
    }


def _writer(run_id: int) -> tuple[int, float]:
    """The payments of one file, which are in memory already, written over and over: as many as the run has."""
    with transaction.atomic():
        lines = list(islice(instructions_of(run_id, [], []), MAX_PAYMENTS_COUNT))
    count, wanted, seconds = 0, PayoutRun.objects.get(id=run_id).payout_count, 0.0
    head = _head(lines)
    while count < wanted:
        started = time.perf_counter()
        write_transfers(io.BytesIO(), head, lines)
        seconds += time.perf_counter() - started
        count += len(lines)
    return count, seconds


@uncollected()  # as the verb is
def _rows_to_files(run_id: int) -> tuple[int, float]:
    """Everything of the run read, decrypted and written to files on the disk."""
    started, count = time.perf_counter(), 0
    with transaction.atomic(), TemporaryDirectory() as folder:
        rows = instructions_of(run_id, [], [])
        while lines := list(islice(rows, MAX_PAYMENTS_COUNT)):
            with (Path(folder) / f"{count}.xml").open("wb") as file:
                write_transfers(file, _head(lines), lines)
            count += len(lines)
    return count, time.perf_counter() - started


def _head(lines: list[Instruction]) -> TransferFile:
    who, total_rupiah = world.officers(), sum(line.amount_rupiah for line in lines)
    return TransferFile("BKL1", who.at(9), who.day, len(lines), total_rupiah, world.debtor(), world.BIC)


def _export(run_id: int) -> tuple[int, float]:
    """The intent as the verb writes it: files kept encrypted, SENT, and the money into transit, all or nothing."""
    started = time.perf_counter()
    exported = world.exported(run_id)
    return sum(file.line_count for file in exported.files), time.perf_counter() - started


def _validated(run_id: int) -> Figures:
    """The first and the last file, as they are kept, by the schema that a package for tests brings."""
    from tests.incentives.partners.schemas import assert_valid

    files = world.exported(run_id).files
    count, started = 0, time.perf_counter()
    for file in {files[0].name: files[0], files[-1].name: files[-1]}.values():
        assert_valid(file.content)
        count += file.line_count
    seconds = time.perf_counter() - started
    print(f"valid by the schema of pain.001.001.09: {count:,} payments, {count / seconds:,.0f}/s", flush=True)
    return {"payments": count, "payments_per_second": round(count / seconds)}
