"""The generators' pages: what they show, to whom, and that every address is opaque."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from generative.models import CopyDecision, Generator, GeneratorRun, ImageSet
from generative.services.auditing import audit_set, record_audit
from generative.services.core import run_core
from generative.services.publishing import publish_set
from generative.services.sets import add_set
from imagebank.jobs import run_job
from imagebank.models import Job
from tests.generative.test_publishing import report
from tests.imagebank.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
MAKERS, LOOKERS, STRANGERS = ("coordinator", "engineer"), ("analyst",), ("reviewer",)


def address(name, study, *args):
    return reverse(f"generative:{name}", args=[study.slug, *args])


@pytest.fixture
def run(study):
    """A run with events and pictures, as the core leaves them."""
    row = GeneratorRun.objects.create(
        study=study, title="First run", recipe="tiny", resolution=32, view="focused", total_kimg=24, pictures=30
    )
    (row.folder / "out" / "grids").mkdir(parents=True)
    events = [{"event": "start", "kimg": 0.0, "report": None}]
    for step in range(1, 40):
        events.append({"event": "progress", "kimg": step / 10, "loss_g": 1 / step, "loss_d": 1.0, "ada_p": step / 100})
        if step % 13 == 0:
            events.append({"event": "grid", "kimg": step / 10, "path": f"grids/{step}.png", "columns": ["early", "late"]})
            events.append({"event": "kid", "kimg": step / 10, "kid": 1 / step})
            (row.folder / "out" / "grids" / f"{step}.png").write_bytes(b"\x89PNG")
    (row.folder / "out" / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events) + '{"event": "prog')
    return row


def test_empty_pages_explain_and_offer_the_first_step(as_role, study):
    page = as_role("engineer").get(address("overview", study)).content.decode()
    assert "No set yet" in page
    assert "No generator yet" in page
    assert "Train a generator" in page
    assert "42 real pictures of the view focused" in page


@pytest.mark.parametrize("kind", ["sample", "morph", "mix"])
def test_a_set_is_shown_by_class_names_and_says_that_it_is_generated(as_role, study, made, kind):
    image_set = made(kind)
    page = as_role("analyst").get(address("set", study, image_set.public_id)).content.decode()
    assert "Generated, not photographs" in page
    assert "Not searched yet" in page
    if kind != "mix":
        assert "Early stage" in page
        assert "Late stage" in page
    assert ("Early stage to Late stage" in page) == (kind == "morph")
    assert page.count('src="/studies/stages/generated/pictures/') == image_set.samples.count()
    assert "style=" not in page


def test_curves_grids_and_facts_of_a_run(as_role, study, run):
    client = as_role("analyst")
    answer = client.get(address("run", study, run.public_id))
    page = answer.content.decode()
    assert page.count("<polyline") == 4
    assert "Early stage, Late stage" in page
    assert client.get(address("run-grid", study, run.public_id, "13.png")).status_code == 200
    for name in ("99.png", "..%2Fevents.jsonl", "events.jsonl"):
        assert client.get(address("run-grid", study, run.public_id, name)).status_code == 404
    assert "style=" not in page


def test_a_page_that_watches_a_run_is_loaded_anew_at_its_end(as_role, study, run):
    """While it trains only its own part is replaced, and what the reader opened stays open by its name."""
    client, here = as_role("engineer"), address("run", study, run.public_id)
    run.job = Job.objects.create(study=study, kind="generative.train", title="Train", state=Job.State.RUNNING)
    run.save()
    page = client.get(here).content.decode()
    assert "diptych/live.js" in page
    assert '<details id="data-losses">' in page
    assert "HX-Refresh" not in client.get(here, headers={"HX-Request": "true"})
    Job.objects.update(state=Job.State.SUCCEEDED)
    assert client.get(here, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_a_training_at_full_speed_is_a_choice(as_role, study):
    form = {"title": "Fast", "view": "focused", "recipe": "tiny", "resolution": 16, "total_kimg": 1, "seed": 0, "fine_tune": "widen"}
    for given, expected in (({}, {}), ({"fast": "on"}, {"precision": "bf16", "channels_last": True, "compiled": True})):
        as_role("engineer").post(address("train", study), form | given)
        assert study.generator_runs.latest("pk").options == expected


def test_further_settings_of_a_training_are_a_choice_and_stand_on_its_page(as_role, study):
    client, url = as_role("engineer"), address("train", study)
    form = {"title": "Few", "view": "focused", "recipe": "tiny", "resolution": 16, "total_kimg": 1, "seed": 0, "fine_tune": "widen"}
    page = client.get(url).content.decode()
    assert "<summary>Further settings</summary>" in page
    assert page.index("Further settings") > page.index('name="fast"')
    given = {"balanced": "on", "unmirrored": "on", "pipeline": "skin", "transition": "0.2, 0.8", "gamma": "quarter"}
    assert client.post(url, form | given).status_code == 302
    run = study.generator_runs.get()
    assert run.options == {"balanced": True, "mirror": False, "pipeline": "skin", "transition": [0.2, 0.8], "unconditional_loss": True,
                           "gamma": 0.0125}  # fmt: skip
    page = client.get(address("run", study, run.public_id)).content.decode()
    assert "seed 0, balanced, gamma 0.0125, not mirror, pipeline skin, transition 0.2 to 0.8, unconditional loss</dd>" in page
    wrong = client.post(url, form | {"transition": "soon"})
    assert wrong.status_code == 400
    assert "A transition is two numbers of kimg such as 20,200; found &#x27;soon&#x27;." in wrong.content.decode()
    assert "goes from an earlier to a later kimg" in client.post(url, form | {"transition": "8,2"}).content.decode()


def test_three_gammas_are_three_runs_or_none_and_their_kid_stands_side_by_side(as_role, study):
    client, url = as_role("engineer"), address("train", study)
    form = {"title": "Sweep", "view": "focused", "recipe": "tiny", "resolution": 16, "total_kimg": 1, "seed": 0, "fine_tune": "widen",
            "gamma": "three"}  # fmt: skip
    assert client.post(url, form | {"title": "x", "transition": "8,2"}).status_code == 400
    assert not study.generator_runs.exists()
    assert client.post(url, form)["Location"] == address("overview", study)
    runs = study.generator_runs.order_by("pk")
    assert [run.title for run in runs] == ["Sweep, gamma 0.0125", "Sweep, gamma 0.05", "Sweep, gamma 0.2"]
    assert [run.options.get("gamma") for run in runs] == [0.0125, None, 0.2]
    out = runs[0].folder / "out"
    out.mkdir(parents=True)
    events = [{"event": "kid", "kimg": k, "kid": 0.5 / k} for k in (1, 2)] + [{"event": "progress", "kimg": 3}]
    (out / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events) + '{"event": "kid", "ki')
    page = client.get(address("overview", study)).content.decode()
    assert page.count('data-label="KID, newest">0.2500</td>') == 1
    assert page.count('data-label="KID, newest">none yet</td>') == 2


def test_only_those_who_may_see_and_make(client, study, made, run, generator):
    image_set = made("sample")
    reading = [
        address("overview", study), address("set", study, image_set.public_id), address("run", study, run.public_id),
        address("generator", study, generator.public_id), address("archive", study, image_set.public_id),
        address("picture", study, image_set.samples.first().public_id),
    ]  # fmt: skip
    making = [
        address("train", study), address("import", study), address("add", study),
        address("publish", study, image_set.public_id), address("audit", study, image_set.public_id),
    ]  # fmt: skip
    for role, sees, makes in (("engineer", 200, 200), ("coordinator", 200, 200), ("analyst", 200, 403), ("reviewer", 403, 403)):
        client.force_login(MembershipFactory(study=study, role=role).user)
        assert {client.get(url).status_code for url in reading} == {sees}, role
        assert {client.get(url).status_code for url in making} == {makes}, role
    client.force_login(UserFactory())
    assert {client.get(url).status_code for url in reading + making} == {404}
    client.logout()
    assert {client.get(url).status_code for url in reading + making} == {302}


def test_a_suspected_copy_is_shown_to_curators_only_and_a_decision_is_recorded(client, study, made):
    image_set = made("sample")
    record_audit(image_set=image_set, report=report(image_set, 1))
    suspect = image_set.samples.get(index=1)
    picture, page = address("picture", study, suspect.public_id), address("set", study, image_set.public_id)
    client.force_login(MembershipFactory(study=study, role="analyst").user)
    assert client.get(picture).status_code == 404
    assert client.get(address("archive", study, image_set.public_id)).status_code == 404
    assert "held back" in client.get(page).content.decode()
    curator = MembershipFactory(study=study, role="coordinator").user
    client.force_login(curator)
    assert client.get(picture).status_code == 200
    shown = client.get(address("audit", study, image_set.public_id)).content.decode()
    assert "late-0" in shown
    assert "1 of 1 still to decide" in shown
    assert shown.count("<figure>") == 2 * len({f.neighbour_code for f in suspect.findings.all()})
    assert "stand in the way" in client.get(address("publish", study, image_set.public_id)).content.decode()
    decide, prefix = address("decide", study, suspect.public_id), suspect.public_id
    refused = client.post(decide, {f"{prefix}-publish": "yes", f"{prefix}-why": ""})
    assert refused.status_code == 400
    assert client.post(decide, {f"{prefix}-publish": "no", f"{prefix}-why": "A patient."}).status_code == 302
    decision = CopyDecision.objects.get()
    assert (decision.publish, decision.decided_by) == (False, curator)
    assert "1 is left out and 0 go out as decided" in client.get(address("publish", study, image_set.public_id)).content.decode()
    client.post(address("publish", study, image_set.public_id), {"view": "focused"})
    run_job(Job.objects.get().pk)
    image_set.refresh_from_db()
    assert image_set.state == "published"
    assert image_set.publications.get().published_by == curator
    assert "A study holds a set once" in client.get(address("publish", study, image_set.public_id)).content.decode()
    assert address("publish", study, image_set.public_id) not in client.get(address("set", study, image_set.public_id)).content.decode()


def test_a_measure_is_written_with_its_interval_or_why_there_is_none():
    from generative.presenting import Measure

    near = Measure("KID", -0.01234, -0.05, 0.02)
    assert (near.shown, near.interval) == ("−0.0123", "−0.0500 to 0.0200")
    none = Measure("KID, MA", None, why="fewer than 5 pictures on one side")
    assert (none.shown, none.interval) == ("fewer than 5 pictures on one side", "")


def test_a_sets_card_says_what_made_it_and_whether_it_was_searched(as_role, study, made):
    image_set = made("morph")
    address = reverse("generative:set-card", args=[study.slug, image_set.public_id])
    page = as_role("engineer").get(reverse("generative:set", args=[study.slug, image_set.public_id]))
    assert address in page.content.decode()
    card = as_role("engineer").get(address).content.decode()
    assert "**Generated, not photographs.**" in card
    assert image_set.set_hash in card
    assert f"| weights | `{image_set.generator.weights_hash}` |" in card
    assert "| truncation | 0.7 |" in card
    assert "Not searched for" in card
    assert "Not measured yet" in card
    asked = card.split("## What was asked for")[1].split("##")[0].strip().splitlines()[2:]
    assert sum(int(row.split("|")[2]) for row in asked) == image_set.samples.count() == 8
    image_set.audits.create(
        features="random", calibration="held-out patients", n_train=12, n_held_out=5, n_suspected=0,
        report={"thresholds": {"pixels": 0.05}, "share_below": {"pixels": 0.0}, "authenticity": {"pixels": 0.4},
                "asymmetry": {"pixels": None}},
    )  # fmt: skip
    card = as_role("engineer").get(address).content.decode()
    assert "Compared with 12 training pictures" in card
    assert "| pixels | 0.0500 | 0.000 | 0.400 | not estimable |" in card


def test_uploads_become_jobs_that_take_in_or_refuse(as_role, study, set_files):
    client = as_role("engineer")
    upload = SimpleUploadedFile("morph.zip", set_files["morph"].read_bytes())
    answer = client.post(address("add", study), {"archive": upload, "condition": "curated"})
    assert answer.status_code == 302
    run_job(Job.objects.get().pk)
    row = ImageSet.objects.get()
    assert (row.condition, row.kind) == ("curated", "morph")
    assert row.title == "Morph strips by StyleGAN2-ADA"
    bad = SimpleUploadedFile("noise.zip", b"no zip")
    client.post(address("add", study), {"archive": bad, "condition": "random"})
    job = run_job(Job.objects.order_by("created_at").last().pk)
    assert job.state == "failed"
    assert "neither a set folder nor a ZIP" in job.error


def test_the_membership_probe_is_shown_and_needs_the_sets_network(as_role, study, made):
    own = made("sample")
    audit = record_audit(image_set=own, report=report(own) | {"membership": {"auc": 0.625, "train": [1, 2], "held_out": [3, 4]}})
    assert audit.report["membership"]["auc"] == 0.625
    client = as_role("engineer")
    shown = client.get(address("set", study, own.public_id)).content.decode()
    assert "an AUC of 0.63 for telling 2 training from 2 held-out pictures" in shown
    assert ("Membership probe, pictures of either side" in shown) == (own.generator is not None)
    own.generator = None
    with pytest.raises(ValidationError, match="needs the network that made the set"):
        audit_set(image_set=own, view="focused", probe=2)


def test_a_form_that_cannot_be_run_says_why(as_role, study, generator):
    client = as_role("engineer")
    page = client.post(address("train", study), {"title": "x", "view": "focused", "recipe": "auto", "resolution": 32,
                       "total_kimg": 1, "seed": 0, "fine_tune": "widen"})  # fmt: skip
    assert page.status_code == 400
    assert "needs at least 50 pictures" in page.content.decode()
    two = client.post(address("train", study), {"title": "x", "ordinal": "early,late"})
    assert "Name three classes, from the first to the last; found 2." in two.content.decode()
    make = address("generator", study, generator.public_id)
    answer = client.post(make, {"kind": "sample", "sample-seeds": "a-b", "sample-condition": "random",
                         "sample-truncation": 1, "sample-centre": "global"})  # fmt: skip
    assert answer.status_code == 400
    assert "Seeds are numbers or ranges" in answer.content.decode()
    assert not Job.objects.exists()


def test_truncation_up_to_a_size_is_a_choice_and_stands_on_the_sets_page(as_role, study, generator, network, tmp_path):
    client, make = as_role("engineer"), address("generator", study, generator.public_id)
    given = {"kind": "sample", "sample-seeds": "0", "sample-condition": "random", "sample-truncation": 0.5, "sample-centre": "global"}
    assert '<option value="16">16 px</option>' in client.get(make).content.decode()
    refused = client.post(make, given | {"sample-truncation_to": "32"})
    assert refused.status_code == 400, "up to the network's own size would be all layers"
    for chosen, kept in (("", None), ("8", 8)):
        assert client.post(make, given | {"sample-truncation_to": chosen}).status_code == 302
        assert Job.objects.latest("created_at").payload["settings"]["truncation_to"] == kept
    command = ["generate", network, "--seeds", "0", "--truncation", "0.5", "--truncation-to", "8", "--out", tmp_path / "set.zip"]
    run_core(*command)
    image_set = add_set(study=study, path=tmp_path / "set.zip", title="Calm shapes", condition="random")
    assert "in the first 3 layers only" in client.get(address("set", study, image_set.public_id)).content.decode()
    card = client.get(reverse("generative:set-card", args=[study.slug, image_set.public_id])).content.decode()
    assert "| layers truncated, from the coarsest | 3 |" in card


def test_the_api_lists_and_publishes_under_the_same_rules(client, study, made):
    image_set = made("morph")
    client.force_login(MembershipFactory(study=study, role="reviewer").user)
    assert client.get("/api/image-sets/").json()["count"] == 0
    client.force_login(MembershipFactory(study=study, role="analyst").user)
    (row,) = client.get("/api/image-sets/").json()["results"]
    assert (row["id"], row["set_hash"], row["kind"]) == (image_set.public_id, image_set.set_hash, "morph")
    samples = client.get(f"/api/image-sets/{row['id']}/samples/").json()["results"]
    assert samples[1]["label"] == {"early": 0.7, "late": 0.3}
    publish = f"/api/image-sets/{row['id']}/publish/"
    asked = {"view": "focused", "unaudited_reason": "A test."}
    assert client.post(publish, asked, content_type="application/json").status_code == 403
    client.force_login(MembershipFactory(study=study, role="engineer").user)
    refused = client.post(publish, {"view": "focused"}, content_type="application/json")
    assert refused.status_code == 400
    assert "was not audited" in refused.content.decode()
    done = client.post(publish, asked, content_type="application/json")
    assert len(done.json()["items"]) == 32
    assert Generator.objects.get().weights_hash in client.get("/api/generators/").content.decode()


def test_published_items_are_listed_for_the_analysis(as_role, study, made):
    image_set = made("mix")
    done = publish_set(image_set=image_set, view="focused", unaudited_reason="A test.")
    table = as_role("analyst").get(address("published", study, image_set.public_id, done.pk)).content.decode()
    assert table.splitlines()[0].startswith("item,generated,kind,condition")
    assert ",mix-grid,style grid,random," in table
