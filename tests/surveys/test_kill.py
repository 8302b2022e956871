"""Killing the web process in the middle of a sitting loses no answer that was acknowledged."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parents[2]
PREPARE = """
import json, django
django.setup()
from surveys.models import BlockSitting, SurveyItem
from surveys.services import invite, open_block
from tests.surveys.sitting import begin_by_link
from tests.surveys.study import group, make_surveyed_study, survey
study = make_surveyed_study()
_, token = invite(survey=survey(study), group=group(study))
response = begin_by_link(token)
block = response.survey.blocks.get(position=1)
open_block(survey_response=response, block=block)
print(json.dumps([token, list(block.survey_items.values_list("public_id", flat=True))]))
"""
KEPT = """
import json, django
django.setup()
from surveys.models import Answer, SurveyResponse
from surveys.services import answer_log_fault
print(json.dumps([[str(event) for event in Answer.objects.values_list("event_id", flat=True)],
                  answer_log_fault(SurveyResponse.objects.get())]))
"""


def run(script, environment):
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(port, environment):
    """A web server in a process group of its own, once it answers."""
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--workers", "1", "--threads", "4", "--bind",
         f"127.0.0.1:{port}"], env=environment, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/r/nobody/", timeout=5)  # noqa: S310
        except urllib.error.HTTPError:
            return server
        except OSError:
            time.sleep(0.1)
    pytest.fail("the web server did not start")


@pytest.mark.once
@pytest.mark.django_db
def test_a_killed_web_process_loses_no_acknowledged_answer(tmp_path, migrated_database):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.surveys.served", "DIPTYCH_VAR": str(tmp_path), "DATABASE_URL": "",
    }  # fmt: skip
    environment.pop("DATABASE_URL")
    shutil.copyfile(migrated_database, tmp_path / "killed.sqlite3")
    token, items = run(PREPARE, environment)
    port = free_port()
    server = serve(port, environment)
    acknowledged, sent = [], []

    def read():
        """Choose without a pause until the server is gone."""
        while True:
            event = {"id": str(uuid4()), "type": "answer", "item": items[len(sent) % len(items)], "chosen": "ZQA"}
            sent.append(event["id"])
            request = urllib.request.Request(  # noqa: S310
                f"http://127.0.0.1:{port}/r/{token}/events/",
                json.dumps({"events": [event]}).encode(),
                {"Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    acknowledged.extend(json.load(answer)["saved"])
            except (OSError, http.client.HTTPException):  # killed before or within an answer
                return

    reader = threading.Thread(target=read)
    reader.start()
    while len(acknowledged) < 25 and reader.is_alive():
        time.sleep(0.01)
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    server.stderr.close()
    reader.join()
    assert len(acknowledged) >= 25
    kept, fault = run(KEPT, environment)
    assert set(acknowledged) <= set(kept)
    assert set(kept) <= set(sent)
    assert fault is None
