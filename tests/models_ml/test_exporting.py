"""ONNX files from the site: made by a job, checked, fetched, and loaded by another program that gives the same answers."""

import json

import numpy as np
import pytest
from django.urls import reverse

from models_ml.core.answers.metrics import softmax
from models_ml.core.pictures.pixels import load_square
from models_ml.models import Member, Prediction
from models_ml.services.exporting import onnx_export, queue_onnx_export

pytestmark = pytest.mark.django_db


@pytest.mark.once
def test_the_files_answer_as_the_site_does_and_the_page_says_how_closely(networks, client, person, run_jobs, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    run = networks["focused"].run
    slug = run.study.slug
    client.force_login(person("engineer"))
    page = reverse("models_ml:run", args=[slug, run.pk])
    assert "A member is kept only if its answers equal those of torch" in client.get(page).content.decode()
    client.post(reverse("models_ml:onnx-export", args=[slug, run.pk]))
    assert queue_onnx_export(run=run) == run.study.jobs.get(), "one at a time"
    (job,) = run_jobs()
    assert job.state == "succeeded", job.error
    assert "members; their probabilities differ from torch's by at most" in job.lines.get().text
    shown = client.get(page).content.decode()
    export = onnx_export(run)
    assert export.difference < 1e-5
    assert f"{export.difference:.0e}" in shown

    def fetched(name):
        return b"".join(client.get(reverse("models_ml:onnx-file", args=[slug, run.pk, name])).streaming_content)

    facts = json.loads(fetched("export.json"))
    assert facts["precision"] == "fp32", "so that the site's own answers are the files'"
    for file in export.files:
        assert file.sha256 in shown
        session = runtime.InferenceSession(fetched(file.name), providers=["CPUExecutionProvider"])
        stored = Prediction.objects.filter(member__run=run, member__name=file.name.removesuffix(".onnx"))
        assert stored.count() == 6
        for row in stored.select_related("item"):
            picture = row.item.images.get(view="focused").file.path
            square, _ = load_square(picture, facts["size_px"], fit=facts["fit"], resample=facts["resample"])
            image = np.moveaxis(square, -1, 0)[None].astype(np.float32) / 255
            (logits,) = session.run(None, {"image": image})
            assert np.abs(softmax(logits)[0] - np.array(row.probabilities)).max() < 1e-5

    assert "not made from the members' present weights" not in shown
    Member.objects.filter(run=run, name="fold0").update(weights_sha256="0" * 64)
    assert "not made from the members&#x27; present weights" in client.get(page).content.decode().replace("members' ", "members&#x27; ")
    assert client.get(reverse("models_ml:onnx-file", args=[slug, run.pk, "../run/run.json"])).status_code == 404
