"""`manage setup`: roles, schema, rights, the partners' sandbox, translations and static files; safe to repeat."""

import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from bekal.config.roles import ensure_roles, grant_rights
from bekal.config.sandbox import ensure_sandbox, is_empty
from bekal.config.translations import compile_translations


class Command(BaseCommand):
    help = "Create roles, migrate, grant rights, make the sandbox, translations and static files; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database-only", action="store_true", help="roles, schema and rights, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_roles()
        fresh = is_empty()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        grant_rights()
        if options["database_only"]:
            return
        refused = ensure_sandbox(as_copy=fresh)
        if refused:
            self._say(refused)
        compile_translations()
        call_command("collectstatic", interactive=False, verbosity=0)
        self._say("The database and the static files are ready.")

    def _say(self, text: str) -> None:
        # Not on standard output: whoever reads another command's finds nothing else there.
        print(text, file=sys.stderr, flush=True)
