from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from config import job_pages
from imagebank import jobs
from imagebank.models import Job, Membership
from imagebank.tasks import record_worker_beat

pytestmark = pytest.mark.django_db


@pytest.fixture
def kind(monkeypatch):
    """Register a function as the job kind "test" for one test; the apps' own kinds are registered before, for good."""
    jobs.autodiscover_modules("jobs", "background")
    monkeypatch.setattr(jobs, "JOB_KINDS", {})
    monkeypatch.setattr(jobs, "PROGRESS_EVERY_S", 0)
    return jobs.register_job("test")


@pytest.fixture
def queue(study, django_capture_on_commit_callbacks):
    """Queue a job of kind "test"; with `run=True` the (eager) worker gets it at once."""

    def make(run=True, **payload):
        with django_capture_on_commit_callbacks(execute=run):
            job = jobs.queue_job(study=study, kind="test", title="Count", payload=payload)
        job.refresh_from_db()
        return job

    return make


def silent(job, attempts=1, **fields):
    """Make `job` look as if its worker had died ten minutes ago."""
    ago = timezone.now() - timedelta(minutes=10)
    Job.objects.filter(pk=job.pk).update(state="running", heartbeat_at=ago, attempts=attempts, **fields)


def test_a_job_runs_to_its_end_and_keeps_what_it_returns(kind, queue):
    @kind
    def count(run):
        for step in range(run.payload["steps"]):
            run.progress(done=step + 1, total=run.payload["steps"], message=f"step {step + 1}")
        run.log("counted")
        return {"steps": run.payload["steps"]}

    job = queue(steps=4)
    assert (job.state, job.result, job.percent, job.message) == ("succeeded", {"steps": 4}, 100, "step 4")
    assert [line.text for line in job.lines.all()] == ["counted"]
    assert job.finished_at >= job.started_at


def test_an_unknown_kind_is_refused_before_anything_is_stored(kind, study):
    kind(lambda run: None)
    with pytest.raises(ValidationError, match='no job kind "tset"'):
        jobs.queue_job(study=study, kind="tset", title="Typo")
    assert not Job.objects.exists()


def test_one_kind_has_one_function(kind):
    kind(lambda run: None)
    with pytest.raises(ValueError, match="registered twice"):
        kind(lambda run: 1)


def test_a_failure_is_kept_in_words(kind, queue):
    @kind
    def refuse(run):
        raise (
            ValidationError("The survey needs 5 items; there are 3.") if run.payload.get("kindly") else OSError("disk")
        )

    assert queue(kindly=True).error == "The survey needs 5 items; there are 3."
    assert queue().error == "OSError: disk"
    assert set(Job.objects.values_list("state", flat=True)) == {"failed"}


def test_delivered_twice_it_runs_once(kind, queue):
    runs = []
    kind(lambda run: runs.append(1))
    job = queue()
    jobs.run_job(job.pk)
    assert len(runs) == 1


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(kind, queue):
    kind(lambda run: pytest.fail("ran"))
    job = jobs.cancel_job(job=queue(run=False))
    assert jobs.run_job(job.pk).state == "cancelled"


def test_a_running_job_stops_at_its_next_progress(kind, queue):
    reached = []

    @kind
    def work(run):
        run.progress(done=1, total=3)
        reached.append(1)
        jobs.cancel_job(job=run.job)
        run.progress(done=2, total=3)
        reached.append(2)

    job = queue()
    assert (job.state, job.message, job.done, reached) == ("cancelled", "Cancelled on request.", 2, [1])


def test_a_failed_job_starts_again_and_a_finished_one_does_not(kind, queue, django_capture_on_commit_callbacks):
    @kind
    def second_time_lucky(run):
        if run.job.attempts == 1:
            raise OSError("no space")

    job = queue()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.retry_job(job=job)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == ("succeeded", 2, "")
    with pytest.raises(ValidationError, match='"Count" is done'):
        jobs.retry_job(job=job)


def test_the_reaper_revives_a_silent_job_and_leaves_a_living_one(kind, queue, django_capture_on_commit_callbacks):
    kind(lambda run: {"ran": True})
    dead, living = queue(run=False), queue(run=False)
    silent(dead)
    Job.objects.filter(pk=living.pk).update(state="running", heartbeat_at=timezone.now(), attempts=1)
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs.reap_silent_jobs() == 1
    dead.refresh_from_db()
    living.refresh_from_db()
    assert (dead.state, dead.attempts, dead.result) == ("succeeded", 2, {"ran": True})
    assert living.state == "running"


def test_a_job_that_keeps_killing_its_worker_ends_as_failed(kind, queue):
    kind(lambda run: None)
    job = queue(run=False)
    silent(job, attempts=jobs.MAX_ATTEMPTS)
    jobs.reap_silent_jobs()
    job.refresh_from_db()
    assert job.state == "failed"
    assert "stopped 3 times" in job.error


def test_attempts_during_which_the_worker_was_stopped_in_order_do_not_count(kind, queue):
    """However many; those that ended with a killed worker do, also when others lay between them."""
    kind(lambda run: None)
    job = queue(run=False)
    for attempt in range(1, 8):
        silent(job, attempts=attempt)
        if attempt not in (2, 5, 7):
            jobs.leave_attempts_uncounted([str(job.pk)])
            silent(job, attempts=attempt)
        jobs.reap_silent_jobs()
        job.refresh_from_db()
        assert job.state == ("failed" if attempt == 7 else "queued")
    assert "stopped 3 times" in job.error
    assert job.lines.filter(text__contains="does not count").count() == 4


def test_a_job_that_ended_is_not_marked_when_its_worker_stops(kind, queue):
    kind(lambda run: None)
    job = queue()
    jobs.leave_attempts_uncounted([str(job.pk)])
    job.refresh_from_db()
    assert (job.state, job.uncounted_attempts, job.lines.count()) == ("succeeded", 0, 0)


def test_a_job_that_a_person_started_again_has_all_its_attempts(kind, queue):
    kind(lambda run: None)
    job = queue(run=False)
    silent(job, attempts=jobs.MAX_ATTEMPTS)
    jobs.reap_silent_jobs()
    jobs.retry_job(job=job)
    silent(job, attempts=jobs.MAX_ATTEMPTS + 1)
    jobs.reap_silent_jobs()
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_replaced_attempt_writes_nothing_more(kind, queue):
    """A worker thought dead wakes up after another one has taken the job over."""

    @kind
    def slow(run):
        Job.objects.filter(pk=run.job.pk).update(attempts=2, message="second attempt")
        run.progress(done=1, total=2, message="first attempt")

    job = queue()
    assert (job.state, job.message, job.done) == ("running", "second attempt", 0)


def test_waiting_jobs_are_sent_again(kind, queue, django_capture_on_commit_callbacks):
    kind(lambda run: None)
    job = queue(run=False)
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs.resend_waiting_jobs(older_than_s=0) == 1
    job.refresh_from_db()
    assert job.state == "succeeded"


def test_pages_follow_cancel_and_retry(kind, queue, client, person):
    kind(lambda run: None)
    job = queue(run=False)
    client.force_login(person("coordinator"))
    listing = client.get("/studies/moles/jobs/")
    assert "Count" in listing.content.decode()
    assert 'hx-trigger="every 2s"' in listing.content.decode()
    part = client.get(f"/studies/moles/jobs/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "Cancel this job" in part
    client.post(f"/studies/moles/jobs/{job.pk}/cancel/")
    page = client.get(f"/studies/moles/jobs/{job.pk}/").content.decode()
    assert "Start again" in page
    assert "hx-trigger" not in page
    client.post(f"/studies/moles/jobs/{job.pk}/retry/")
    job.refresh_from_db()
    assert job.state == "queued"


def test_only_working_roles_change_jobs(kind, queue, client, person):
    kind(lambda run: None)
    job = queue(run=False)
    client.force_login(person("reviewer"))
    assert "Cancel this job" not in client.get(f"/studies/moles/jobs/{job.pk}/").content.decode()
    assert client.post(f"/studies/moles/jobs/{job.pk}/cancel/").status_code == 403
    client.force_login(person())
    assert client.get(f"/studies/moles/jobs/{job.pk}/").status_code == 404


def test_the_work_of_every_kind_is_a_press_away_from_its_job(study):
    jobs.autodiscover_modules("jobs", "background")
    assert set(job_pages.PLACES) == {kind for kind in jobs.JOB_KINDS if not kind.startswith("test")} - {"imagebank.remove"}
    for kind, (_, named_by, words) in job_pages.PLACES.items():
        key = str(UUID(int=7)) if named_by == "look" else "7"  # a look is named by its job
        known = job_pages.place_of(Job(study=study, kind=kind, result={named_by: key}))
        assert known["words"] == words
        assert known["url"].startswith(f"/studies/{study.slug}/")
        assert (key in known["url"]) == bool(named_by)
        if named_by:
            assert job_pages.place_of(Job(study=study, kind=kind)) is None


def test_a_job_leads_to_what_it_made_while_it_runs_and_afterwards(client, study):
    user = User.objects.create_user("eve")
    Membership.objects.create(study=study, user=user, role="engineer")
    client.force_login(user)
    job = Job.objects.create(study=study, kind="models_ml.train", title="Train", payload={"run": 5}, state="running")
    address = f'href="/studies/{study.slug}/networks/runs/5/"'

    assert address in client.get(reverse("job-detail", args=[study.slug, job.pk])).content.decode()
    Job.objects.filter(pk=job.pk).update(state="succeeded", result={"run": 5})
    assert address in client.get(reverse("job-detail", args=[study.slug, job.pk])).content.decode()


def test_long_work_waits_in_a_line_of_its_own(kind, queue, study, client, person, monkeypatch, django_capture_on_commit_callbacks):
    kind(lambda run: None)
    jobs.register_job("test-long", long=True)(lambda run: None)
    sent = []
    monkeypatch.setattr("imagebank.tasks.run_job_task.apply_async", lambda args, queue: sent.append(queue))
    with django_capture_on_commit_callbacks(execute=True):
        for name in ("test-long", "test", "test-long"):
            last = jobs.queue_job(study=study, kind=name, title=name)
    assert sent == ["long", "celery", "long"]
    assert {line.name for line in django_settings.CELERY_TASK_QUEUES} == {jobs.QUICK, jobs.LONG}
    assert [jobs.jobs_before(job) for job in Job.objects.order_by("created_at")] == [0, 0, 1]
    client.force_login(person("engineer"))
    page = client.get(reverse("job-detail", args=[study.slug, last.pk])).content.decode()
    assert "1 job of this site is before it." in page


def test_what_takes_minutes_is_long_and_what_people_wait_for_is_not():
    assert {jobs.line_of(name) for name in ("models_ml.train", "models_ml.explain", "generative.train", "rehearsal")} == {jobs.LONG}
    assert {jobs.line_of(name) for name in ("imagebank.import", "comparison", "surveys.letters")} == {jobs.QUICK}


def test_a_worker_of_quick_jobs_is_none_for_a_long_one(kind, queue, study, client, person):
    jobs.register_job("test-long", long=True)(lambda run: None)
    kind(lambda run: None)
    long, quick = (jobs.queue_job(study=study, kind=name, title=name) for name in ("test-long", "test"))
    client.force_login(person("engineer"))

    def told(job) -> bool:
        return "No worker is running" in client.get(reverse("job-detail", args=[study.slug, job.pk])).content.decode()

    record_worker_beat(name="quick@here", takes_long=False)
    assert (told(long), told(quick)) == (True, False)
    record_worker_beat(name="celery@here")
    assert (told(long), told(quick)) == (False, False)
