"""What can be proved: each name of `manage prove NAME` and the module that does it.

A module has `add_arguments(parser)`, `run(options, stdout) -> int` (0: it holds) and a docstring whose first line says
what it proves. All are imported when the command starts: what is heavy a module imports in `run`."""

from argparse import ArgumentParser
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

SUBJECTS: dict[str, str] = {
    "ledger": "bekal.proofs.ledger",
    "tamper": "bekal.proofs.tamper",
    "restore": "bekal.proofs.restore",
    "model": "bekal.proofs.model",
    "race": "bekal.proofs.race",
    "crash": "bekal.proofs.crash",
    "yearend": "bekal.proofs.yearend",
    "attack": "bekal.proofs.attack",
    "guess": "bekal.proofs.guess",
    "access": "bekal.proofs.access",
    "certificates": "bekal.proofs.certificates",
    "evidence": "bekal.proofs.evidence",
    "reconcile": "bekal.proofs.reconcile",
    "fuzz": "bekal.proofs.fuzz",
}


class Output(Protocol):
    """Where a proof writes what it found, a line at a time."""

    def write(self, text: str, /) -> object: ...


class Subject(Protocol):
    """A module of SUBJECTS."""

    __doc__: str | None

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, options: Mapping[str, Any], stdout: Output) -> int: ...


def subject(name: str) -> Subject:
    """The module that proves what is called so."""
    module: Any = import_module(SUBJECTS[name])
    return module
