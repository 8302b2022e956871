from django.db import migrations, models


def place_by_target(apps, schema_editor):
    """Summaries of schema attribution/1 held controls of the predicted class alone; they move below its name."""
    for made in apps.get_model("models_ml", "AttributionSet").objects.all():
        if made.summary.get("schema") == "attribution/1":
            for kind in ("control", "wrong_class", "above_control", "above_wrong_class"):
                made.summary[kind] = {"predicted": made.summary.get(kind, {})}
            made.summary["schema"] = "attribution/2"
            made.save(update_fields=["summary"])
    maps = apps.get_model("models_ml", "AttributionMap").objects.exclude(target="predicted")
    maps.update(control={}, wrong_class={})


class Migration(migrations.Migration):

    dependencies = [("models_ml", "0002_regions_and_auxiliary_pictures")]

    operations = [
        migrations.AlterField(
            model_name="attributionset",
            name="controls",
            field=models.PositiveSmallIntegerField(default=2, help_text="Networks of random weights scored beside it."),
        ),
        migrations.AlterField(
            model_name="attributionset",
            name="summary",
            field=models.JSONField(blank=True, default=dict, help_text="summary.json, schema attribution/2."),
        ),
        migrations.AlterField(
            model_name="attributionmap",
            name="control",
            field=models.JSONField(help_text="The same scores of networks with random weights."),
        ),
        migrations.AlterField(
            model_name="attributionmap",
            name="wrong_class",
            field=models.JSONField(help_text="The same scores for the least probable class."),
        ),
        migrations.RunPython(place_by_target, migrations.RunPython.noop),
    ]
