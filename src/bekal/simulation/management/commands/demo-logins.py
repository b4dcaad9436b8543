"""`manage demo-logins --base-url URL`: who can sign in to the demo, for the terminal that started it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from bekal.simulation.demo import DEMO_LOGINS


class Command(BaseCommand):
    help = "Print the address of the sign-in page, and in a demo its sign-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", required=True, metavar="URL", help="where the server answers")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"\nSign in at {options['base_url']}{reverse('web:sign_in')}")
        for login in DEMO_LOGINS if settings.DEMO else ():
            self.stdout.write(f"  {login.login_name:<10} {login.password:<16} {login.role.value}: {login.display_name}")
