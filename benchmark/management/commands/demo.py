"""`make demo`: the main job, from images to a scored comparison, for real and at a small scale."""

import os
import signal
import subprocess
import sys
import time

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from tqdm import tqdm

from benchmark.demo import steps
from benchmark.services.comparison import run_comparison

VIEWS = ("focused", "panoramic")


class Command(BaseCommand):
    help = "Draw, import, assemble, train, read, compare; then serve. Interrupted, it goes on where it stopped."

    def add_arguments(self, parser):
        parser.add_argument("--scale", type=float, default=0.5, help="size of the training sets against the published")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--epochs", type=int, help="train for this many epochs instead of the preset's")
        parser.add_argument("--address", default="127.0.0.1:8000")
        parser.add_argument("--no-serve", action="store_true", help="stop when everything is computed")

    def handle(self, *args, **options):
        began = time.monotonic()
        call_command("migrate", verbosity=0)
        study = self.step("1 Load the founding study", steps.load_founding)
        scale, seed = options["scale"], options["seed"]
        manifest = self.step("2 Draw the image bank", steps.draw_images, scale=scale, seed=seed)
        self.step("  Import it", steps.import_images, study=study, manifest=manifest)
        self.step("3 Leakage check", steps.check_leaks, study=study)
        self.step("  Assemble the surveys", steps.assemble, study=study, seed=seed)
        ensembles = [
            self.step(f"4 Train the {view} ensemble", steps.train_and_predict, manifest=manifest, view=view,
                      epochs=options["epochs"])
            for view in VIEWS
        ]  # fmt: skip
        self.step("  The ensemble reads the surveys", steps.let_network_answer, study=study, ensembles=ensembles)
        with tqdm(total=59, desc="  sittings", unit="") as bar:
            self.step("5 Simulated readers fill the seats", steps.fill_seats, study=study, seed=seed,
                      progress=lambda done, total: bar.update(done - bar.n))  # fmt: skip
        real = self.step("  Real people against real networks", steps.load_real_study)
        for compared in (study, real):
            comparison = run_comparison(study=compared, seed=seed)
            self.stdout.write(f"6 {compared.title}: {comparison.folder / 'report.html'}")
        link = steps.open_seat_link(study=study)
        accounts = steps.sign_ins([study, real])
        self.stdout.write(f"7 Ready after {time.monotonic() - began:.0f} s.")
        self.tell(options["address"], accounts, link)
        if not options["no_serve"]:
            self.serve(options["address"])

    def step(self, title, function, **arguments):
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        began = time.monotonic()
        result = function(lambda line: self.stdout.write(f"    {line}"), **arguments)
        self.stdout.write(f"    {time.monotonic() - began:.1f} s")
        return result

    def tell(self, address, accounts, link):
        self.stdout.write(f"\n  Open  http://{address}/\n")
        for name, password in accounts:
            self.stdout.write(f"  Sign in as {name:<12} password {password}")
        self.stdout.write(f"\n  Read a survey right now:  http://{address}{link}\n\n  Stop with Ctrl-C.")

    def serve(self, address):
        """Start worker and web process together; ending one ends the other."""
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        celery = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "solo", "--loglevel", "WARNING"]
        children = [
            subprocess.Popen(celery, cwd=settings.BASE_DIR),
            subprocess.Popen([*manage, "runserver", "--noreload", address], cwd=settings.BASE_DIR),
        ]
        try:
            while all(child.poll() is None for child in children):
                time.sleep(0.5)
        except KeyboardInterrupt:
            self.stdout.write("Stopping.")
        finally:
            for child in children:
                if child.poll() is None:
                    os.kill(child.pid, signal.SIGTERM)
            for child in children:
                child.wait()
