"""Another window beside the reader's is told from one that was left."""

from django.db import migrations, models

KINDS = [
    ("shown", "Image decoded and painted"), ("zoomed", "Zoomed"), ("hidden", "Window left"), ("visible", "Window came back"),
    ("blurred", "Another window got the focus"), ("focused", "Focus came back"), ("screen", "Size of the window"),
    ("masked", "Image covered after its time"), ("failed", "Image did not load"), ("output", "Network's output handed out"),
    ("control", "Asked again without any output"), ("late", "Answer not counted: too late"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("surveys", "0024_what_counted_at_the_release")]

    operations = [migrations.AlterField(model_name="viewingevent", name="kind", field=models.CharField(choices=KINDS, max_length=7))]
