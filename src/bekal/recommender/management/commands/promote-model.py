"""`manage promote-model VERSION --as LOGIN [--propose]`: what two officers do on the model page, without a browser."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.accounts.models import Role, User
from bekal.ledger.clock import programme_now
from bekal.recommender.promote_model import promote_model
from bekal.recommender.propose_model import propose_model
from bekal.recommender.refusals import ModelRefusedError


class Command(BaseCommand):
    help = "Promote a version of the recommender that another officer has proposed, or propose it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", type=int)
        parser.add_argument("--as", dest="officer", metavar="LOGIN", required=True, help="the officer who does so")
        parser.add_argument("--propose", action="store_true", help="propose it; another officer promotes it")

    def handle(self, *args: Any, **options: Any) -> None:
        officer = User.objects.filter(login_name=options["officer"], role=Role.OFFICER).first()
        if officer is None:
            raise CommandError(f"There is no officer with the login {options['officer']}.")
        version_id, at = options["version"], programme_now()
        try:
            if options["propose"]:
                propose_model(version_id=version_id, by=officer, at=at)
                self.stdout.write(f"Model {version_id} is proposed. Another officer promotes it.")
            else:
                promote_model(version_id=version_id, by=officer, at=at)
                self.stdout.write(f"Model {version_id} serves from now on.")
        except ModelRefusedError as error:
            raise CommandError(f"Nothing was changed: {error}.") from None
