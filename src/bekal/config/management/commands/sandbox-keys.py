"""`manage sandbox-keys --json`: a sandbox partner's keys and unused codes, ready to be pasted into its system; with
`--platform` a platform's."""

import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.config.sandbox import ensure_sandbox
from bekal.ledger.clock import programme_now
from bekal.partners.models import Partner
from bekal.partners.open_sandbox import TestCode
from bekal.partners.register import NewPartner, register_partners
from bekal.partners.sandbox_keys import REDIRECT_URI, SandboxAccess, sandbox_access
from bekal.partners.sandbox_starts import TestStart
from bekal.ui.refusals import sentence

NAMES = {
    Partner.Kind.INSTITUTION: ("uji-lembaga", "Lembaga Uji Coba"),
    Partner.Kind.PLATFORM: ("uji-platform", "Platform Uji Coba"),
}
# Where `python3 dev up` of this checkout answers; it takes another port where 8000 is taken.
BASE_URL = os.environ.get("BEKAL_ADDRESS", "http://127.0.0.1:8000")


class Command(BaseCommand):
    help = "Make or find a sandbox partner and print its keys and what its test people have in hand, unused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object and nothing else (the default)")
        parser.add_argument("--partner", metavar="CODE", help="whose sandbox; made where nobody has this code")
        parser.add_argument("--kind", choices=[kind.value for kind in NAMES], help="of a partner that is made now")
        parser.add_argument("--platform", dest="kind", action="store_const", const="platform", help="--kind platform")
        parser.add_argument("--redirect-uri", default=REDIRECT_URI, metavar="URI", help="registered, too")
        parser.add_argument("--base-url", default=BASE_URL, metavar="URL", help="where the server runs")

    def handle(self, *args: Any, **options: Any) -> None:
        refused = ensure_sandbox(as_copy=False)
        if refused:
            raise CommandError(refused)
        partner = self._partner(options["partner"], options["kind"])
        access = sandbox_access(partner_id=partner.pk, redirect_uri=options["redirect_uri"], at=programme_now())
        if access.refusal is not None:
            raise CommandError(sentence(access.refusal))
        self.stdout.write(json.dumps(described(partner, access, options["base_url"]), indent=2))

    def _partner(self, code: str | None, kind: str | None) -> Partner:
        """The partner of this code, or a new one that has the sandbox only."""
        wanted = Partner.Kind(kind) if kind else Partner.Kind.INSTITUTION
        own_code, name = NAMES[wanted]
        code = code or own_code
        partner = Partner.objects.filter(code=code).first()
        if partner is None:
            new = NewPartner(code, name, wanted)
            (outcome,) = register_partners(partners=[new], at=programme_now())
            if outcome.refusal is not None:
                raise CommandError(f"--partner is {code!r}: {sentence(outcome.refusal)}")
            partner = Partner.objects.get(code=code)
        if kind and partner.kind != kind:
            raise CommandError(f"--kind is {kind}, but {code} is a partner of the kind {partner.kind}")
        return partner


def described(partner: Partner, access: SandboxAccess, base_url: str) -> dict[str, Any]:
    """What is printed: names for people who read it, instants as ISO 8601."""
    said: dict[str, Any] = {
        "partner": partner.code,
        "kind": partner.kind,
        "base_url": base_url.rstrip("/"),
        "v2_path": "/api/v2/",
        "programme_clock": access.at and access.at.isoformat(timespec="seconds"),
    }
    said |= _of_platform(access) if partner.kind == Partner.Kind.PLATFORM else _of_institution(access)
    keys = {key.generation: key for key in access.keys}
    if 1 in keys:
        said |= {"client_code": keys[1].client_code, "key": keys[1].secret}
    if 2 in keys:
        said |= {"key_id": keys[2].client_code, "secret": keys[2].secret}
    return said


def _of_institution(access: SandboxAccess) -> dict[str, Any]:
    first = next(code for code in access.codes if code.is_unused)
    return {
        "v1_path": "/api/v1/integration/",
        "redirect_uri": access.redirect_uri,
        "redeem_code": first.redeem_code,
        "email": first.email,
        "codes": {code.purpose.value: _code(code) for code in reversed(access.codes)},
    }


def _of_platform(access: SandboxAccess) -> dict[str, Any]:
    first = access.starts[0]
    return {
        "start_code": first.start_code,
        "email": first.email,
        "institution": first.institution_code,
        "category": first.category_slug,
        "start_codes": {start.purpose.value: _start(start) for start in access.starts},
    }


def _code(code: TestCode) -> dict[str, str]:
    return {"redeem_code": code.redeem_code, "email": code.email, "training": code.training_code}


def _start(start: TestStart) -> dict[str, str]:
    return {
        "start_code": start.start_code,
        "email": start.email,
        "training": start.training_code,
        "expires_at": start.expires_at.isoformat(timespec="seconds"),
    }
