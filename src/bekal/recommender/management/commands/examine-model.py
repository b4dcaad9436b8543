"""`manage examine-model [VERSION]`: how good, how fair and how hard to game a version of the recommender is."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.core.recommend import FORMAT_VERSION
from bekal.ledger.clock import programme_now
from bekal.recommender.examine import examine
from bekal.recommender.models import ModelVersion


class Command(BaseCommand):
    help = "Examine a version of the recommender, the newest by default; exit 1 where it may not serve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", type=int, nargs="?", help="default: the newest")

    def handle(self, *args: Any, **options: Any) -> None:
        versions = ModelVersion.objects.filter(manifest__format_version=FORMAT_VERSION).defer("arrays")
        if options["version"] is not None:
            versions = versions.filter(pk=options["version"])
        version = versions.order_by("-id").first()
        if version is None:
            raise CommandError("There is no such version that this programme can read: run fit-recommender first.")
        examination = examine(version=version, at=programme_now())
        report = examination.report
        self.stdout.write(f"Model {version.pk}, tried on {report['quality']['people_count']:,} people:")
        for name, cell in report["quality"]["cells"].items():
            self.stdout.write(
                f"  {name:4s} NDCG@10 {cell['ndcg']:.4f} ± {cell['error']:.4f}, "
                f"by popularity {cell['popularity']:.4f}, by segment {cell['segment_popularity']:.4f}"
            )
        for one in report["fairness"]:
            told = "" if one["gap"] is None else f" {one['gap']:.1%} ({one['gap_low']:.1%} to {one['gap_high']:.1%})"
            self.stdout.write(f"  {one['verdict']:11s} {one['measure']} by {one['attribute']}{told}")
        for one in report["flips"]:
            self.stdout.write(f"  {one['verdict']:11s} {one['attribute']} flipped: {one['mean_overlap']:.0%} stays")
        for name in ("exposure", "attack"):
            if report[name]:
                self.stdout.write(f"  {report[name]['verdict']:11s} {name}")
        for reason in report["reasons"]:
            self.stdout.write(f"  {reason}")
        if not examination.passes:
            raise CommandError(f"Model {version.pk} may not serve, see above.", returncode=1)
        self.stdout.write(f"Model {version.pk} may be promoted.")
