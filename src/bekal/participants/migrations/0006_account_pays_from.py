from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('participants', '0005_attribute_sightings'),
    ]

    operations = [
        migrations.AddField(
            model_name='payoutaccount',
            name='pays_from_at',
            field=models.DateTimeField(null=True),
        ),
    ]
