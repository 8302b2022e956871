"""A release whose figure nobody has seen is computed anew at the first look where its count is unknown."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("surveys", "0023_the_wait_in_the_chain")]

    operations = [
        migrations.AddField(
            model_name="debriefrelease",
            name="left_out",
            field=models.PositiveIntegerField(
                blank=True, null=True, help_text="Items of the surveys that were out of the bank when the others' figure was computed."
            ),
        ),
    ]
