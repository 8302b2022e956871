"""Many readers at once: answers a second, how long a save takes, and what killing a process loses.

    python -m tests.performance.reading_load                      # SQLite
    python -m tests.performance.reading_load --database postgres  # a PostgreSQL of its own, from Debian's package
    python -m tests.performance.reading_load --readers 484 --pace 5 --seconds 60 --kill web

Starts gunicorn (and PostgreSQL) on this machine's loopback alone, with a database of its own. `--readers` people open
their links and load their first block of 27 images; once all sit there, everybody answers for `--seconds`, and the
second block follows where there is time. Like the page, a save carries the answer and what the screen showed before it.
`--pace` is the mean pause between two answers of one reader; without it everybody answers as fast as the server lets
them. `--kill web`, `worker` or `database` sends kill -9 in the middle,
starts the process again, and compares what was acknowledged with what is stored.

The clients are threads of one process on the same machine and take their share of its cores. On a machine that does
other work too, `answers_per_server_cpu_s` is the number to compare: answers per second of processor time that the web
server and the database spent in the measured interval, pages and images of the second block included.
"""

import argparse
import http.client
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S, MOST_READERS = 300, 1000
PREPARE = """
import json, sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from surveys.services import invite
from tests.surveys.study import group, make_load_study
count = int(sys.argv[1])
study = make_load_study(readers=count)
groups = [group(study, "geneticist"), group(study, "pediatrician")]
print(json.dumps([invite(group=groups[number % 2])[1] for number in range(count)]))
"""
KEPT = """
import json, django
django.setup()
from surveys.models import Answer, SurveyResponse
from surveys.services import answer_log_fault
faults = [fault for fault in map(answer_log_fault, SurveyResponse.objects.all()) if fault]
print(json.dumps([[str(event) for event in Answer.objects.values_list("event_id", flat=True)], faults]))
"""


@dataclass
class Tally:
    """What all clients saw; guarded by a lock."""

    saves_ms: list = field(default_factory=list)
    pages_ms: list = field(default_factory=list)
    images_ms: list = field(default_factory=list)
    acknowledged: list = field(default_factory=list)
    sent: set = field(default_factory=set)
    errors: dict = field(default_factory=dict)
    ready: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def failed(self, why: str) -> None:
        with self.lock:
            self.errors[why] = self.errors.get(why, 0) + 1


class Reader:
    """One physician's browser: opens the link, loads the block's images, answers, saves again what was not acknowledged."""

    def __init__(self, port: int, token: str, tally: Tally, arguments, go: threading.Event, stop: threading.Event):
        self.go = go
        self.port, self.token, self.tally, self.arguments, self.stop = port, token, tally, arguments, stop
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.random = random.Random(token)

    def ask(self, method: str, path: str, body: str | None = None, kind: str = "application/x-www-form-urlencoded"):
        """(status, location, body, milliseconds); tried again on a broken line until the time is over."""
        while True:
            started = time.monotonic()
            try:
                self.connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
                answer = self.connection.getresponse()
                data = answer.read()
                if answer.status < 500:
                    return answer.status, answer.headers.get("Location", ""), data, 1000 * (time.monotonic() - started)
                self.tally.failed(f"{method} status {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                self.tally.failed(f"{method} {type(error).__name__}")
            if self.stop.wait(0.5):
                return 0, "", b"", 0.0

    def read(self) -> None:
        here = f"/r/{self.token}/"
        self.stop.wait(self.random.random() * self.arguments.ramp)
        for path, form in (("", ""), ("consent/", ""), ("about-you/", "specialty=Genetics"), ("instructions/", ""),
                           ("practice/", "")):  # fmt: skip
            for method, body in (("GET", None), ("POST", form)):
                *_, took = self.ask(method, here + path, body)
                self.note(self.tally.pages_ms, took)
        while not self.stop.is_set():
            _, place, data, _ = self.ask("POST", here, "")
            if "/block/" not in place:
                if "/break/" not in place:
                    return
                self.ask("POST", place, "")
                continue
            *_, data, took = self.ask("GET", place)
            self.note(self.tally.pages_ms, took)
            items = json.loads(data.split(b'id="block-data"')[1].split(b">", 1)[1].split(b"</script>")[0])["items"]
            for item in items:
                *_, took = self.ask("GET", item["image"])
                self.note(self.tally.images_ms, took)
            self.wait_for_all()
            for item in items:
                self.answer(here, item["id"])
                if self.stop.is_set():
                    return
            self.ask("POST", f"{place.split('?')[0]}seal/", "")

    def wait_for_all(self) -> None:
        if not self.go.is_set():
            with self.tally.lock:
                self.tally.ready += 1
            self.go.wait()

    def answer(self, here: str, item: str) -> None:
        shown = {"id": str(uuid4()), "type": "shown", "item": item, "client_ms": 1000.5, "detail": {"width": 358, "height": 268}}
        answer = {"id": str(uuid4()), "type": "answer", "item": item, "chosen": self.random.choice(("ZQA", "ZQB", "ZQC")),
                  "rt_ms": 4000, "client_ms": 5000.5}  # fmt: skip
        with self.tally.lock:
            self.tally.sent.add(answer["id"])
        body = json.dumps({"events": [shown, answer]})
        status, _, data, took = self.ask("POST", f"{here}events/", body, "application/json")
        if status == 200:
            saved = json.loads(data)
            with self.tally.lock:
                self.tally.acknowledged += [name for name in saved["saved"] if name == answer["id"]]
                self.tally.saves_ms.append(took)
            if saved["refused"]:
                self.tally.failed(f"refused: {saved['refused'][0]['why']}")
        elif status:
            self.tally.failed(f"save status {status}")
        self.stop.wait(self.arguments.pace * (0.5 + self.random.random()))

    def note(self, times: list, took: float) -> None:
        with self.tally.lock:
            times.append(took)


def _kill_session(leader: int) -> int:
    """kill -9 of every process of the leader's session that still runs; returns how many."""
    killed = 0
    for path in glob("/proc/[0-9]*/stat"):
        try:
            state, _, _, session = Path(path).read_text().rsplit(")", 1)[1].split()[:4]
            if session == str(leader) and state != "Z":
                os.kill(int(path.split("/")[2]), signal.SIGKILL)
                killed += 1
        except OSError:
            continue
    return killed


class Site:
    """The web server and its database, in process groups of their own."""

    def __init__(self, folder: Path, database: str, workers: int, threads: int):
        self.folder, self.database, self.workers, self.threads = folder, database, workers, threads
        self.port, self.web, self.worker, self.postgres = free_port(), None, None, None
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings.dev", "DEBUG": "0", "DIPTYCH_VAR": str(folder / "var"),
            "LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1", "CELERY_BROKER_URL": "filesystem://",
            "DATABASE_URL": f"sqlite:///{folder / 'load.sqlite3'}",
        }  # fmt: skip
        if database == "postgres":
            self.data, self.database_port = folder / "postgres", free_port()
            self.data.mkdir()
            self.as_postgres(
                "initdb", "-D", str(self.data / "data"), "-U", "diptych", "-A", "trust", "-E", "UTF8", "--no-locale"
            )
            self.environment["DATABASE_URL"] = f"postgres://diptych@127.0.0.1:{self.database_port}/postgres"
            self.start_database()

    def as_postgres(self, tool: str, *arguments: str, background: bool = False):
        """PostgreSQL refuses to run as root, so root hands it to the account that Debian's package makes."""
        found = shutil.which(tool) or max(glob(f"/usr/lib/postgresql/*/bin/{tool}"), default=None)
        if found is None:
            sys.exit(f"PostgreSQL's {tool} is missing; install it (Debian: apt-get install postgresql).")
        command = [found, *arguments]
        if os.getuid() == 0:
            shutil.chown(self.data, "postgres")
            command = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--", *command]
        if background:
            return subprocess.Popen(command, cwd=self.data, start_new_session=True, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)  # fmt: skip
        return subprocess.run(command, cwd=self.data, check=True, stdout=subprocess.DEVNULL)

    def start_database(self) -> None:
        self.postgres = self.as_postgres(
            "postgres", "-D", str(self.data / "data"), "-p", str(self.database_port), "-k", str(self.data),
            "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", background=True,
        )  # fmt: skip
        self.until_recovered()

    def until_recovered(self) -> None:
        """After a kill the port is open long before the log is replayed."""
        import psycopg

        for _ in range(600):
            try:
                psycopg.connect(self.environment["DATABASE_URL"], connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        sys.exit("PostgreSQL does not come back.")

    def start_web(self) -> None:
        self.web = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "config.wsgi", "--worker-class", "gthread", "--workers", str(self.workers),
             "--threads", str(self.threads), "--keep-alive", "30", "--bind", f"127.0.0.1:{self.port}", "--backlog", "2048",
             "--worker-connections", "2000", "--log-level", "error"],
            env=self.environment, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        until_healthy(self.port)

    def start_worker(self) -> None:
        self.worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "solo", "--loglevel", "ERROR"],
            env=self.environment, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def cpu_s(self) -> float:
        """Processor time that the web server's and the database's processes have used so far."""
        groups = {str(process.pid) for process in (self.web, self.postgres) if process is not None}
        ticks = 0
        for path in glob("/proc/[0-9]*/stat"):
            try:
                fields = Path(path).read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[3] in groups:  # the session: PostgreSQL gives each of its processes a group of its own
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def kill(self, what: str) -> None:
        """kill -9 of every process of the web server, the worker or the database, and start it again."""
        process = {"web": self.web, "worker": self.worker, "database": self.postgres}[what]
        while killed := _kill_session(process.pid):  # the last of them holds the port until it is gone
            time.sleep(0.05 * killed)
        process.wait()
        if what == "web":
            self.start_web()
        elif what == "worker":
            self.start_worker()
        else:
            time.sleep(1)
            (self.data / "data" / "postmaster.pid").unlink(missing_ok=True)
            self.start_database()

    def run(self, script: str, *arguments: str):
        done = subprocess.run([sys.executable, "-c", script, *arguments], env=self.environment, cwd=ROOT,
                              capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout.strip().splitlines()[-1])

    def stop(self) -> None:
        for process in (self.web, self.worker, self.postgres):
            if process is not None and process.poll() is None:
                os.killpg(process.pid, signal.SIGQUIT if process is self.postgres else signal.SIGTERM)
                process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_healthy(port: int) -> None:
    """Wait until the web server answers: its port may be open a moment before, and one that was killed may leave it open a moment longer."""
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    sys.exit(f"Nothing answers on port {port}.")


def percentile(times: list[float], share: float) -> float | None:
    """The smallest time that at least `share` of all do not exceed; None without any."""
    return round(sorted(times)[min(len(times) - 1, int(share * len(times)))], 1) if times else None


@dataclass
class Played:
    """What the readers saw, how long they answered, and the processor time that the servers spent meanwhile."""

    tally: Tally
    seated: int
    opening_s: float
    took_s: float
    cpu_s: float | None


def play(site: Site, tokens: list[str], arguments) -> Played:
    """Let everybody open their link, then answer until the time is over."""
    tally, go, stop = Tally(), threading.Event(), threading.Event()
    threading.stack_size(256 * 1024)
    readers = [threading.Thread(target=Reader(site.port, token, tally, arguments, go, stop).read) for token in tokens]
    opened = time.monotonic()
    for reader in readers:
        reader.start()
    while tally.ready < len(readers) and time.monotonic() < opened + LONGEST_S:
        time.sleep(0.1)
    started, spent, seated = time.monotonic(), site.cpu_s(), tally.ready
    go.set()
    if arguments.kill:
        stop.wait(arguments.seconds / 2)
        site.kill(arguments.kill)
    while time.monotonic() < started + arguments.seconds and any(reader.is_alive() for reader in readers):
        stop.wait(0.2)
    stop.set()
    took, spent = time.monotonic() - started, site.cpu_s() - spent
    for reader in readers:
        reader.join()
    return Played(tally, seated, started - opened, took, None if arguments.kill else spent)


def machine() -> str:
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]  # fmt: skip
    return f"{len(os.sched_getaffinity(0))} cores ({names[0] if names else platform.machine()}), Python {platform.python_version()}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--pace", type=float, default=0.0, help="mean pause between two answers of one reader, seconds")
    parser.add_argument("--ramp", type=float, default=5.0, help="the readers open their links within so many seconds")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--kill", choices=["web", "worker", "database"])
    arguments = parser.parse_args()
    if not 1 <= arguments.readers <= MOST_READERS or not 1 <= arguments.seconds <= LONGEST_S:
        parser.error(f"at most {MOST_READERS} readers and {LONGEST_S} seconds")
    if arguments.kill == "database" and arguments.database == "sqlite":
        parser.error("SQLite is part of the web process: use --kill web")
    return arguments


def main() -> None:
    """Play it and print the result as JSON; exit 1 when anything acknowledged is lost or a chain is broken."""
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="diptych-load-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        site = Site(folder, arguments.database, arguments.workers, arguments.threads)
        try:
            tokens = site.run(PREPARE, str(arguments.readers))
            site.start_web()
            load = os.getloadavg()[0]
            if arguments.kill == "worker":
                site.start_worker()
            played = play(site, tokens, arguments)
            kept, faults = site.run(KEPT)
        finally:
            site.stop()
    tally = played.tally
    lost = set(tally.acknowledged) - set(kept)
    answers = len(tally.acknowledged)
    result = {
        "machine": machine(),
        "load_before": round(load, 1),
        **{key: value for key, value in vars(arguments).items() if value is not None},
        "seated_together": played.seated,
        "opening_s": round(played.opening_s, 1),
        "measured_s": round(played.took_s, 1),
        "answers_acknowledged": answers,
        "answers_per_s": round(answers / played.took_s, 1),
        "server_cpu_s": None if played.cpu_s is None else round(played.cpu_s, 1),
        "answers_per_server_cpu_s": round(answers / played.cpu_s, 1) if played.cpu_s else None,
        "save_p50_ms": percentile(tally.saves_ms, 0.5),
        "save_p95_ms": percentile(tally.saves_ms, 0.95),
        "save_p99_ms": percentile(tally.saves_ms, 0.99),
        "pages": len(tally.pages_ms),
        "page_p95_ms": percentile(tally.pages_ms, 0.95),
        "images": len(tally.images_ms),
        "image_p95_ms": percentile(tally.images_ms, 0.95),
        "errors_then_retried": tally.errors,
        "acknowledged_but_lost": len(lost),
        "stored_but_never_sent": len(set(kept) - tally.sent),
        "broken_chains": faults,
    }
    print(json.dumps(result, indent=1))
    sys.exit(1 if lost or faults else 0)


if __name__ == "__main__":
    main()
