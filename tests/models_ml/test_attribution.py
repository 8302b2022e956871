"""Attribution as a job: maps beside their control, opaque pictures, for those alone who may see the truth."""

import io
import json
import zipfile
from importlib import import_module

import numpy as np
import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from imagebank.jobs import JobCancelled, cancel_job
from imagebank.models import Job
from models_ml import jobs
from models_ml.attribution_tables import summary_table
from models_ml.child import run_core
from models_ml.core.attribution.run import file_name
from models_ml.core.attribution.tables import in_words
from models_ml.core.pictures.manifest import read_manifest
from models_ml.models import AttributionMap, AttributionSet
from models_ml.services.explaining import explain_arguments, start_attribution, store_attribution

pytestmark = pytest.mark.django_db


def test_a_job_stores_maps_with_gap_target_hash_control_and_parts(networks, client, person, run_jobs):
    ensemble = networks["focused"]
    made = start_attribution(ensemble=ensemble, limit=3)
    (job,) = run_jobs()
    assert job.state == Job.State.SUCCEEDED, job.error
    made.refresh_from_db()
    predicted = made.maps.filter(target="predicted")
    assert predicted.count() == made.summary["items"] == 3
    assert made.summary["controls"] == 2
    for one in predicted:
        answer = ensemble.predictions.get(item=one.item)
        assert (one.target_class, one.members_used) == (answer.answer, answer.members_used)
        assert one.gap is not None
        assert len(one.weights_sha256) == 64
        assert 0 <= one.scores["mass"] <= 1
        assert set(one.control) == set(one.scores) == set(one.wrong_class)
        assert None not in one.control.values()
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
        "agreed": reverse("models_ml:agreed-layer", args=[slug, one.public_id]),
        "raw": reverse("models_ml:raw", args=[slug, one.public_id]),
        "table": reverse("models_ml:attribution-table", args=[slug, made.pk]),
    }
    client.force_login(person("engineer"))
    assert code in client.get(pages["sheet"]).content.decode()
    assert "Random weights" in client.get(pages["map"]).content.decode()
    sheet = client.get(pages["sheet"]).content.decode()
    for name in one.scores:
        assert in_words(made.summary["above_control"]["predicted"][name]) in sheet
    assert client.get(pages["layer"])["Content-Type"] == "image/webp"
    assert code not in pages["layer"]
    agreed_by_members(client, made, pages)
    assert client.get(pages["raw"]).status_code == client.get(pages["table"]).status_code == 200
    client.force_login(person("reviewer"))
    assert {client.get(address).status_code for address in pages.values()} == {403}
    client.force_login(person())
    assert {client.get(address).status_code for address in pages.values()} == {404}
    client.force_login(person("analyst"))
    record = json.loads((made.folder / "maps" / "items" / f"{file_name(code)}.json").read_text())["maps"]["predicted"]
    with np.load(made.folder / "maps" / "items" / f"{file_name(code)}.npz") as maps:
        added_up = float(maps["predicted"].sum(dtype=np.float64))
    assert record["score"] - record["baseline_score"] == pytest.approx(added_up, rel=0.1)
    warns_of_a_shortcut(client, made)


def agreed_by_members(client, made, pages):
    """Where two members' maps cancel, nothing is left of the map; a single member's has no such layer."""
    of_two = made.maps.filter(members_used=2).first() or made.maps.first()
    layers = [Image.open(made.folder / name).convert("RGBA") for name in (of_two.layer, of_two.agreed_layer)]
    whole, agreed = (np.asarray(image)[..., 3].astype(int) for image in layers)
    assert whole.shape == agreed.shape
    assert agreed.sum() < 0.95 * whole.sum()
    assert (agreed > 0).any()
    assert client.get(pages["agreed"])["Content-Type"] == "image/webp"
    assert "members agree on" in client.get(pages["map"]).content.decode()
    (made.folder / made.maps.get(public_id=pages["map"].split("/")[-2]).agreed_layer).unlink()
    assert client.get(pages["agreed"]).status_code == 404
    assert "members agree on" not in client.get(pages["map"]).content.decode()


@pytest.mark.once
def test_a_stopped_attribution_keeps_and_shows_what_is_done_and_goes_on_from_there(
    networks, client, person, run_jobs, monkeypatch
):
    made = start_attribution(ensemble=networks["focused"], limit=4, controls=1)
    address = f"/studies/spots/networks/attributions/{made.pk}/"
    client.force_login(person("engineer"))
    waiting = client.get(address, headers={"HX-Request": "true"})
    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert "HX-Refresh" not in waiting

    def nothing_was_done(*arguments, **named):
        raise JobCancelled("Cancelled on request.")

    monkeypatch.setattr(jobs, "run_core", nothing_was_done)
    assert [job.state for job in run_jobs()] == ["cancelled"]
    assert client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true", "the page comes with its maps"
    assert "Before a picture was explained." in client.get(address).content.decode()
    of_a_killed_worker = made.folder / "maps" / "items" / "IP-6.json"
    of_a_killed_worker.parent.mkdir(parents=True)
    of_a_killed_worker.write_text("{}")
    assert "1 picture was explained before its process was killed; what is done is shown" in client.get(address).content.decode()
    of_a_killed_worker.unlink()

    def half_was_done(*arguments, **named):
        run_core(*arguments, **named)
        maps = made.folder / "maps"
        (maps / "summary.json").unlink()
        for path in sorted((maps / "items").glob("*.json"))[2:]:
            path.unlink()
        raise JobCancelled("Cancelled on request.")

    monkeypatch.setattr(jobs, "run_core", half_was_done)
    again = f"/studies/spots/jobs/{made.job.pk}/retry/"
    assert client.post(again).status_code == 302
    (job,) = run_jobs()
    made.refresh_from_db()
    kept = {one.item.code: one.public_id for one in made.maps.filter(target="predicted")}
    assert (job.state, made.summary["items"], len(kept)) == ("cancelled", 2, 2)
    assert job.lines.last().text == f"{made.maps.count()} maps of 2 pictures are stored"
    page = client.get(address).content.decode()
    assert "2 pictures were explained before; what follows is about them alone." in page
    assert page.count('class="net-card"') == 2
    assert f'action="{again}"' in page
    assert "cancelled" in client.get("/studies/spots/networks/attributions/").content.decode()

    monkeypatch.setattr(jobs, "run_core", run_core)
    client.post(again)
    assert [one.state for one in run_jobs()] == ["succeeded"]
    made.refresh_from_db()
    assert (made.summary["items"], made.maps.filter(target="predicted").count()) == (4, 4)
    assert kept.items() <= {one.item.code: one.public_id for one in made.maps.filter(target="predicted")}.items()
    assert "Continue where it stopped" not in client.get(address).content.decode()


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


def test_the_list_begins_with_the_newest_and_names_no_baseline_where_there_is_none(stored, client, person):
    for method in ("occlusion", "gradcam"):
        AttributionSet.objects.create(ensemble=stored, method=method, baseline="median")
    client.force_login(person("engineer"))
    page = client.get("/studies/spots/networks/attributions/").content.decode()
    assert 0 < page.index("Grad-CAM") < page.index("Occlusion")
    assert page.count("Median colour") == 1
    for made in AttributionSet.objects.all():
        page = client.get(f"/studies/spots/networks/attributions/{made.pk}/").content.decode()
        assert made.baseline_in_words == ("no baseline" if made.method == "gradcam" else "baseline median colour")
        assert f"{made.get_method_display()}, {made.baseline_in_words}, averaged" in page


def test_a_set_is_removed_with_its_files_but_not_while_it_is_made(stored, client, person):
    made = start_attribution(ensemble=stored, controls=1)
    explain_arguments(made, None)
    place = f"/studies/spots/networks/attributions/{made.pk}/"
    client.force_login(person("engineer"))
    assert "is being made; cancel it first." in client.post(f"{place}remove/", follow=True).content.decode()
    assert "Remove this set" not in client.get(place).content.decode()
    cancel_job(job=made.job)
    assert "Remove this set" in client.get(place).content.decode()
    assert (made.folder / "manifest.csv").is_file()
    assert "was removed with its maps" in client.post(f"{place}remove/", follow=True).content.decode()
    assert not AttributionSet.objects.exists()
    assert not made.folder.exists()


def test_an_ensemble_without_answers_has_nothing_to_explain(stored):
    stored.predictions.all().delete()
    with pytest.raises(ValidationError, match="has not answered any item yet"):
        start_attribution(ensemble=stored)
    assert not AttributionMap.objects.exists()


def regions(*rows):
    known = {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6, "n": 6}
    return [
        {"region": name, "marked": True, "pictures": 6, "warning": warning, "sentence": f"{name} takes half.",
         "worst": [{"item": "IP-6", "share": 0.9, "area": 0.1, "control": 0.2}],
         **dict.fromkeys(("share", "area", "control", "above_control"), known)}
        for name, warning in rows
    ]  # fmt: skip


def warns_of_a_shortcut(client, made):
    """The page warns, shows the pictures in which a part is worst, and says the rule."""
    assert {one["region"] for one in made.summary["regions"]} >= {"lesion", "background"}
    one = made.maps.filter(target="predicted").first()
    assert {"region", "marked", "share", "area", "control"} == set(one.regions[0])
    made.summary["regions"] = regions(("sticker", True), ("clothing", False), ("watermark", None))
    made.save()
    page = client.get(f"/studies/spots/networks/attributions/{made.pk}/").content.decode()
    assert "sticker takes half." in page
    assert "clothing takes half." not in page
    assert "possible shortcut" in page
    assert "too few pictures" in page
    assert made.summary["regions_rule"] in page.replace("&#x27;", "'")
    assert "relevance 0.90, area 0.10, random 0.20" in page
    single = client.get(f"/studies/spots/networks/attributions/map/{one.public_id}/").content.decode()
    assert "Part by part" in single


def packed(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            mask = Image.new("L", (48, 48))
            mask.paste(255, (4, 4, 20, 20))
            with archive.open(name, "w") as file:
                mask.save(file, "PNG")
    return io.BytesIO(buffer.getvalue())


def test_marked_regions_come_as_a_zip_and_stand_in_the_manifest_that_is_explained(stored, person, client):
    client.force_login(person("engineer"))
    archive = SimpleUploadedFile("marks.zip", packed("sticker/IP-6.png", "clothing/IP-6.png").getvalue())
    asked = {"method": "integrated-gradients", "baseline": "blur", "controls": 1, "marks": archive}
    assert client.post(f"/studies/spots/networks/ensembles/{stored.pk}/explain/", asked).status_code == 302
    made = AttributionSet.objects.get()
    explain_arguments(made, None)
    marked = {item.id: item.regions for item in read_manifest(made.folder / "manifest.csv").items if item.regions}
    assert {name: [region for region, _ in found] for name, found in marked.items()} == {
        "IP-6": ["clothing", "sticker"]
    }


def test_masks_come_by_the_api_as_well_and_are_refused_with_the_same_sentence(stored, person, client):
    client.force_login(person("engineer"))
    asked = {"study": "spots", "ensemble": stored.name, "view": "focused"}
    masks = [SimpleUploadedFile("marks.zip", packed(name).getvalue()) for name in ("IP-6.png", "sticker/IP-6.png")]
    refused = client.post("/api/attributions/", {**asked, "marks": masks[0]})
    assert (refused.status_code, AttributionSet.objects.count()) == (400, 0)
    assert "IP-6.png is not REGION/ITEM.png" in refused.content.decode()
    made = client.post("/api/attributions/", {**asked, "marks": masks[1]})
    assert made.status_code == 201
    assert (AttributionSet.objects.get(pk=made.json()["id"]).folder / "marks" / "sticker" / "IP-6.png").is_file()


@pytest.mark.parametrize(
    ("archive", "sentence"),
    [
        (packed("IP-6.png"), "IP-6.png is not REGION/ITEM.png"),
        (packed("../sticker/IP-6.png"), "is not REGION/ITEM.png"),
        (packed("sticker/NOBODY.png"), "has answered no item 'NOBODY'"),
        (packed(), "holds no mask"),
        (io.BytesIO(b"no zip"), "cannot be unpacked"),
    ],
)
def test_marks_that_do_not_fit_are_refused_and_nothing_is_queued(stored, archive, sentence):
    with pytest.raises(ValidationError, match=sentence):
        start_attribution(ensemble=stored, marks=archive)
    assert not AttributionSet.objects.exists()


def test_a_refused_mask_leaves_nothing_for_the_next_attribution(stored):
    item = stored.predictions.values_list("item__code", flat=True)[0]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(f"sticker/{item}.png", b"no picture")
    archive.seek(0)
    with pytest.raises(ValidationError):
        start_attribution(ensemble=stored, marks=archive)
    made = start_attribution(ensemble=stored)
    assert not made.folder.exists() or not list(made.folder.rglob("*.png"))


def test_summaries_of_the_former_shape_are_placed_below_their_target(stored):
    """The migration, on a summary as it used to be stored; a second run changes nothing."""
    migration = import_module("models_ml.migrations.0003_every_score_beside_a_control")
    mass = {"mass": {"value": 0.3, "n": 4, "ci_low": 0.2, "ci_high": 0.4}}
    kinds = ("control", "wrong_class", "above_control", "above_wrong_class")
    made = AttributionSet.objects.create(
        ensemble=stored,
        summary={"schema": "attribution/1", "targets": {"predicted": mass}, **dict.fromkeys(kinds, mass)},
    )
    for _ in range(2):
        migration.place_by_target(apps, None)
        made.refresh_from_db()
        assert made.summary["schema"] == "attribution/2"
        assert made.summary["control"] == made.summary["above_control"] == {"predicted": mass}
    rows = {row.name: row for row in summary_table(made.summary, "predicted")}
    assert rows["Relevance on the lesion"].control == "0.30 (0.20 to 0.40)"
    assert rows["Insertion"].control == ""
