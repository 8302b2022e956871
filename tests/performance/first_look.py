"""How long the first reader's look at the own results takes after a release, and the release itself.

    DJANGO_SETTINGS_MODULE=config.settings.test python -m tests.performance.first_look [seats] [answers]

One line for the release, then one for each of three looks of different readers: seconds, and questions to the database.
"""

import sys
import time

import django


def main(seats: int = 600, answers: int = 56) -> None:
    django.setup()
    from django.db import connection
    from django.test import Client
    from django.test.runner import DiscoverRunner
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from surveys.models import Invitation, StudyProtocol, SurveyResponse
    from surveys.services import close_reading, release_debrief
    from surveys.services.recruiting.invitations import token_sha256
    from tests.surveys.debriefed import compared
    from tests.surveys.large import GROUPS, make_large_study

    def timed(what, deed):
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as asked:
            done = deed()
        print(f"{what:12} {time.perf_counter() - started:6.2f} s {len(asked):6} queries", flush=True)
        return done

    runner = DiscoverRunner(verbosity=0)
    runner.setup_test_environment()
    old = runner.setup_databases()
    try:
        study = make_large_study(items=answers * seats // len(GROUPS), seats=seats)
        StudyProtocol.objects.filter(study=study).update(debrief_offered=True, recruitment_closed_at=timezone.now())
        close_reading(study=study)
        compared(study)
        sittings = list(SurveyResponse.objects.exclude(finished_at=None)[:3])
        for sitting in sittings:
            Invitation.objects.filter(pk=sitting.invitation_id).update(token_sha256=token_sha256(f"link{sitting.pk}"))
        Client().get("/r/nobody/")  # every page's code is loaded once, and that is no look's
        print(f"{seats} seats, {answers} answers each")
        timed("release", lambda: release_debrief(study=study, with_pictures=False))
        for number, sitting in enumerate(sittings, start=1):
            answer = timed(f"look {number}", lambda sitting=sitting: Client().get(f"/r/link{sitting.pk}/results/"))
            assert answer.status_code == 200, answer.status_code
    finally:
        runner.teardown_databases(old)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
