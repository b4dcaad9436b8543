"""`manage certificate-key`: the public key that certificates are signed with now, to note before the secret changes."""

from typing import Any

from django.core.management.base import BaseCommand

from bekal.purchases.certificate_keys import published_multikeys


class Command(BaseCommand):
    help = "Print the public key that signs certificates now, and those of before that are still published."

    def handle(self, *args: Any, **options: Any) -> None:
        current, *before = published_multikeys()
        self.stdout.write(current)
        for key in before:
            self.stdout.write(f"before: {key}")
