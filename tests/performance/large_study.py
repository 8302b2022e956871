"""How long the pages of a study of 5,000 items and 500 seats take a processor, and how often they ask the database.

    DJANGO_SETTINGS_MODULE=config.settings.test python -m tests.performance.large_study [items] [seats]
"""

import sys
import time

import django


def main(items: int = 5000, seats: int = 500) -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.runner import DiscoverRunner
    from django.test.utils import CaptureQueriesContext

    from surveys.models import Reader, Seat
    from tests.surveys.large import make_large_study
    from tests.surveys.test_large import PAGES

    runner = DiscoverRunner(verbosity=0)
    runner.setup_test_environment()
    old = runner.setup_databases()
    try:
        study = make_large_study(items=items, seats=seats)
        names = {
            "s": study.slug, "seat": Seat.objects.of_study(study).first().pk,
            "reader": Reader.objects.filter(study=study)[0].pk,
        }  # fmt: skip
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        client.get("/")
        print(f"{items} items, {seats} seats\n{'page':60} {'CPU s':>6} {'queries':>8} {'kB':>8}")
        for page in PAGES:
            client.get(page.format(**names))  # what is loaded once is not the page's
            before = time.process_time()
            with CaptureQueriesContext(connection) as asked:
                answer = client.get(page.format(**names))
                content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            print(f"{page:60} {time.process_time() - before:6.2f} {len(asked):8} {len(content) / 1000:8.0f}", flush=True)
    finally:
        runner.teardown_databases(old)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
