"""What the demo shows: a heading per step, lines below it, and bars while something lasts. Without a terminal, no bars."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

LAYOUT = "    {desc:<22}{percentage:3.0f}%|{bar:28}| {elapsed}{postfix}"


class Console:
    """`write` takes whole lines. `live`: whether bars are drawn (standard error is a terminal)."""

    def __init__(self, write: Callable[[str], object]):
        self._write = write
        self.live = sys.stderr.isatty()

    def line(self, text: str) -> None:
        if self.live:
            with tqdm.external_write_mode(file=sys.stderr):
                self._write(text)
        else:
            self._write(text)

    def say(self, text: str) -> None:
        self.line(f"    {text}")

    @contextmanager
    def bar(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """A callback (done, total) that moves one bar."""
        with self.bars([title]) as show:
            yield lambda done, total: show(0, done / total if total else 1.0, None)

    @contextmanager
    def bars(self, titles: Sequence[str]) -> Iterator[Callable[[int, float, float | None], None]]:
        """A callback (which, share done, seconds left or None) for several bars below one another."""
        drawn = [
            tqdm(total=1.0, desc=title, position=place, bar_format=LAYOUT, leave=False, disable=not self.live)
            for place, title in enumerate(titles)
        ]

        def show(which: int, share: float, seconds_left: float | None) -> None:
            bar = drawn[which]
            if bar.disable:
                return
            if seconds_left is None and 0 < share < 1:
                seconds_left = bar.format_dict["elapsed"] * (1 - share) / share
            bar.n = share
            bar.set_postfix_str(f"< {tqdm.format_interval(seconds_left)} left" if seconds_left else "", refresh=True)

        try:
            yield show
        finally:
            for bar in reversed(drawn):
                bar.close()
