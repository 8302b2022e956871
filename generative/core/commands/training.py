"""train: a recipe and a manifest into a run folder, or on from where it stands."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from generative.core.commands.telling import suggest
from generative.core.errors import InputError
from generative.core.training.recipe import AUTO_FINE_TUNING, AUTO_RULES, FAST, Recipe, preset


def recipe_of(options) -> Recipe:
    recipe = preset(options.recipe, options.resolution, gpus=int(os.environ.get("WORLD_SIZE", "1")))
    changes: dict = _ruled(options) | (FAST if options.fast else {})
    if options.transition:
        changes |= {"transition": options.transition, "unconditional_loss": True}
    for key, text in options.options:
        changes[key] = _parsed(text)
    if options.ordinal:
        if len(options.ordinal) != 3:
            raise InputError(f"--ordinal needs three class names (low,middle,high); found {len(options.ordinal)}.")
        changes["ordinal"] = options.ordinal
    if options.kimg is not None:
        changes["total_kimg"] = options.kimg
    return recipe.with_options(**changes)


def _ruled(options) -> dict:
    """What `auto` changes for a run that starts from a network. A run that goes on keeps what the rule gave it when it began, on
    however many GPUs it goes on and whatever the rule says by now."""
    from generative.core.training.snapshots import latest_snapshot, read_facts

    if options.recipe != "auto":
        return {}
    begun = latest_snapshot(options.out)
    if begun is None:
        return dict(AUTO_FINE_TUNING) if options.start else {}
    recipe = Recipe.from_json(read_facts(begun)["recipe"])
    return {name: getattr(recipe, name) for name in AUTO_RULES}


def _parsed(text: str):
    """A value as JSON, or as the word it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def run_train(options) -> int:
    from generative.core.data import read_manifest
    from generative.core.training.distributed import speaks
    from generative.core.training.loop import train

    recipe = recipe_of(options)
    table = read_manifest(options.manifest, resolution=recipe.resolution, classes=options.classes, view=options.view,
                          fit=options.fit)  # fmt: skip
    data = table.split("train")
    with stopping() as asked, Progress(recipe.total_kimg) as progress:
        result = train(recipe, data, options.out, seed=options.seed, start=options.start, start_preset=options.preset,
                       licence=options.licence, device=options.device, on_event=progress, should_cancel=asked)  # fmt: skip
    if not speaks():
        return 0
    if result.report:
        print(f"Started by {result.report['preset']}: {len(result.report['loaded'])} tensors loaded, "
             f"{len(result.report['fresh'])} fresh (listed in training.json){_pace(result.report)}.")  # fmt: skip
    print(f"Trained to {result.images / 1000:g} kimg, augmentation at {result.ada_p:.3f}; weights in {result.snapshot}.")
    suggest("generate", result.snapshot, "--out", "set.zip")
    return 0


def _pace(report: dict) -> str:
    if "ada_kimg" not in report:  # a run begun by an earlier version
        return ""
    ramp = "has no ramp" if report["ema_rampup"] is None else "ramps up as from scratch"
    return f"; augmentation adapts over {report['ada_kimg']:g} kimg, the average {ramp}"


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether Control-C or SIGTERM asked to stop: the first one waits for the step to end, a second one does not. Afterwards the
    former handlers are back."""
    signals: list[int] = []

    def ask(number: int, _) -> None:
        signals.append(number)
        if len(signals) > 1:
            raise KeyboardInterrupt
        print("stopping after this step; the same command continues", file=sys.stderr, flush=True)

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(signals)
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class Progress:
    """A bar on a terminal. Elsewhere a line for every KID and snapshot, and one at most every LINE_EVERY_S with the time left, so that
    the log of a long run shows that it is alive."""

    LINE_EVERY_S = 60.0

    def __init__(self, total_kimg: float, stream=None):
        from tqdm import tqdm

        stream = stream or sys.stderr
        self.total_kimg, self.live = total_kimg, stream.isatty()
        self.bar = tqdm(total=round(total_kimg, 3), unit="kimg", file=stream, disable=not self.live)
        self.before, self.began = 0.0, time.monotonic()  # where this call goes on from, and when it began to
        self.told = self.began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def __call__(self, event: dict) -> None:
        kind, kimg = event["event"], event["kimg"]
        if kind == "start":
            self.before, self.began = kimg, time.monotonic()
            self.bar.initial = self.bar.n = self.bar.last_print_n = kimg  # else what an earlier call did would count as this one's pace
        elif self.live and kind == "progress":
            self.bar.update(kimg - self.bar.n)
            self.bar.set_postfix(p=event["ada_p"], g=event["loss_g"], d=event["loss_d"], refresh=False)
        elif not self.live and kind == "progress" and time.monotonic() - self.told >= self.LINE_EVERY_S:
            self.told = time.monotonic()
            print(f"{kimg:g} of {self.total_kimg:g} kimg: losses {event['loss_g']:.3f} and {event['loss_d']:.3f}, augmentation at "
                  f"{event['ada_p']:.3f}, {self._pace(kimg)}", flush=True)  # fmt: skip
        elif not self.live and kind in ("kid", "snapshot"):
            print(f"{kimg:g} kimg: {kind} {event.get('kid', event.get('path'))}", flush=True)

    def _pace(self, kimg: float) -> str:
        """Time per thousand pictures and time left, both of this call alone."""
        per_kimg = (time.monotonic() - self.began) / (kimg - self.before)
        left = self.bar.format_interval(per_kimg * max(self.total_kimg - kimg, 0.0))
        return f"{per_kimg:.3g} s per kimg, {left} left"
