"""How the bank fails when it is told to. A fault has a target (a reference, an account, `*`) and a number of times, and
is used up by failing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from bekal.simulation.bank.books import Booked, Books

KINDS = {
    "reject": "reject a payment for the ISO reason in `value`, whatever its account says",
    "silent": "pay it, and never say a word of it in a report (the day's statement has it)",
    "wrong_amount": "say another amount than was paid, by `value` rupiah",
    "unknown_reference": "report a payment that nobody has ordered, under the reference in `value`",
    "duplicate_line": "say a line twice",
    "duplicate_file": "put the same file out twice",
    "cut_file": "cut a file short after `value` per cent of its bytes",
    "slow": "answer after `value` seconds",
    "timeout_after_acceptance": "do what was asked, and close the line without an answer",
    "timeout_before_acceptance": "close the line without an answer, and do nothing",
    "refuse": "refuse a file or a call with the HTTP status in `value`",
}


def bend(books: Books, partner: str, lines: Sequence[Booked]) -> list[Booked]:
    """The lines of a report as the bank says them once its faults are in them."""
    ordered = {kind: books.fault_targets(partner, kind) for kind in ("silent", "wrong_amount", "duplicate_line")}
    said = list(_bent(books, partner, lines, ordered) if any(ordered.values()) else lines)
    reference = books.take_fault(partner, "unknown_reference")
    if reference is not None and said:
        said.append(replace(said[0], reference=reference))
    return said


def _bent(
    books: Books, partner: str, lines: Sequence[Booked], ordered: Mapping[str, Collection[str]]
) -> Iterator[Booked]:
    def fails(kind: str, line: Booked) -> str | None:
        is_meant = any(target in ordered[kind] for target in ("*", line.reference, line.number))
        return books.take_fault(partner, kind, line.reference, line.number) if is_meant else None

    for line in lines:
        if fails("silent", line) is not None:
            continue
        more = fails("wrong_amount", line)
        said = line if more is None else replace(line, amount=max(1, line.amount + int(more)))
        yield said
        if fails("duplicate_line", line) is not None:
            yield said


def put_out(books: Books, partner: str, name: str, content: bytes) -> None:
    """Put a file where it is fetched; cut it or put it out twice where that was ordered."""
    share = books.take_fault(partner, "cut_file")
    if share is not None:
        content = content[: len(content) * int(share) // 100]
    books.keep_answer(partner, name, content)
    if books.take_fault(partner, "duplicate_file") is not None:
        books.keep_answer(partner, name, content)
