"""The door as an office uses it: `imported` and `refused` run the command on a text or a file."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bekal.proofs.check import prove_ledger
from tests.factories.unchanged import nothing_changes

WAVES = "number,opens_on,closes_on,quota_count\n1,2020-04-11,2020-04-16,3\n2,2020-04-20,2020-04-23,100\n"
PEOPLE = """nik,full_name,sex,born_on,education,employment,province,wave,accepted_at
3201014506950001,Siti Rahayu,perempuan,1995-06-05,senior,unemployed,Jawa Barat,1,2020-04-20T09:00:00+07:00
3201010107900002,"Budi ""Bud"" Santoso, S.E.",L,1990-07-01,6,2,32,1,2020-04-20
3201010203850003,Ari,M,1985-03-02,primary,business,31,,
"""
SITI, BUDI, ARI = "3201014506950001", "3201010107900002", "3201010203850003"


def table(folder: Path, text: str, name: str = "table.csv") -> Path:
    """A file with that text, byte for byte."""
    path = folder / name
    path.write_bytes(text.encode())
    return path


def imported(kind: str, path: Path, *arguments: str) -> str:
    """What the command says; it must not refuse."""
    out = StringIO()
    call_command("import-data", kind, str(path), *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(kind: str, path: Path, *arguments: str) -> list[tuple[str, str, str, str]]:
    """(line, column, value, mend) of everything wrong, as the file of errors has it; nothing may change."""
    errors = path.with_suffix(".errors.csv")
    out = StringIO()
    with nothing_changes(), pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import-data", kind, str(path), "--errors-to", str(errors), *arguments, stdout=out, stderr=out)
    with errors.open(encoding="utf-8", newline="") as file:
        return [(row["line"], row["column"], row["value"], row["mend"]) for row in csv.DictReader(file)]


def learned(nik: str) -> str:
    """The file of completions of somebody whose first training was proven on 9 May 2020."""
    heading = "nik,training,price_rupiah,bought_at,completed_at,reconciled_at\n"
    return heading + f"{nik},jahit,300000,2020-05-01,2020-05-09,2020-05-09T10:00:00+07:00\n"


def places(problems: list[tuple[str, str, str, str]]) -> list[tuple[str, str]]:
    return [(line, column) for line, column, _, _ in problems]


def prove() -> None:
    """Every invariant of the ledger holds on what the test has written."""
    proof = prove_ledger(connections["default"])
    assert proof.violations == (), proof.violations
