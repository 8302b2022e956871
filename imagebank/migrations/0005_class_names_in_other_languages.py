from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("imagebank", "0004_attempts_that_do_not_count")]

    operations = [
        migrations.AddField(
            model_name="diagnosisclass",
            name="names",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="The name in other languages, by code: what a study in that language calls it that shows the pictures.",
            ),
        ),
    ]
