"""`manage conformance --partner CODE`: which calls of the contract a partner's system has shown in its sandbox."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.partners.conformance import Conformance, conformance_of
from bekal.partners.models import Partner

LANGUAGES = ("id", "en")


class Command(BaseCommand):
    help = "Which calls of the contract a partner's sandbox has seen; exit status 0 where everything asked is green."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--partner", required=True, metavar="CODE", help="whose system")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument("--all", action="store_true", help="ask for every check, also of those where one is enough")
        parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the titles (default en)")

    def handle(self, *args: Any, **options: Any) -> None:
        partner = Partner.objects.filter(code=options["partner"]).first()
        if partner is None:
            raise CommandError(f"--partner is {options['partner']!r}: no partner has this code")
        seen = conformance_of(partner)
        if options["json"]:
            self.stdout.write(json.dumps(described(seen, options["language"]), indent=2, ensure_ascii=False))
        else:
            for result in seen.results:
                failure = f" ({result.failure})" if result.failure else ""
                title = result.check.titles[options["language"]]
                self.stdout.write(f"{result.state.value:8} {result.check.code:32} {title}{failure}")
            self.stdout.write(f"{seen.green_count} of {len(seen.results)} green: {verdict(seen)}")
        is_done = seen.is_all_green if options["all"] else seen.is_complete
        if not is_done:
            sys.exit(1)


def verdict(seen: Conformance) -> str:
    """What that means for the system."""
    if seen.is_all_green:
        return "all green"
    return "complete, nothing more is asked" if seen.is_complete else f"{seen.missing_count} still asked"


def described(seen: Conformance, language: str) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "partner": seen.partner_code,
        "complete": seen.is_complete,
        "all_green": seen.is_all_green,
        "missing_count": seen.missing_count,
        "green_count": seen.green_count,
        "check_count": len(seen.results),
        "checks": [
            {
                "code": result.check.code,
                "title": result.check.titles[language],
                "state": result.state.value,
                "at": result.at and result.at.isoformat(timespec="seconds"),
                "failure": result.failure,
                "next": result.check.advice[language],
            }
            for result in seen.results
        ],
    }
