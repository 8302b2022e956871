"""What was answered before keeps the hash that it has, which is over less."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("surveys", "0022_answers_that_waited")]

    operations = [
        migrations.AddField(
            model_name="answer",
            name="hash_version",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="What the hash is over; 1 says nothing of the wait (surveys.core.answer_log)."
            ),
        ),
        migrations.AlterField(
            model_name="answer",
            name="hash_version",
            field=models.PositiveSmallIntegerField(
                default=2, help_text="What the hash is over; 1 says nothing of the wait (surveys.core.answer_log)."
            ),
        ),
    ]
