"""The comparisons of both studies, computed at the same time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagebank.models import Study

from .console import Console
from .processes import MANAGE, end, finish, last_line, start

POLL_S = 0.3


@dataclass(frozen=True)
class Analysis:
    """One study's comparison: its plan, and the networks' probabilities where there are any."""

    study: Study
    plan: Path
    predictions: Path | None = None

    def command(self, seed: int) -> list[str]:
        more = ["--predictions", str(self.predictions)] if self.predictions else []
        return [*MANAGE, "compare", self.study.slug, "--plan", str(self.plan), "--seed", str(seed), *more]


def compare(console: Console, *, folder: Path, analyses: Sequence[Analysis], seed: int) -> None:
    """Run `manage.py compare` for every study and say where the reports lie."""
    logs = [folder / f"comparison-{analysis.study.slug}.log" for analysis in analyses]
    for log in logs:
        log.unlink(missing_ok=True)
    processes = [start(analysis.command(seed), log=log) for analysis, log in zip(analyses, logs)]
    try:
        with console.pulse(f"comparing {len(analyses)} studies") as beat:
            while any(process.poll() is None for process in processes):
                if any(process.poll() for process in processes):
                    break
                time.sleep(POLL_S)
                beat(f"{sum(process.poll() is not None for process in processes)} of {len(processes)} done")
        for analysis, process, log in zip(analyses, processes, logs):
            if process.poll() is not None:
                finish(process, f"The comparison of {analysis.study.slug}", log)
                console.say(f"{analysis.study.title}: {last_line(log)}")
    finally:
        end(processes)
