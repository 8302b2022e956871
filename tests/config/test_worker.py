"""A real worker on a real broker, killed in the middle of a job."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90


def environment(folder: Path, broker: str) -> dict:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DIPTYCH", "DATABASE"))}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DIPTYCH_VAR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "CELERY_BROKER_URL": broker,
    }


def django(env: dict, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shell(env: dict, code: str) -> str:
    return django(env, "shell", "--verbosity", "0", "-c", "import tests.config.worker_job\n" + code)


def start_worker(env: dict, log: Path, *options: str) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "config",
        "worker",
        "--pool",
        "solo",
        "-I",
        "tests.config.worker_job",
        *options,
    ]
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)


def wait_until(condition, log: Path):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)


def query(folder: Path, sql: str) -> tuple:
    with closing(sqlite3.connect(folder / "db.sqlite3", timeout=20)) as database:
        return database.execute(sql).fetchone()


def job_row(folder: Path) -> tuple:
    return query(folder, "SELECT state, result FROM imagebank_job")


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("broker", ["filesystem", pytest.param("redis", marks=pytest.mark.redis)])
def test_a_killed_workers_job_is_finished_by_the_next_one(tmp_path, migrated_database, broker):
    broker = "filesystem://" if broker == "filesystem" else os.environ["TEST_REDIS_URL"]
    env, log = environment(tmp_path, broker), tmp_path / "worker.log"
    shutil.copyfile(migrated_database, tmp_path / "db.sqlite3")
    queue = (
        "from imagebank.jobs import queue_job; "
        f"queue_job(study=None, kind='test.wait-for-file', title='t', payload={{'folder': '{tmp_path}'}})"
    )
    shell(env, queue)

    worker = start_worker(env, log)
    try:
        wait_until((tmp_path / "started-1").exists, log)
        worker.send_signal(signal.SIGTERM)  # as at a new release; the job outlasts the time that the worker is given
        wait_until(lambda: uncounted(tmp_path) == 1, log)
        worker = killed_and_started_again(worker, env, log)
        wait_until((tmp_path / "started-2").exists, log)
        worker = killed_and_started_again(worker, env, log)
        wait_until((tmp_path / "started-3").exists, log)
        assert uncounted(tmp_path) == 1
        (tmp_path / "go").touch()
        wait_until(lambda: job_row(tmp_path)[0] != "running", log)
        assert job_row(tmp_path) == ("succeeded", '{"attempt": 3}')
        wait_until(lambda: query(tmp_path, "SELECT count(*) FROM imagebank_workerbeat") == (1,), log)
    finally:
        worker.kill()
        worker.wait()


def uncounted(folder: Path) -> int:
    return query(folder, "SELECT uncounted_attempts FROM imagebank_job")[0]


def killed_and_started_again(worker: subprocess.Popen, env: dict, log: Path) -> subprocess.Popen:
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    shell(env, "from imagebank.jobs import reap_silent_jobs; assert reap_silent_jobs(silent_s=0) == 1")
    return start_worker(env, log)


@pytest.mark.once
@pytest.mark.django_db
def test_a_quick_job_is_done_while_a_long_one_runs(tmp_path, migrated_database):
    env, log = environment(tmp_path, "filesystem://"), tmp_path / "worker.log"
    shutil.copyfile(migrated_database, tmp_path / "db.sqlite3")
    queue = "queue_job(study=None, kind='test.{}', title='t', payload={{'folder': '" + str(tmp_path) + "'}})"
    workers = [start_worker(env, log), start_worker(env, log, "--hostname", "quick@%h", "--queues", "celery")]
    try:
        shell(env, f"from imagebank.jobs import queue_job; {queue.format('wait-for-file')}; {queue.format('wait-for-file')}")
        wait_until((tmp_path / "started-1").exists, log)
        shell(env, f"from imagebank.jobs import queue_job; {queue.format('quick')}")
        wait_until((tmp_path / "quick").exists, log)
        states = "SELECT count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'queued') FROM imagebank_job"
        beats = "SELECT name LIKE 'quick@%', takes_long FROM imagebank_workerbeat ORDER BY 1"
        with closing(sqlite3.connect(tmp_path / "db.sqlite3", timeout=20)) as database:
            assert database.execute(beats).fetchall() == [(0, 1), (1, 0)]
        wait_until(lambda: query(tmp_path, states) == (1, 1), log)  # the second long job did not go to the quick worker
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
