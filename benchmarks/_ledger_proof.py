"""`manage prove ledger` as a process of its own: its seconds, and its memory beside a run over nothing."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Figures = dict[str, Any]


def proof(figures: Figures) -> bool:
    """Prove the world in a process of its own; True where it does not hold."""
    nothing = proving("--as-of", "2000-01-01T00:00")
    everything = proving()
    print("\n".join(everything["output"].splitlines()[-60:]))
    growth = everything["peak_mib"] - nothing["peak_mib"]
    figures["proof"] = {
        "seconds": everything["seconds"],
        "peak_mib": everything["peak_mib"],
        "peak_mib_over_nothing": nothing["peak_mib"],
        "growth_mib": round(growth, 1),
        "holds": everything["code"] == 0,
        "summary": [row.strip() for row in everything["output"].splitlines()[:2]],
    }
    print(
        f"prove ledger: {'holds' if everything['code'] == 0 else 'DOES NOT HOLD'}, {everything['seconds']:.1f} s, "
        f"at most {everything['peak_mib']:.0f} MiB, {growth:+.0f} MiB beside a run over nothing",
        flush=True,
    )
    return everything["code"] != 0


def close_day(figures: Figures) -> None:
    """What the worker does every night: a link of the digest chain over what was posted since, and what it moved,
    summed."""
    from bekal.ledger.clock import programme_now
    from bekal.ledger.digests import close_digest
    from bekal.lifecycle.closed_sums import close_sums

    started = time.perf_counter()
    link = close_digest(at=programme_now())
    if link is None:
        raise RuntimeError("nothing was posted since the last link")
    closed = time.perf_counter()
    if close_sums() != 1:
        raise RuntimeError("the link was not summed")
    link_seconds, sums_seconds = closed - started, time.perf_counter() - closed
    said = figures.setdefault("closing", {"transfer_count": 0, "link_seconds": 0, "sums_seconds": 0})
    said["transfer_count"] += link.transfer_count
    said["link_seconds"] = round(said["link_seconds"] + link_seconds, 1)
    said["sums_seconds"] = round(said["sums_seconds"] + sums_seconds, 1)
    print(
        f"  a link of the digest chain over {link.transfer_count:,} transfers: {link_seconds:.1f} s, "
        f"its sums {sums_seconds:.1f} s",
        flush=True,
    )


def proving(*arguments: str) -> Figures:
    """Seconds, exit code, output and largest memory of `manage prove ledger`."""
    command = [sys.executable, str(ROOT / "manage.py"), "prove", "ledger", *arguments]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=os.environ.copy())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    return {
        "seconds": round(seconds, 1),
        "code": process.returncode,
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "output": text,
    }
