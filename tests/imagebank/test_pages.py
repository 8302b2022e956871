"""The image bank's pages, and who may see what on them."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from imagebank.bank_jobs import IMPORT, LEAKAGE
from imagebank.forms import ReviewForm
from imagebank.jobs import queue_job, run_job
from imagebank.models import DiagnosisReview, Item, ItemImage, Job, LeakageReport, Provenance
from imagebank.services.exclusion import exclude_item
from imagebank.services.leakage import check_leakage
from imagebank.services.reviews import record_review
from imagebank.services.uploads import keep_upload

from .factories import ItemFactory, ItemImageFactory, MembershipFactory, StudyFactory, full_study, jpeg_bytes

pytestmark = pytest.mark.django_db
ROLES = ("coordinator", "analyst", "reviewer", "engineer")


@pytest.fixture
def study():
    made = full_study(nature="drawn, not photographed")
    Provenance.objects.update(source_url="https://example.org/SECRET-SOURCE")
    return made


@pytest.fixture
def sign_in(client, study):
    def as_role(role: str):
        client.force_login(MembershipFactory(study=study, role=role).user)
        return client

    return as_role


def address(name, study, *args):
    return reverse(f"imagebank:{name}", args=[study.slug, *args])


def shown(response) -> set[str]:
    return {item.code for item in response.context["page"]}


def test_filters_narrow_the_pictures_and_work_together(sign_in, study):
    client = sign_in("coordinator")
    first = study.items.order_by("code").first()
    Item.objects.filter(pk=first.pk).update(split="train", group="patient-9")
    excluded = study.items.order_by("code").last()
    exclude_item(item=excluded, reason="blurred")
    url = address("items", study)
    everything = {item.code for item in study.items.all()}
    assert shown(client.get(url)) == everything - {excluded.code}
    assert shown(client.get(url, {"excluded": "only"})) == {excluded.code}
    assert shown(client.get(url, {"excluded": "both"})) == everything
    assert shown(client.get(url, {"split": "train"})) == {first.code}
    assert shown(client.get(url, {"search": "PATIENT-9"})) == {first.code}
    code = first.truth.diagnosis.code
    of_class = set(study.items.included().of_class(code).values_list("code", flat=True))
    assert shown(client.get(url, {"diagnosis": code})) == of_class
    assert shown(client.get(url, {"diagnosis": code, "split": "test"})) == of_class - {first.code}
    only_one_view = ItemImageFactory(item=ItemFactory(study=study), view="focused").item
    assert only_one_view.code not in shown(client.get(url, {"view": "panoramic"}))
    assert shown(client.get(url, {"review": "unreviewed"})) == everything - {excluded.code} | {only_one_view.code}


def test_a_filter_that_does_not_exist_shows_everything_instead_of_failing(sign_in, study):
    response = sign_in("analyst").get(address("items", study), {"split": "x", "diagnosis": "'; --", "page": "zz"})
    assert response.status_code == 200
    assert len(shown(response)) == 6


def test_the_grid_needs_few_queries_however_many_items(sign_in, study, django_assert_max_num_queries):
    client = sign_in("coordinator")
    with django_assert_max_num_queries(20):
        client.get(address("items", study))


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_truth_and_provenance_only_as_it_may(sign_in, study, role):
    client = sign_in(role)
    item = study.items.first()
    page = client.get(address("item", study, item.pk)).content.decode()
    grid = client.get(address("items", study)).content.decode()
    assert ("Reference class" in page) == (role != "reviewer")
    assert (item.truth.diagnosis.name in grid) == (role != "reviewer")
    assert ("SECRET-SOURCE" in page) == (role in ("coordinator", "reviewer"))
    assert "SECRET-SOURCE" not in grid
    assert "drawn, not photographed" in page
    assert "drawn, not photographed" in grid


def test_a_reviewer_cannot_find_out_the_class_by_filtering(sign_in, study):
    client = sign_in("reviewer")
    code = study.items.first().truth.diagnosis.code
    assert len(shown(client.get(address("items", study), {"diagnosis": code}))) == 6
    assert len(shown(client.get(address("items", study), {"review": "agreed"}))) == 6


def test_an_analyst_cannot_search_in_the_provenance(sign_in, study):
    assert shown(sign_in("analyst").get(address("items", study), {"search": "SECRET-SOURCE"})) == set()
    assert len(shown(sign_in("coordinator").get(address("items", study), {"search": "SECRET-SOURCE"}))) == 6


FORBIDDEN = [
    ("import", "get", {"analyst", "reviewer", "engineer"}),
    ("leakage", "get", {"reviewer"}),
    ("leakage-check", "post", {"reviewer"}),
    ("exclude", "post", {"analyst", "reviewer", "engineer"}),
    ("include", "post", {"analyst", "reviewer", "engineer"}),
    ("review", "post", {"coordinator", "analyst", "engineer"}),
]


@pytest.mark.parametrize(("name", "method", "roles"), FORBIDDEN)
def test_pages_are_closed_to_other_roles_and_strangers(client, sign_in, study, name, method, roles):
    args = [study.items.first().pk] if name in ("exclude", "include", "review") else []
    url = address(name, study, *args)
    assert getattr(client, method)(url).status_code == 302
    client.force_login(MembershipFactory().user)
    assert getattr(client, method)(url).status_code == 404
    for role in roles:
        assert getattr(sign_in(role), method)(url).status_code == 403, role


def test_pictures_are_served_to_members_only_and_never_cached(client, sign_in, study):
    image = ItemImage.objects.filter(item__study=study).first()
    url = address("image", study, image.public_id, "reading")
    assert client.get(url).status_code == 302
    client.force_login(MembershipFactory().user)
    assert client.get(url).status_code == 404
    response = sign_in("reviewer").get(url)
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Type"] == "image/jpeg"
    assert image.provenance.original_name not in response["Content-Disposition"]
    assert Image.open(io.BytesIO(b"".join(response.streaming_content))).size == (image.width, image.height)
    assert client.get(address("image", study, image.public_id, "original")).status_code == 404
    other = StudyFactory()
    MembershipFactory(study=other, user=MembershipFactory._meta.model.objects.latest("pk").user)
    assert client.get(address("image", other, image.public_id, "reading")).status_code == 404


def test_reviews_are_independent(sign_in, study):
    item = study.items.first()
    client = sign_in("reviewer")
    url = address("review", study, item.pk)
    code = item.truth.diagnosis.code
    assert client.post(url, {"diagnosis": code, "comment": "FIRST-COMMENT"}).status_code == 302
    client = sign_in("reviewer")
    assert "FIRST-COMMENT" not in client.get(address("item", study, item.pk)).content.decode()
    nothing_chosen = client.post(url, {"diagnosis": ""})
    assert nothing_chosen.status_code == 400
    assert "Choose a class" in nothing_chosen.content.decode()
    assert client.post(url, {"diagnosis": ReviewForm.NONE}).status_code == 302
    page = client.get(address("item", study, item.pk))
    assert "FIRST-COMMENT" in page.content.decode()
    assert [code for code, _ in page.context["review_form"].fields["diagnosis"].choices] == [ReviewForm.NONE]
    assert "yours keeps its class" in page.content.decode()
    assert client.post(url, {"diagnosis": ReviewForm.NONE, "comment": "added"}).status_code == 302
    assert client.post(url, {"diagnosis": code}).status_code == 400
    assert item.reviews.count() == 2
    assert "Conflict" in sign_in("coordinator").get(address("item", study, item.pk)).content.decode()
    response = sign_in("reviewer").post(url, {"diagnosis": code})
    assert response.status_code == 400
    assert "can no longer be changed" in response.content.decode()
    assert "needs no further review" in response.content.decode()
    assert "Save review" not in response.content.decode()
    assert DiagnosisReview.objects.count() == 2


def test_a_reviewer_is_led_from_item_to_item_until_none_waits(sign_in, study):
    items = list(study.items.order_by("code"))
    for other in (MembershipFactory(study=study, role="reviewer").user for _ in range(2)):
        record_review(item=items[1], reviewer=other, diagnosis=items[1].truth.diagnosis)
    exclude_item(item=items[2], reason="blurred")
    client = sign_in("reviewer")
    assert f"Review ({len(items) - 2} waiting)" in client.get(address("items", study)).content.decode()
    here = client.get(address("next-review", study)).url
    assert here == address("item", study, items[0].pk)
    assert client.get(address("next-review", study), {"after": items[0].code}).url == address("item", study, items[3].pk)
    seen = []
    while here != address("items", study):
        seen.append(here)
        here = client.post(f"{here}review/", {"diagnosis": ReviewForm.NONE}).url
    assert seen == [address("item", study, item.pk) for item in [items[0], *items[3:]]]
    assert "No item waits for your review" in client.get(here).content.decode()
    assert "waiting)" not in client.get(here).content.decode()


def test_excluding_and_including_by_the_coordinator(sign_in, study):
    client, item = sign_in("coordinator"), study.items.first()
    client.post(address("exclude", study, item.pk), {"reason": " "})
    assert study.items.included().count() == 6
    page = client.post(address("exclude", study, item.pk), {"reason": "face visible"}, follow=True)
    assert "face visible" in page.content.decode()
    assert study.items.included().count() == 5
    client.post(address("include", study, item.pk))
    assert study.items.included().count() == 6


def zip_of(rows: str, **files: bytes) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.csv", "item,class,view,path\n" + rows)
        for name, data in files.items():
            archive.writestr(f"{name}.jpg", data)
    return SimpleUploadedFile("bank.zip", buffer.getvalue(), content_type="application/zip")


def test_an_uploaded_zip_is_imported_in_the_background_and_reported(sign_in, study, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    client = sign_in("coordinator")
    code = study.classes.first().code
    archive = zip_of(f"new,{code},focused,a.jpg\nbad,<b>nothing</b>,focused,a.jpg\n", a=jpeg_bytes(77))
    response = client.post(address("import", study), {"archive": archive})
    job = Job.objects.get(kind=IMPORT)
    assert response.url == reverse("job-detail", args=[study.slug, job.pk])
    job = run_job(job.pk)
    assert (job.state, job.error) == (Job.State.SUCCEEDED, "")
    assert study.items.filter(code="new").exists()
    page = client.get(address("import", study)).content.decode()
    assert "1 new, 0 unchanged, 1 rejected" in page
    assert "&lt;b&gt;nothing" in page
    assert not list((tmp_path / "uploads").iterdir())


def test_an_upload_that_is_no_zip_is_refused_in_words(sign_in, study, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    client = sign_in("coordinator")
    response = client.post(address("import", study), {"archive": SimpleUploadedFile("a.exe", b"MZ")})
    assert response.status_code == 400
    assert "Choose a ZIP file" in response.content.decode()
    response = client.post(address("import", study), {"archive": SimpleUploadedFile("a.zip", b"no zip")})
    assert response.status_code == 400
    assert "a.zip is neither a CSV file nor a readable ZIP" in response.content.decode()
    assert not Job.objects.filter(kind=IMPORT).exists()
    assert not list((tmp_path / "uploads").iterdir()), "what cannot be used is not kept"


def test_the_leakage_page_shows_pairs_side_by_side(sign_in, study):
    client = sign_in("engineer")
    assert "Not checked yet" in client.get(address("leakage", study)).content.decode()
    data = jpeg_bytes(500)
    for split in ("train", "test"):
        ItemImageFactory(item=ItemFactory(study=study, split=split, code=f"twin-{split}"), data=data)
    check_leakage(study=study)
    page = client.get(address("leakage", study)).content.decode()
    assert "1 pair across a split or a fold" in page
    assert "twin-train" in page
    assert "twin-test" in page
    assert "Byte-identical files" in page


def test_the_leakage_page_shows_a_crowd_as_one_group(sign_in, study):
    """A burst is one section with where its pictures lie; the pair beside it stays a pair."""
    report = LeakageReport.objects.create(study=study, images=24, pairs_compared=1)
    burst = [ItemImageFactory(item=ItemFactory(study=study, split="test" if n == 9 else "train"), data=jpeg_bytes(1)) for n in range(22)]
    pair = [ItemImageFactory(item=ItemFactory(study=study, code=code), data=jpeg_bytes(2)) for code in ("one", "other")]
    for first, second in [*((burst[0], image) for image in burst[1:]), pair]:
        crosses = {first.item.split, second.item.split} == {"train", "test"}
        report.findings.create(kind="near", first=first, second=second, crosses_split=crosses, score=0.97)
    page = sign_in("engineer").get(address("leakage", study)).content.decode()
    assert "1 group of alike pictures across a split or a fold" in page
    assert "22 pictures that are the same or nearly so" in page
    assert "21 in training; 1 in test." in page
    assert burst[9].item.code in page.split("Their items")[0], "every place has its example"
    assert page.count("Near-duplicate</h3>") + page.count('aria-label="Near-duplicate"') == 1


def test_a_leakage_check_runs_once_at_a_time_as_a_job(sign_in, study):
    client = sign_in("coordinator")
    for _ in range(2):
        client.post(address("leakage-check", study))
    job = run_job(Job.objects.get(kind=LEAKAGE).pk)
    assert job.state == Job.State.SUCCEEDED
    assert study.leakage_reports.get().pk == job.result["report"]


def test_a_cancelled_import_job_stops_between_chunks(study, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    name = keep_upload(zip_of(f"new,{study.classes.first().code},focused,a.jpg\n", a=jpeg_bytes(1)), suffix=".zip")
    job = queue_job(study=study, kind=IMPORT, title="Import", payload={"upload": name})
    Job.objects.filter(pk=job.pk).update(cancel_requested=True)
    assert run_job(job.pk).state == Job.State.CANCELLED
    assert (tmp_path / "uploads" / name).exists()


def test_an_empty_bank_says_what_to_do_next(client):
    study = StudyFactory()
    client.force_login(MembershipFactory(study=study).user)
    page = client.get(address("items", study)).content.decode()
    assert "No pictures yet" in page
    assert address("import", study) in page


def test_the_admin_opens_every_list_of_the_bank(admin_client, study):
    for name in ("study", "item", "truth", "itemimage", "provenance", "diagnosisreview", "importrun", "leakagereport"):
        assert admin_client.get(reverse(f"admin:imagebank_{name}_changelist")).status_code == 200, name


def test_a_coordinator_draws_the_split_and_others_only_see_it(client):
    study = full_study(items_per_class=6)
    study.items.update(split="")
    page = address("split", study)
    client.force_login(MembershipFactory(study=study, role="engineer").user)
    assert "Draw the split" not in client.get(page).content.decode()
    client.post(page, {"per_class": 2, "folds": 2, "seed": 1})
    assert not study.items.exclude(split="").exists(), "an engineer's post draws nothing"
    client.force_login(MembershipFactory(study=study).user)
    empty = client.get(page).content.decode()
    assert "At most 6 of every class" in empty
    assert "No item names its photograph or patient" in empty
    assert client.post(page, {"per_class": 9, "folds": 2, "seed": 1}).status_code == 400
    assert "there are none yet. Draw a test set as well" in client.post(page, {"folds": 2, "seed": 1}).content.decode()
    assert client.post(page, {"per_class": 2, "folds": 2, "seed": 1}).url == page
    assert (study.items.testing().count(), study.items.training().count()) == (6, 12)
    after = client.get(page).content.decode()
    assert "drew a test set of 6 items, 2 of every class and 2 folds of the training items, with seed 1" in after
    lone = study.classes.first()
    study.items.filter(truth__diagnosis=lone).update(excluded_at=timezone.now(), exclusion_reason="blurred")
    assert f"No item with a picture of every view (focused, panoramic) is of {lone.name}:" in client.get(page).content.decode()
    study.items.update(excluded_at=timezone.now(), exclusion_reason="blurred")
    bare = client.get(page).content.decode()
    assert "No items to split yet" in bare
    assert "Draw the split" not in bare


def test_what_waits_for_a_review_is_one_press_away_on_every_page_of_the_bank(client, study):
    member = MembershipFactory(study=study, role="reviewer")
    for role in ("coordinator", "analyst"):
        MembershipFactory(study=study, user=member.user, role=role)
    client.force_login(member.user)
    for page in ("", "split/", "leakage/", "import/"):
        assert f"Review ({study.items.count()} waiting)" in client.get(f"/studies/{study.slug}/images/{page}").content.decode(), page
