import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.utils import timezone

from benchmark.models import Comparison
from config.study_path import study_path, study_paths
from imagebank.jobs import queue_job
from imagebank.models import Membership, Study, WorkerBeat
from surveys.services import replace_seat
from tests.surveys.rating_study import make_rating_study
from tests.surveys.sitting import begin
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db


def test_strangers_are_told_what_this_is_and_no_study(client, study):
    page = client.get("/").content.decode()
    assert "People and networks read the same images" in page
    assert "Moles" not in page


def test_home_shows_ones_studies_as_a_path_with_their_nature(client, person):
    client.force_login(person("coordinator"))
    page = client.get("/").content.decode()
    for words in ("Moles", "drawn, not photographs", "Images", "Design", "Readers", "Reading", "Results", "2 items"):
        assert words in page


def test_a_step_offers_its_action_when_its_turn_has_come(person, study):
    coordinator = person("coordinator")
    before = {step.name: step.url for step in study_path(study=study, user=coordinator)}
    assert before["Design"] == "/studies/moles/surveys/"
    assert before["Readers"] is None
    empty = Study.objects.create(slug="empty", title="Empty")
    Membership.objects.create(study=empty, user=coordinator, role="coordinator")
    assert all(step.url is None for step in study_path(study=empty, user=coordinator)[1:])


def test_results_are_offered_to_all_who_may_open_them(client, person, study):
    nothing = {"design": {"groups": [], "models": []}, "plan": {"confidence": 0.95}}
    Comparison.objects.create(study=study, results=nothing, inputs_sha256="0" * 64, hashes={}, simulated=False)
    for role, offered in (("coordinator", True), ("analyst", True), ("engineer", True), ("reviewer", False)):
        user = person(role)
        (results,) = [step for step in study_path(study=study, user=user) if step.name == "Results"]
        assert (results.url is not None) == offered, role
        client.force_login(user)
        assert (client.get("/studies/moles/results/").status_code == 200) == offered, role


def test_browsers_find_the_icon_where_they_look(client):
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert finders.find(answer["Location"].removeprefix(settings.STATIC_URL))


def test_a_rating_study_has_pictures_of_another_bank(person):
    rated = make_rating_study()
    coordinator = person("coordinator")
    Membership.objects.create(study=rated, user=coordinator, role="coordinator")
    images = study_path(study=rated, user=coordinator)[0]
    assert images.progress == "done"
    assert images.state == f"{rated.stimuli.filter(role='rated').count()} stimuli to rate"
    assert images.url is None


def test_an_address_cut_short_leads_to_the_studies(client):
    assert client.get("/studies/")["Location"] == "/"


def test_somebody_without_a_role_reads_what_to_do_next(client, person):
    client.force_login(person())
    page = client.get("/").content.decode()
    assert "Moles" not in page
    assert "Ask its coordinator" in page


def test_an_empty_site_leads_its_administrator_to_the_first_study(client, settings):
    client.force_login(User.objects.create_superuser("root", password="a-long-password"))
    assert "Set up your first study" in client.get("/").content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    page = client.get("/account/").content.decode()
    assert "none runs" in page
    assert "reach nobody" in page


def test_a_study_shows_with_what_to_go_on(client, person, study):
    client.force_login(person("coordinator"))
    page = client.get("/studies/moles/").content.decode()
    (turn,) = [step for step in study_path(study=study, user=User.objects.get(username="coordinator")) if step.turn]
    assert page.count('aria-current="step"') == 1
    assert f'<a class="btn btn-primary" href="{turn.url}">' in page
    client.force_login(person("reviewer"))
    page = client.get("/studies/moles/").content.decode()
    assert '<a class="btn btn-primary" href="/studies/moles/images/review/">Review the pictures' in page, "a reviewer's one task"
    assert page.count('aria-current="step"') == 1


def test_sign_in_leads_home_and_there_is_no_sign_up(client, person):
    person("analyst")
    answer = client.post("/account/login/", {"login": "analyst", "password": "a-long-password"})
    assert (answer.status_code, answer.url) == (302, "/")
    client.logout()
    client.post("/account/signup/", {"username": "me", "password1": "a-long-password", "password2": "a-long-password"})
    assert not User.objects.filter(username="me").exists()


def test_the_admin_is_behind_the_same_sign_in(client):
    answer = client.get("/admin/login/?next=/admin/", follow=True)
    assert answer.redirect_chain[0][0].startswith("/account/login/")


@pytest.mark.parametrize(
    "address", ["/account/", "/account/password/change/", "/account/2fa/", "/api/docs/", "/admin/"]
)
def test_pages_of_a_signed_in_administrator_open(client, address):
    client.force_login(User.objects.create_superuser("root", password="a-long-password"))
    assert client.get(address).status_code == 200


def test_a_new_token_replaces_the_old_one(client, person):
    client.force_login(person("analyst"))
    first = client.post("/account/token/", follow=True).content.decode()
    second = client.post("/account/token/", follow=True).content.decode()
    assert "shown only now" in first
    assert "shown only now" in second
    assert "shown only now" not in client.get("/account/").content.decode()


def test_errors_have_pages_in_words(client, person):
    client.force_login(person("reviewer"))
    missing = client.get("/nowhere/")
    assert missing.status_code == 404
    assert "There is nothing here" in missing.content.decode()


def test_what_helps_with_a_field_is_read_aloud_with_it():
    """Django names `<field>_helptext` as a field's description; a template that lays the field out itself gives the id."""
    written = [
        (path.name, tag, field)
        for path in (settings.BASE_DIR / "templates").rglob("*.html")
        for tag, field in re.findall(r"(<[^<]*>)\{\{ ([\w.]+)\.help_text \}\}", path.read_text(encoding="utf-8"))
    ]
    assert len(written) > 10
    assert [where for *where, field in written if f'id="{{{{ {field}.auto_id }}}}_helptext"' not in where[1]] == []


def test_nothing_comes_from_elsewhere(client):
    answer = client.get("/account/login/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "style=" not in answer.content.decode()


@pytest.mark.parametrize("name", ["bootstrap.min.css", "bootstrap.bundle.min.js"])
def test_vendored_files_name_no_missing_map(name):
    path = finders.find(f"diptych/vendor/{name}")
    with open(path) as file:
        assert "sourceMappingURL" not in file.read()


def test_alive_and_ready(client, monkeypatch):
    assert client.get("/healthz").content == b"ok"
    assert client.get("/readyz").json()["checks"] == {
        "database": "ok", "storage": "ok", "migrations": "ok", "worker": "silent",
    }  # fmt: skip
    WorkerBeat.objects.create(name="here", at=timezone.now())
    assert client.get("/readyz").json()["checks"]["worker"] == "ok"
    monkeypatch.setattr("config.health.check_migrations", lambda: "pending")
    assert client.get("/readyz").status_code == 503


def test_letters_are_kept_as_files_below_var_by_default():
    from config.settings import base

    if not base.env("EMAIL_URL", default=""):
        assert base.EMAIL_FILE_PATH == settings.VAR_DIR / "mail"
        assert base.EMAIL_FILE_PATH.is_absolute()


def test_every_page_of_a_study_names_it_and_what_is_drawn(client, person):
    client.force_login(person("analyst"))
    for address in ("/studies/moles/", "/studies/moles/images/", "/studies/moles/jobs/"):
        page = client.get(address).content.decode()
        assert "Moles" in page
        assert "drawn, not photographs" in page
        assert ">Readers</a>" not in page, "an analyst has no business on the readers' page"


def test_the_study_page_is_closed_to_strangers(client, person):
    client.force_login(person())
    assert client.get("/studies/moles/").status_code == 404


def test_pages_of_jobs_say_that_no_worker_is_running(client, person, study):
    client.force_login(person("coordinator"))
    job = queue_job(study=study, kind="imagebank.leakage", title="Leakage check")
    for address in ("/studies/moles/jobs/", f"/studies/moles/jobs/{job.pk}/"):
        assert "No worker is running" in client.get(address).content.decode()
    WorkerBeat.objects.create(name="worker", at=timezone.now() - timedelta(minutes=2))
    assert "No worker is running" in client.get("/studies/moles/jobs/").content.decode()
    WorkerBeat.objects.update(at=timezone.now())
    for address in ("/studies/moles/jobs/", f"/studies/moles/jobs/{job.pk}/"):
        assert "No worker is running" not in client.get(address).content.decode()


def queries_of_home(client, django_assert_max_num_queries) -> int:
    with django_assert_max_num_queries(40) as asked:
        assert client.get("/").status_code == 200
    return len(asked)


def test_home_asks_as_much_about_eight_studies_as_about_two(client, django_assert_max_num_queries):
    """Two with surveys, seats and a sitting, then six more of them: the page lists all, and asks no question more."""
    person = User.objects.create_user("cora")
    client.force_login(person)
    client.get("/account/")  # a session's first page notes that it is used
    for number in range(8):
        study = make_surveyed_study(f"study-{number}")
        Membership.objects.create(study=study, user=person, role="coordinator")
        begin(study)
        if number == 1:
            few = queries_of_home(client, django_assert_max_num_queries)
    assert queries_of_home(client, django_assert_max_num_queries) == few
    page = client.get("/").content.decode()
    assert page.count("0 of 8 seats complete") == page.count("Invite") + page.count("See the readers") == 8


def test_home_tells_each_study_its_own_numbers():
    """What is counted for all at once is what each study has, and a place that was given to another is one place."""
    drawn, empty = make_surveyed_study("drawn"), Study.objects.create(slug="empty", title="Empty")
    replace_seat(seat=begin(drawn).seat)
    rated = make_rating_study()
    coordinator = User.objects.create_superuser("root")
    told = {
        study.slug: [(step.name, step.progress, step.state) for step in steps]
        for study, steps, _ in study_paths(studies=[drawn, empty, rated], user=coordinator)
    }
    assert told["drawn"] == [
        ("Images", "done", "12 items, all for testing"), ("Design", "done", "4 surveys"), ("Readers", "done", "1 person"),
        ("Reading", "under way", "0 of 8 seats complete"), ("Results", "not begun", "not analysed"),
    ]  # fmt: skip
    assert [progress for _, progress, _ in told["empty"]] == ["not begun"] * 5
    assert told[rated.slug][0][2].endswith("stimuli to rate")
    for study in (drawn, empty, rated):
        alone = [(step.name, step.progress, step.state) for step in study_path(study=study, user=coordinator)]
        assert alone == told[study.slug]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_and_edges_stand_out_from_what_is_behind_them(theme):
    """WCAG 2.2: 4.5 for words, 3 for what tells a control or a mark of a figure."""
    style = (settings.BASE_DIR / "config/static/diptych/diptych.css").read_text()
    said = re.search(rf'\[data-bs-theme="{theme}"\] {{\s*(--accent.*?)}}', style, re.DOTALL)[1]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", said))
    words = [(word, ground) for word in ("ink", "ink-soft", "accent", "red", "green", "geneticists-words") for ground in ("ground", "paper")]
    words += [("amber", "amber-soft"), ("red", "red-soft"), ("accent", "accent-soft"), ("ground", "accent")]
    marks = [(mark, ground) for mark in ("edge", "classifier", "geneticists", "pediatricians") for ground in ("ground", "paper")]
    for pairs, least in ((words, 4.5), (marks, 3)):
        for front, behind in pairs:
            low, high = sorted((luminance(colours[front]), luminance(colours[behind])))
            assert (high + 0.05) / (low + 0.05) >= least, (front, behind)
