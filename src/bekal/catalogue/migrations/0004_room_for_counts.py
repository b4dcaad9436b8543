"""Every purchase, completion and review changes the counts of a training. With room on its page a new version of the row
stays there and the old ones are pruned on the way; without, every change wanders to another page and into every index."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0003_provinces")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE catalogue_training SET (fillfactor = 20)",
            "ALTER TABLE catalogue_training RESET (fillfactor)",
        )
    ]
