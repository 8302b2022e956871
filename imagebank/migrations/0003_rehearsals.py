from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("imagebank", "0002_trail_and_end_of_studies")]

    operations = [
        migrations.AddField(
            model_name="study",
            name="rehearsal_of",
            field=models.SlugField(
                blank=True,
                help_text="Address of the study that this one rehearses with simulated readers; it is none of its own.",
            ),
        ),
    ]
