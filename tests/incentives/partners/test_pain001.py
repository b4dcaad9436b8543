"""`pain.001` as we write it: valid by the standard's own schema, complete, and never other than what was approved."""

import dataclasses
import hashlib
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.incentives.partners.bank_lines import BI_FAST_LIMIT_RUPIAH
from bekal.incentives.partners.csv_rail import Instruction, one_line
from bekal.incentives.partners.pain001 import MAX_PAYMENTS_COUNT, Account, TransferFile, write_transfers
from bekal.simulation.bank.orders import read_orders
from tests.incentives.partners.schemas import assert_valid

DEBTOR = Account("Manajemen Pelaksana & Kartu Prakerja", "0123456789", "BNINIDJA")
AT = datetime(2021, 1, 4, 8, 0, tzinfo=UTC)

instructions = st.lists(
    st.builds(
        Instruction,
        st.integers(1, 10**12).map("BKL{:014d}A01".format),
        st.just("bni"),
        st.from_regex(r"[0-9]{10}", fullmatch=True),
        # A name that no screen can show is refused where it comes in; its blanks and signs are not.
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=160).filter(one_line),
        st.integers(1, BI_FAST_LIMIT_RUPIAH),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.reference,
)


def header(sent: list[Instruction]) -> TransferFile:
    total = sum(one.amount_rupiah for one in sent)
    return TransferFile("BKL20210104R1P1", AT, date(2021, 1, 4), len(sent), total, DEBTOR, "BNINIDJA")


def one(amount_rupiah: int = 600_000, **values: str) -> Instruction:
    whole = {
        "reference": "BKL00000000000001A01",
        "account_number": "0123456789",
        "holder_name": "Siti Aminah",
        **values,
    }
    return Instruction(partner="bni", amount_rupiah=amount_rupiah, **whole)


def written(sent: list[Instruction], file: TransferFile | None = None) -> bytes:
    out = io.BytesIO()
    digest = write_transfers(out, file or header(sent), sent)
    assert digest == hashlib.sha256(out.getvalue()).digest()
    return out.getvalue()


@given(instructions)
def test_what_we_write_is_valid_and_a_bank_reads_it(sent: list[Instruction]) -> None:
    content = written(sent)
    assert assert_valid(content) == "pain.001.001.09"
    read = read_orders("bekal.xml", content)
    assert (read.message_id, read.day) == ("BKL20210104R1P1", date(2021, 1, 4))
    assert [(one.reference, one.number, one.holder_name, one.amount) for one in read.orders] == [
        (one.reference, one.account_number, one_line(one.holder_name)[:140].rstrip(), one.amount_rupiah) for one in sent
    ]


def test_memory_does_not_grow_with_the_payments() -> None:
    class Counting(io.RawIOBase):
        largest = total = 0

        def write(self, content: bytes) -> int:  # type: ignore[override]
            self.largest = max(self.largest, len(content))
            self.total += len(content)
            return len(content)

    out = Counting()
    payments = (one(reference=f"BKL{number:014d}A01") for number in range(MAX_PAYMENTS_COUNT))
    file = dataclasses.replace(
        header([one()]), payment_count=MAX_PAYMENTS_COUNT, total_rupiah=600_000 * MAX_PAYMENTS_COUNT
    )
    write_transfers(out, file, payments)  # type: ignore[arg-type]
    assert out.total > 15_000_000 and out.largest < 1_000_000


@pytest.mark.parametrize(
    "file",
    [
        dataclasses.replace(header([one()]), payment_count=2),
        dataclasses.replace(header([one()]), total_rupiah=600_001),
        dataclasses.replace(header([one()]), payment_count=0),
        dataclasses.replace(header([one()]), payment_count=MAX_PAYMENTS_COUNT + 1),
        dataclasses.replace(header([one()]), message_id="BKL 1"),
        dataclasses.replace(header([one()]), message_id="B" * 36),
        dataclasses.replace(header([one()]), created_at=datetime(2021, 1, 4)),  # noqa: DTZ001 - that is the fault
        dataclasses.replace(header([one()]), creditor_bic="BNI"),
        dataclasses.replace(header([one()]), debtor=Account("Bekal", "12 34", "BNINIDJA")),
    ],
)
def test_a_header_that_is_not_what_was_approved_writes_no_file(file: TransferFile) -> None:
    with pytest.raises(ValueError, match=r"."):
        written([one()], file)


@pytest.mark.parametrize(
    "payment",
    [
        one(0),
        one(BI_FAST_LIMIT_RUPIAH + 1),
        one(reference="BKL-1"),
        one(reference="B" * 36),
        one(account_number="12<3"),
        one(account_number="١٢٣"),
    ],
)
def test_a_payment_that_cannot_be_made_is_not_written(payment: Instruction) -> None:
    with pytest.raises(ValueError, match="payment") as refused:
        written([payment])
    assert payment.account_number not in str(refused.value)
