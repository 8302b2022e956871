"""The comparisons of both studies, computed at the same time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagebank.models import Study

from .console import Console
from .events import EventTail
from .processes import MANAGE, end, finish, last_line, start

POLL_S = 0.3


@dataclass(frozen=True)
class Analysis:
    """One study's comparison by its stamped plan, with the networks' probabilities where there are any."""

    study: Study
    folder: Path
    predictions: Path | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"comparison-{self.study.slug}.log"

    @property
    def events(self) -> Path:
        return self.folder / f"comparison-{self.study.slug}.jsonl"

    def command(self, seed: int) -> list[str]:
        more = ["--predictions", str(self.predictions)] if self.predictions else []
        return [*MANAGE, "compare", self.study.slug, "--seed", str(seed), "--events", str(self.events), *more]


def compare(console: Console, *, analyses: Sequence[Analysis], seed: int) -> None:
    """Run `manage.py compare` for every study and say where the reports lie."""
    for analysis in analyses:
        analysis.log.unlink(missing_ok=True)
        analysis.events.unlink(missing_ok=True)
    tails = [EventTail(analysis.events) for analysis in analyses]
    processes = [start(analysis.command(seed), log=analysis.log) for analysis in analyses]
    shares = [0.0] * len(analyses)
    try:
        with console.bars([analysis.study.slug for analysis in analyses]) as show:
            while any(one.poll() is None for one in processes) and not any(one.poll() for one in processes):
                time.sleep(POLL_S)
                for place, tail in enumerate(tails):
                    shares[place] = max([shares[place], *(event["progress"] for event in tail.read())])
                    show(place, shares[place], None)
        for analysis, process in zip(analyses, processes):
            if process.poll() is not None:
                finish(process, f"The comparison of {analysis.study.slug}", analysis.log)
                console.say(f"{analysis.study.title}: {last_line(analysis.log)}")
    finally:
        end(processes)
