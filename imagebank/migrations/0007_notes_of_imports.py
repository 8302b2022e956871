from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("imagebank", "0006_workers_of_quick_jobs")]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="notes",
            field=models.JSONField(
                default=list, help_text="Sentences about what was guessed of the manifest, such as its encoding."
            ),
        ),
    ]
