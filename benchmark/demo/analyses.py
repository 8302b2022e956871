"""The comparisons of the demo's studies, each by a process of its own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagebank.models import Study

from .console import Console
from .events import EventTail
from .processes import MANAGE, YIELDING, end, finish, last_line, start

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
        compare = [*MANAGE, "compare", "--skip-checks", self.study.slug]  # the demo itself has checked the site
        return [*compare, "--seed", str(seed), "--events", str(self.events), *more]


def compare(console: Console, *, analyses: Sequence[Analysis], seed: int) -> None:
    """Run `manage.py compare` for every study at the same time."""
    with console.bars([analysis.study.slug for analysis in analyses]) as show:
        _compute(analyses, seed, show, before=())


def compare_in_turn(progress: Callable[[float, int], None], *, analyses: Sequence[Analysis], seed: int) -> None:
    """The same one after another, on what other work leaves of the cores."""
    for place, analysis in enumerate(analyses):

        def show(_, share: float, left, place: int = place) -> None:
            progress(place + share, len(analyses))

        _compute([analysis], seed, show, before=YIELDING)


def tell_reports(console: Console, *, analyses: Sequence[Analysis]) -> None:
    """Where each study's report lies."""
    for analysis in analyses:
        console.say(f"{analysis.study.title}: {last_line(analysis.log)}")


def _compute(
    analyses: Sequence[Analysis], seed: int, show: Callable[[int, float, float | None], None], *, before: Sequence[str]
) -> None:
    for analysis in analyses:
        analysis.log.unlink(missing_ok=True)
        analysis.events.unlink(missing_ok=True)
    tails = [EventTail(analysis.events) for analysis in analyses]
    processes = [start([*before, *analysis.command(seed)], log=analysis.log) for analysis in analyses]
    shares = [0.0] * len(analyses)
    try:
        while any(one.poll() is None for one in processes) and not any(one.poll() for one in processes):
            time.sleep(POLL_S)
            for place, tail in enumerate(tails):
                shares[place] = max([shares[place], *(event["progress"] for event in tail.read())])
                show(place, shares[place], None)
        for analysis, process in zip(analyses, processes):
            if process.poll() is not None:
                finish(process, f"The comparison of {analysis.study.slug}", analysis.log)
    finally:
        end(processes)
