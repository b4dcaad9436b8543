"""The fake partner takes what the document describes, and answers what the programme's own rail accepts."""

import hashlib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from bekal.simulation.fake_partner import InstructionError, answer, instructions_of

ROOT = Path(__file__).resolve().parents[2]


def documented(header: str) -> bytes:
    """The example of docs/payout-csv.md that begins with this header."""
    blocks = (ROOT / "docs" / "payout-csv.md").read_text(encoding="utf-8").split("```")[1::2]
    (example,) = [block.lstrip("\n") for block in blocks if block.lstrip("\n").startswith(header)]
    return example.encode()


def file_of(count: int) -> bytes:
    lines = [f"BKL{n:014d}A01,ovo,0812345{n:05d},Orang {n},600000" for n in range(1, count + 1)]
    body = "".join(
        f"{line}\n" for line in ["reference,partner,account_number,holder_name,amount_rupiah", *lines]
    ).encode()
    return body + f"TRAILER,{count},{count * 600_000},{hashlib.sha256(body).hexdigest()}\n".encode()


def test_it_reads_the_documents_example_and_answers_in_the_documents_form() -> None:
    out = documented("reference,partner")
    assert [one.holder_name for one in instructions_of(out)] == ["Siti Aminah", 'Budi "Budi" Santoso, S.Kom.']
    assert instructions_of(out.replace(b"\n", b"\r\n")) == instructions_of(out)
    assert answer(out, reject_every=2) == documented("reference,amount_rupiah")


def test_it_rejects_every_nth_line() -> None:
    lines = answer(file_of(10), reject_every=3).decode().splitlines()[1:-1]
    assert [line.split(",")[2:] for line in lines if "rejected" in line] == [
        ["rejected", "AC04"],
        ["rejected", "BE01"],
        ["rejected", "AM14"],
    ]
    assert b"rejected" not in answer(file_of(10))
    assert answer(file_of(10), reject_every=3) == answer(file_of(10), reject_every=3)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-30],
        lambda content: content.replace(b"600000\n", b"600001\n", 1),
        lambda content: content.replace(b"TRAILER,3,", b"TRAILER,4,"),
        lambda content: content.replace(b",1800000,", b",1800001,"),
        lambda content: b"",
        lambda content: b"\xff\xfe\x00",
    ],
)
def test_a_cut_or_changed_file_is_refused(spoil: object) -> None:
    with pytest.raises(InstructionError):
        answer(spoil(file_of(3)))  # type: ignore[operator]


@given(body=st.binary(max_size=300))
def test_no_bytes_at_all_are_more_than_refused(body: bytes) -> None:
    content = body + b"\nTRAILER,1,1," + hashlib.sha256(body + b"\n").hexdigest().encode() + b"\n"
    try:
        answer(content)
    except InstructionError as error:
        assert str(error)


def test_the_command_answers_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(file_of(5))
    out = StringIO()
    call_command("fake-partner", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--reject-every", "2", stdout=out)
    assert "3 settled and 2 rejected" in out.getvalue()
    assert (tmp_path / "out.csv").read_bytes() == answer(file_of(5), reject_every=2)
    for arguments, words in (
        ([str(tmp_path / "no.csv"), "x"], "No such file"),
        ([str(tmp_path / "in.csv"), str(tmp_path / "no" / "x")], "No such file"),
        ([str(tmp_path / "in.csv"), "x", "--reject-every", "-1"], "--reject-every is -1"),
        ([str(tmp_path / "out.csv"), "x"], "refused"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("fake-partner", *arguments)
