from django.db import migrations, models

# What was taken before speaks for the institution, of the instant at which it was taken.
FILL_SQL = """
ALTER TABLE partners_statementtaken DISABLE TRIGGER USER;
UPDATE partners_statementtaken SET happened_at = taken_at, source = 'institution';
ALTER TABLE partners_statementtaken ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('partners', '0007_xapi'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='statementtaken',
            name='partners_statement_once',
        ),
        migrations.AddField(
            model_name='statementtaken',
            name='happened_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='statementtaken',
            name='percent',
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='statementtaken',
            name='source',
            field=models.CharField(choices=[('participant', 'participant'), ('institution', 'training institution'), ('platform', 'digital platform'), ('programme', 'programme office')], max_length=12, null=True),
        ),
        migrations.AddField(
            model_name='statementtaken',
            name='voids',
            field=models.UUIDField(null=True),
        ),
        migrations.RunSQL(FILL_SQL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='statementtaken',
            name='happened_at',
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name='statementtaken',
            name='source',
            field=models.CharField(choices=[('participant', 'participant'), ('institution', 'training institution'), ('platform', 'digital platform'), ('programme', 'programme office')], max_length=12),
        ),
        migrations.AlterField(
            model_name='statementtaken',
            name='statement_id',
            field=models.UUIDField(db_index=True),
        ),
        migrations.AddConstraint(
            model_name='statementtaken',
            constraint=models.UniqueConstraint(fields=('purchase', 'source', 'statement_id'), name='partners_statement_once'),
        ),
    ]
