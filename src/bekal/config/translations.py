"""Compiles the translations (.po) that changed into what gettext reads (.mo); no system tool is needed."""

import os
from pathlib import Path

import polib

SOURCE = Path(__file__).resolve().parents[1]


def catalogues() -> list[Path]:
    """Every .po file of the house, sorted."""
    return sorted(SOURCE.glob("**/locale/*/LC_MESSAGES/*.po"))


def compile_translations() -> int:
    """Write each .mo that is older than its .po; returns how many were written."""
    written = 0
    for po in catalogues():
        mo = po.with_suffix(".mo")
        if not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime:
            # Whole or not at all: another process may be reading it.
            whole = mo.with_name(f"{mo.stem}.{os.getpid()}.mo")
            polib.pofile(str(po)).save_as_mofile(str(whole))
            whole.replace(mo)
            written += 1
    return written
