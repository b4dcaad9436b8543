"""What a client has seen: a line for each thing the contract promises, and whether any was a surprise."""

import sys


class Report:
    """Prints `ok` or `SURPRISE`, the check's name, and what was tried."""

    def __init__(self) -> None:
        self.surprise_count = 0

    def see(self, check: str, tried: str, is_as_promised: bool, seen: object = "") -> None:
        """One line; `seen` is printed where it was a surprise."""
        if is_as_promised:
            print(f"ok        {check:32} {tried}", flush=True)
            return
        self.surprise_count += 1
        print(f"SURPRISE  {check:32} {tried}: {seen}", flush=True)

    def end(self) -> None:
        """Ends the program: with 0 where everything was as promised, else with 1."""
        print(f"{self.surprise_count} surprises", flush=True)
        sys.exit(1 if self.surprise_count else 0)
