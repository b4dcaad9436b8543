"""A system in Python, with nothing but its standard library, written from docs/partners/ alone.

    python3 client.py BASE_URL SANDBOX_JSON [v1] [v2]

SANDBOX_JSON is what `manage sandbox-keys --json` printed, of an institution or (`--platform`) of a platform. It calls
everything that the conformance page asks for, says a line for each, and ends with 1 where anything was not as the
contract says.
"""

import json
import sys
from pathlib import Path

from report import Report
from selling import speak_selling
from v1 import speak_v1
from v2 import speak_v2


def main() -> None:
    base, access = sys.argv[1].rstrip("/"), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    generations = sys.argv[3:] or ["v1", "v2"]
    report = Report()
    if access["kind"] == "platform":
        speak_selling(base, access, report)
        report.end()
    # The codes of v1's dated sessions are for now: v2 moves the clock.
    if "v1" in generations:
        speak_v1(base, access, report)
    if "v2" in generations:
        speak_v2(base, access, report)
    report.end()


if __name__ == "__main__":
    main()
