"""A real picture found again in the network: from the form to the page beside the real one, and never published."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from generative.models import ImageSet
from generative.services.making import project_picture
from generative.services.publishing import publish_set
from imagebank.jobs import run_job
from imagebank.models import ItemImage, Job
from tests.imagebank.factories import DiagnosisClassFactory, ItemFactory, ItemImageFactory

pytestmark = pytest.mark.django_db


def page_of(study, row, name="set"):
    return reverse(f"generative:{name}", args=[study.slug, row.public_id])


def posted(client, study, generator, **changes):
    asked = {"item": "late-3", "view": "focused", "label": "", "steps": 12, "seed": 1, **changes}
    return client.post(
        page_of(study, generator, "generator"),
        {"kind": "projection", **{f"projection-{name}": value for name, value in asked.items()}},
    )


def test_a_real_picture_is_projected_and_shown_beside_the_result(as_role, study, generator):
    client = as_role("engineer")
    ItemImage.objects.filter(item__code="late-3").update(public_id="-a9_")  # addresses may begin with a dash
    assert "Projection" in client.get(page_of(study, generator, "generator")).content.decode()
    assert posted(client, study, generator).status_code == 302
    job = run_job(Job.objects.get().pk)
    assert (job.state, job.error) == ("succeeded", "")
    made = ImageSet.objects.get()
    assert (made.kind, made.title, made.samples.count()) == ("projection", "Projection of late-3", 1)
    plan = made.record["plan"]
    image = ItemImage.objects.get(item__code="late-3")
    assert (plan["of"], plan["label"], plan["steps"], len(plan["curve"])) == (image.public_id, {"late": 1.0}, 12, 12)
    assert plan["distance"] <= plan["start_distance"]
    page = as_role("analyst").get(page_of(study, made)).content.decode()
    assert reverse("imagebank:image", args=[study.slug, image.public_id, "thumbnail"]) in page
    assert reverse("generative:picture", args=[study.slug, made.samples.get().public_id]) in page
    assert page.count("<polyline") == 1
    assert f"to {plan['distance']:.4f}" in page
    assert "style=" not in page
    listed = client.get(reverse("generative:overview", args=[study.slug])).content.decode()
    assert "Never published" in listed
    ItemImage.objects.filter(item__code="late-3").delete()
    assert "not in this image bank" in as_role("engineer").get(page_of(study, made)).content.decode()


@pytest.mark.once
def test_the_set_makes_its_picture_again_to_the_byte_and_is_never_published(study, generator, tmp_path):
    from generative.core.cli import main
    from generative.services.sets import write_set_folder

    asked = {"item": "late-2", "view": "focused", "label": "early", "steps": 10}
    made = project_picture(generator=generator, **asked)
    assert made.record["plan"]["label"] == {"early": 1.0}
    folder = write_set_folder(image_set=made, folder=tmp_path / "set")
    assert main(["regenerate", str(generator.folder), str(folder)]) == 0
    again = project_picture(generator=generator, **asked)
    assert again == made  # the same search finds the same style, so it is the same set
    with pytest.raises(ValidationError, match="it is not published"):
        publish_set(image_set=made, view="focused", unaudited_reason="A test.")


def test_an_unknown_item_and_an_unknown_class_are_refused_before_anything_is_queued(as_role, study, generator):
    client = as_role("engineer")
    answer = posted(client, study, generator, item="late-99")
    assert answer.status_code == 400
    assert "has no real picture of an item &quot;late-99&quot;" in answer.content.decode()
    other = DiagnosisClassFactory(study=study, code="mole", name="Mole", position=9)
    ItemImageFactory(item=ItemFactory(study=study, code="mole-1", diagnosis=other))
    refused = posted(client, study, generator, item="mole-1")
    assert "does not know mole-1&#x27;s class, Mole; choose one of late, early, intermediate" in refused.content.decode()
    assert posted(client, study, generator, steps=5).status_code == 400
    assert not Job.objects.exists()
    assert posted(client, study, generator, item="mole-1", label="late").status_code == 302


def test_those_who_may_not_make_pictures_may_not_project(as_role, study, generator):
    client = as_role("analyst")
    assert "Projection" not in client.get(page_of(study, generator, "generator")).content.decode()
    posted(client, study, generator)
    assert not Job.objects.exists()
