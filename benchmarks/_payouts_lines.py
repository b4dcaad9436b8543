"""What a bank says of a run, taken: read, weighed and recorded, and the same once more."""

import tempfile
import time
from pathlib import Path

from benchmarks import _payouts_world as world
from benchmarks._copy import copy_beside, drop_peers, make_peers
from benchmarks._costs import Figures, Timer
from benchmarks._programme import step
from benchmarks.verbs import row_counts

FORMS = {"pain.002": "news", "camt.054": "repeats"}


def measured(payouts: int) -> Figures:
    """Lines a second of the reports (every line is news) and of the notifications that say the same again, beside COPY
    of the statuses alone into the same constraints; what a second taking of every file changes."""
    from bekal.incentives.partners.bank_files import read_bank_file
    from bekal.incentives.settle_payouts import settle_payouts

    answers = _answers(payouts)
    at = world.officers().at(15)
    lines, reading, taking = dict.fromkeys(FORMS, 0), dict.fromkeys(FORMS, 0.0), dict.fromkeys(FORMS, 0.0)
    for name, content in answers:
        form = name[:8]
        started = time.perf_counter()
        lines[form] += len(read_bank_file(content).lines)
        read = time.perf_counter()
        settled = settle_payouts(partner=world.PARTNER, name=name, content=content, at=at)
        taking[form] += time.perf_counter() - read
        reading[form] += read - started
        if settled.refusal is not None or settled.opened:
            raise RuntimeError(f"{name} is not taken: {settled}")
    figures: Figures = {"payouts": payouts, "files": len(answers)}
    for form, words in FORMS.items():
        figures[words] = {
            "lines": lines[form],
            "reading_lines_per_second": round(lines[form] / reading[form]),
            "lines_per_second": round(lines[form] / taking[form]),
        }
        print(f"{form}, {words}: {figures[words]}", flush=True)
    figures["lines_per_second"] = round(sum(lines.values()) / sum(taking.values()))
    figures["copy_of_statuses_per_second"] = _copied(lines["pain.002"])
    figures["again"] = _again(answers)
    print(
        f"all lines as they come: {figures['lines_per_second']:,}/s; COPY of the statuses alone into the same "
        f"constraints: {figures['copy_of_statuses_per_second']:,}/s\nthe same files again: {figures['again']}",
        flush=True,
    )
    return figures


def _answers(payouts: int) -> list[tuple[str, bytes]]:
    """What the bank puts out after it has worked off the files of a run."""
    from bekal.simulation.bank.bank import Bank
    from bekal.simulation.bank.books import Books

    with step("planned, approved, exported"):
        files = world.exported(world.approved()).files
    with tempfile.TemporaryDirectory() as folder, step("worked off by the bank"):
        books = Books(Path(folder) / "books.sqlite", knows_everybody=True)
        bank = Bank(books, world.PARTNER)
        for number in range(world.FAULT_EVERY, payouts + 1, world.FAULT_EVERY):
            reason = world.FAULTS[number // world.FAULT_EVERY % len(world.FAULTS)]
            books.order_fault(world.PARTNER, "reject", world.number_of(number), reason, 1)
        for file in files:
            if (why := bank.take_file(file.name, file.content)) is not None:
                raise RuntimeError(f"the bank does not take {file.name}: {why}")
        bank.work(world.officers().at(12))
        answers = [
            (name, books.answer(world.PARTNER, number) or b"")
            for first in range(0, 2 * len(files), 100)
            for number, name, *_ in books.answers_after(world.PARTNER, first)
        ]
        books.close()
    return answers


def _copied(rows: int) -> int:
    timer = Timer()
    make_peers("incentives_payoutstatus")
    copy_beside("incentives_payoutstatus", "state <> 'sent'", timer, 1)
    drop_peers("incentives_payoutstatus")
    return round(rows / timer.costs["same 1"].seconds)


def _again(answers: list[tuple[str, bytes]]) -> Figures:
    """Every file once more, and its lines in a file of another name: rows that came, and seconds."""
    from bekal.incentives.settle_payouts import settle_payouts

    before, at = _counts(), world.officers().at(16)
    started = time.perf_counter()
    for name, content in answers:
        if not settle_payouts(partner=world.PARTNER, name=name, content=content, at=at).repeated:
            raise RuntimeError(f"{name} was not known")
    same = time.perf_counter()
    for name, content in answers[:2]:
        head, _, tail = content.partition(b"</MsgId>")
        settle_payouts(partner=world.PARTNER, name=f"again-{name}", content=head + b"X</MsgId>" + tail, at=at)
    return {
        "same_file_seconds": round(same - started, 2),
        "same_lines_seconds": round(time.perf_counter() - same, 2),
        "rows_changed": sum(abs(count - before[table]) for table, count in _counts().items()),
    }


def _counts() -> dict[str, int]:
    """The rows of every table but that of the files, which are kept, and how many payouts have ended."""
    from django.db import connection

    found = row_counts()
    del found["incentives_payoutfile"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM incentives_payout WHERE ended_at IS NOT NULL")
        return {**found, "ended": int(cursor.fetchone()[0])}
