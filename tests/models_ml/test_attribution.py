"""Attribution as a job: maps beside their control, opaque pictures, for those alone who may see the truth."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from imagebank.models import Job
from models_ml.models import AttributionMap
from models_ml.services.explaining import start_attribution, store_attribution

pytestmark = pytest.mark.django_db


def test_a_job_stores_maps_with_gap_target_hash_and_control(networks, client, person, run_jobs):
    ensemble = networks["focused"]
    made = start_attribution(ensemble=ensemble, limit=3)
    (job,) = run_jobs()
    assert job.state == Job.State.SUCCEEDED, job.error
    made.refresh_from_db()
    predicted = made.maps.filter(target="predicted")
    assert predicted.count() == made.summary["items"] == 3
    assert made.summary["controls"] == 1
    for one in predicted:
        answer = ensemble.predictions.get(item=one.item)
        assert (one.target_class, one.members_used) == (answer.answer, answer.members_used)
        assert one.gap is not None
        assert len(one.weights_sha256) == 64
        assert 0 <= one.scores["mass"] <= 1
        assert 0 <= one.control["mass"] <= 1
        assert 0 < one.mask_share < 1
        assert (made.folder / one.layer).is_file()
        assert (made.folder / one.raw).is_file()

    addresses = {one.pk: one.public_id for one in made.maps.all()}
    store_attribution(made)
    assert {one.public_id for one in made.maps.all()} == set(addresses.values())

    one = predicted.first()
    code, slug = one.item.code, ensemble.study.slug
    pages = {
        "sheet": reverse("models_ml:attribution", args=[slug, made.pk]),
        "map": reverse("models_ml:map", args=[slug, one.public_id]),
        "layer": reverse("models_ml:layer", args=[slug, one.public_id]),
        "raw": reverse("models_ml:raw", args=[slug, one.public_id]),
        "table": reverse("models_ml:attribution-table", args=[slug, made.pk]),
    }
    client.force_login(person("engineer"))
    assert code in client.get(pages["sheet"]).content.decode()
    assert "Random weights" in client.get(pages["map"]).content.decode()
    assert client.get(pages["layer"])["Content-Type"] == "image/webp"
    assert code not in pages["layer"]
    assert client.get(pages["raw"]).status_code == client.get(pages["table"]).status_code == 200
    client.force_login(person("reviewer"))
    assert {client.get(address).status_code for address in pages.values()} == {403}
    client.force_login(person())
    assert {client.get(address).status_code for address in pages.values()} == {404}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "guess"}, "method must be one of"),
        ({"baseline": "pink"}, "baseline must be one of"),
        ({"limit": 0}, "At least one item"),
    ],
)
def test_what_cannot_be_explained_is_refused_before_anything_is_queued(stored, changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        start_attribution(ensemble=stored, **changes)
    assert not Job.objects.exists()


def test_an_ensemble_without_answers_has_nothing_to_explain(stored):
    stored.predictions.all().delete()
    with pytest.raises(ValidationError, match="has not answered any item yet"):
        start_attribution(ensemble=stored)
    assert not AttributionMap.objects.exists()
