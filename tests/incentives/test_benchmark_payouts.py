"""What the benchmark of payouts says of two sets of books, both ways, and of its own size."""

from dataclasses import asdict

import pytest

from benchmarks import payouts
from benchmarks._payouts_books import Compared, compared
from benchmarks._targets import verdicts

PAID, REJECTED, SILENT = (600_000, True, True), (600_000, False, True), (600_000, False, False)
ONCE, NEVER = (1, 600_000), (0, 0)


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        (PAID, ONCE, "paid"),
        (REJECTED, NEVER, "rejected"),
        (REJECTED, None, "rejected"),
        (PAID, NEVER, "missing"),
        (PAID, None, "missing"),
        (REJECTED, ONCE, "unsaid"),
        (PAID, (2, 1_200_000), "doubled"),
        (REJECTED, (2, 1_200_000), "doubled"),
        (PAID, (1, 600_001), "other_amount"),
        (SILENT, ONCE, "unanswered"),
        (SILENT, NEVER, "unanswered"),
        (None, ONCE, "strange"),
    ],
)
def test_each_payment_is_called_by_what_the_two_books_say(
    here: tuple[int, bool, bool] | None, there: tuple[int, int] | None, what: str
) -> None:
    """Beside one that both have paid before it, and one after it."""
    ours = [("BKL1", *PAID), *([("BKL2", *here)] if here else []), ("BKL3", *PAID)]
    theirs = [("BKL1", *ONCE), *([("BKL2", *there)] if there else []), ("BKL3", *ONCE)]
    found = compared(ours, theirs)
    wanted = Compared(paid=2)
    setattr(wanted, what, getattr(wanted, what) + 1)
    assert asdict(found) == asdict(wanted)
    assert found.differences == (what not in ("paid", "rejected"))


def test_no_books_have_no_differences() -> None:
    assert compared([], []) == Compared()


@pytest.mark.parametrize(("differences", "is_met"), [(0, True), (1, False)])
def test_a_single_payment_that_does_not_agree_is_missed(
    differences: int, is_met: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (verdict,) = verdicts({"end": {"differences": differences}}, payouts.TARGETS)
    assert verdict["is_met"] is is_met and ("MISSED" in capsys.readouterr().out) is not is_met


def test_every_part_says_its_worlds_and_its_time() -> None:
    for part in payouts.PARTS:
        assert all(0 < size <= payouts.PAYOUTS for size in payouts._sizes(part, payouts.PAYOUTS))
        assert payouts.PART_MINUTES[part] > 0 and f"\n{part} " in payouts.__doc__
    assert payouts._sizes("files", 5) == (1, 5) and payouts._sizes("plan", 5) == (5,)
