"""`make demo`: the main job, from images to a scored comparison, for real and at a small scale."""

import errno
import fcntl
import logging
import os
import resource
import shutil
import time
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from benchmark.demo import analyses, networks, second_look, serving, site_networks, steps
from benchmark.demo.analyses import Analysis
from benchmark.demo.console import Console
from benchmark.demo.processes import StepFailed
from imagebank.drawing import DrawingError

NEEDED_BYTES = 700 * 2**20


class Command(BaseCommand):
    help = "Draw, import, assemble, train, read, compare; then serve. Interrupted, it goes on where it stopped."

    def add_arguments(self, parser):
        parser.add_argument("--scale", type=float, default=0.5, help="size of the training sets against the published")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--epochs", type=int, help="train for this many epochs instead of the preset's")
        parser.add_argument("--address", default="127.0.0.1:8000", help="host:port or port of the site")
        parser.add_argument("--no-serve", action="store_true", help="stop when everything is computed")

    def handle(self, *args, **options):
        os.environ["LOG_LEVEL"] = os.environ.get("LOG_LEVEL", "WARNING")
        logging.getLogger().setLevel(os.environ["LOG_LEVEL"])  # libraries' lines belong into a server's log
        logging.getLogger("kombu").setLevel(logging.ERROR)  # it misses a host name, which a folder has not
        with _in_one_sentence():
            host, port = serving.parse_address(options["address"])
            if not options["no_serve"]:
                serving.require_free(host, port)
            _require_space()
            with _alone():
                self.compute(Console(self.stdout.write), options, f"{host}:{port}")
            if not options["no_serve"]:
                serving.serve(host, port, self.stdout.write)

    def compute(self, console: Console, options, address: str) -> None:
        """All steps; each does only what is not there yet."""
        began = time.monotonic()
        call_command("migrate", verbosity=0)
        self.console, folder, seed = console, steps.demo_folder(), options["seed"]
        self.detailed = options["verbosity"] > 1
        study = self.step("1 Load the founding study", steps.load_founding)
        manifest = self.step("2 Draw the image bank", steps.draw_images, scale=options["scale"], seed=seed)
        self.step("  Import it", steps.import_images, study=study, manifest=manifest)
        self.step("3 Leakage check", steps.check_leaks, study=study)
        self.step("  Assemble the surveys", steps.assemble, study=study, seed=seed)
        self.step("  Stamp the analysis plan", steps.stamp_plan, study=study, plan=steps.FOUNDING / "analysis.toml")
        real = self.step("  Real people against real networks, the second study", steps.load_real_study)
        self.step("  Generated pictures", steps.publish_generated, study=study)
        rated = self.step("  A study in which they are rated, the third one", steps.rating_study, study=study, seed=seed)
        twice = self.step(
            "  A study whose readers answer twice, the fourth one", second_look.begin, manifest=manifest, seed=seed
        )  # fmt: skip
        others = [Analysis(real, folder), Analysis(rated, folder)]
        meanwhile = [
            networks.Meanwhile("simulated sittings", partial(steps.fill_seats, study=study, rated=rated, seed=seed)),
            networks.Meanwhile("other comparisons", partial(analyses.compare_in_turn, analyses=others, seed=seed)),
        ]
        runs = self.step(
            "4 Train five networks for each view, together", networks.train_and_predict,
            folder=folder, manifest=manifest, settings=_settings(options["epochs"]), meanwhile=meanwhile,
        )  # fmt: skip
        views = [run.view for run in runs]
        self.step("  Its runs on the site", site_networks.show_networks, study=study, folder=folder, views=views)
        self.step("  The classifier reads the surveys", steps.let_network_answer, study=study)
        self.step("  People answer alone, and again beside the classifier", second_look.read, study=twice, folder=folder, seed=seed)
        self.step("5 Simulated people, who filled the seats meanwhile", steps.tell_seats, studies=[study, rated, twice])
        predictions = networks.combined_predictions(folder, views)
        first = Analysis(study, folder, predictions)
        last = [first, Analysis(twice, folder)]
        self.step("6 Compare and write the report", analyses.compare, analyses=last, seed=seed)
        analyses.tell_reports(console, analyses=[*last, *others])
        accounts = steps.sign_ins([study, real, rated, twice])
        links = {
            "Read a survey right now:": steps.open_seat_link(study=study, group=steps.OPEN_SEAT[1]),
            "Answer twice, the second time beside a network:": steps.open_seat_link(study=twice, group=second_look.OPEN_GROUP),
            "Rate generated pictures:": steps.open_seat_link(study=rated),
            "What a reader may learn afterwards (as coordinator):": steps.results_preview(study=twice),
        }
        console.line(self.style.MIGRATE_HEADING(f"7 Ready after {time.monotonic() - began:.0f} s"))
        self.tell(console, address, accounts, links)

    def step(self, title, function, **arguments):
        self.console.line(self.style.MIGRATE_HEADING(title))
        began, computed = time.monotonic(), _computing_s()
        result = function(self.console, **arguments)
        took = f"{time.monotonic() - began:.1f} s"
        self.console.say(f"({took}, {_computing_s() - computed:.1f} s of computing)" if self.detailed else f"({took})")
        return result

    def tell(self, console, address, accounts, links):
        console.line(f"\n  Open  http://{address}/\n")
        for name, password in accounts:
            console.line(f"  Sign in as {name:<12} password {password}")
        console.line("")
        for what, link in links.items():
            console.line(f"  {what}  http://{address}{link}")
        console.line("\n  Stop with Ctrl-C.")


def _settings(epochs: int | None) -> dict[str, tuple[str, ...]]:
    more = (f"recipe.epochs={epochs}",) if epochs else ()
    return {view: (*settings, *more) for view, settings in networks.settings_here().items()}


def _computing_s() -> float:
    """Seconds of all cores so far, those of processes that have ended included."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@contextmanager
def _in_one_sentence():
    """Every way in which a step can fail, as one sentence and an exit status."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    except (StepFailed, DrawingError) as error:
        raise CommandError(str(error)) from error
    except (OSError, OperationalError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error):
            raise CommandError(_disk_full()) from error
        raise
    except KeyboardInterrupt:
        raise CommandError("Stopped. Run the same command again; it goes on from here.", returncode=130) from None


def _disk_full() -> str:
    return (
        f"The disk of {settings.VAR_DIR} is full. The demo needs about {NEEDED_BYTES // 2**20} MB there: make room, or "
        "name another folder with DIPTYCH_VAR=/path, and run the same command again; it goes on where it stopped."
    )


def _require_space() -> None:
    used = sum(file.stat().st_size for file in steps.demo_folder().rglob("*") if file.is_file())
    if shutil.disk_usage(settings.VAR_DIR).free + 2 * used < NEEDED_BYTES:
        raise StepFailed(_disk_full())


@contextmanager
def _alone():
    """Hold the demo's lock; the system frees it however the process ends."""
    with (steps.demo_folder() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StepFailed(f"Another demo is being computed in {settings.VAR_DIR}; wait for its end.") from error
        yield
