"""Two actions of one study that cross within milliseconds end as if one had followed the other: each really runs over a
connection of its own, and the second is begun while the first stands just before its commit."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from generative.models import GeneratorRun
from generative.services.training import start_training
from imagebank import jobs
from imagebank.bank_jobs import LEAKAGE
from imagebank.models import Job, Study
from imagebank.services.archive import archive_study
from imagebank.services.splits import draw_split, placements
from models_ml.models import TrainingRun
from models_ml.services.training import start_run
from surveys.models import SurveySet
from surveys.services.setting_up.design import create_survey_set
from tests.surveys.study import make_protocol, make_study

pytestmark = pytest.mark.django_db(transaction=True)
HELD_S = 0.3  # how long the first waits for the second to be through, which it must not be
SMALL = {"channel_base": 64, "channel_max": 8, "z_dim": 8, "w_dim": 8, "batch": 8, "minimum_images": 5, "mbstd_group": 4}


@pytest.fixture
def study(settings, tmp_path, monkeypatch):
    """Two test items and two training items of every class, and nothing that rests on this split yet."""
    settings.VAR_DIR = settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("imagebank.jobs.hand_to_worker", lambda job: None)
    made = make_study()
    make_protocol(made, per_class=1)
    draw_split(study=made, per_class=2, folds=2, seed=0)
    return made


def train_network(study):
    start_run(study=study, name="n", view="focused", preset_name="tiny", folds=2, changes=["model.backbone=test_efficientnet"])


def train_generator(study):
    start_training(
        study=study, title="g", recipe="tiny", resolution=8, view="focused", total_kimg=1.0, options=SMALL
    )  # fmt: skip


def draw_surveys(study):
    create_survey_set(study=study, seed=7)


# What comes to rest on a split, its rows, where it stands before its commit, and a test set under which it is refused.
RESTING = {
    "network": (train_network, TrainingRun, "models_ml.services.training.queue_job", 3),
    "generator": (train_generator, GeneratorRun, "generative.services.training.queue_job", 3),
    "surveys": (draw_surveys, SurveySet, "surveys.services.setting_up.design._note_nature", 1),
}


def crossed(monkeypatch, held: str, first, second) -> list[str]:
    """What each of two actions was refused with, "" where it was done. held: the last function that the first one calls."""
    reached, through, refusals = threading.Event(), threading.Event(), ["", ""]
    module, _, name = held.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def hold(*args, **named):
        reached.set()
        through.wait(HELD_S)
        return real(*args, **named)

    def act(number, action, awaited=None, done=None):
        try:
            assert awaited is None or awaited.wait(20)
            action(Study.objects.get())
        except ValidationError as refusal:
            refusals[number] = " ".join(refusal.messages)
        finally:
            if done:
                done.set()
            connections.close_all()

    monkeypatch.setattr(held, hold)
    threads = [threading.Thread(target=act, args=(0, first)), threading.Thread(target=act, args=(1, second, reached, through))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refusals


@pytest.mark.parametrize("name", RESTING)
def test_what_is_begun_while_a_split_is_drawn_rests_on_the_new_split_or_on_none(study, monkeypatch, name):
    begin, rows, _, per_class = RESTING[name]
    before = placements(study)
    drawn, begun = crossed(
        monkeypatch, "imagebank.services.splits.note_deed", lambda study: draw_split(study=study, per_class=per_class, folds=0, seed=1), begin
    )  # fmt: skip
    assert drawn == ""
    assert placements(study) != before
    assert begun, "begun on a split that was gone"
    assert not rows.objects.exists()


@pytest.mark.parametrize("name", RESTING)
def test_a_split_is_not_drawn_anew_under_what_is_just_being_begun(study, monkeypatch, name):
    begin, rows, held, per_class = RESTING[name]
    before = placements(study)
    begun, drawn = crossed(monkeypatch, held, begin, lambda study: draw_split(study=study, per_class=per_class, folds=0, seed=1))
    assert begun == ""
    assert rows.objects.count() == 1
    assert drawn, "drawn under what rests on it"
    assert placements(study) == before


def test_no_job_slips_into_a_study_that_is_being_archived(study, monkeypatch):
    archived, queued = crossed(
        monkeypatch, "imagebank.services.archive.note_deed", lambda study: archive_study(study=study),
        lambda study: jobs.queue_job(study=study, kind=LEAKAGE, title="Check"),
    )  # fmt: skip
    assert (archived, Job.objects.count()) == ("", 0)
    assert "is archived" in queued


def test_no_study_is_archived_under_a_job_that_is_being_queued(study, monkeypatch):
    queued, archived = crossed(
        monkeypatch, "imagebank.jobs.hand_to_worker", lambda study: jobs.queue_job(study=study, kind=LEAKAGE, title="Check"),
        lambda study: archive_study(study=study),
    )  # fmt: skip
    assert queued == ""
    assert "1 job of this study still waits or runs" in archived
