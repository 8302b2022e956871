"""What a blind colleague hears who follows a link: Orca, Debian's screen reader, on the reading and the rating page, by keyboard alone.

    python -m tests.accessibility.screen_reader            # both
    python -m tests.accessibility.screen_reader reading    # or one of them: reading, rating

Needs the Debian packages that `desktop.py` names. Starts a site of its own on this machine's loopback, a screen that nobody sees,
Chromium and Orca; goes through one sitting with Tab, Space and Enter; and prints every key with what Orca says after it. "(cut)" marks
what was silenced too soon to be heard.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.accessibility.desktop import Desktop, Heard
from tests.performance.reading_load import Site

MOST_STOPS = 30
PREPARE = """
import json, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from surveys.services import invite
from tests.surveys.rating_study import make_rating_study
from tests.surveys.study import group, make_surveyed_study, survey
study, rated = make_surveyed_study(), make_rating_study()
reading = invite(survey=survey(study), group=group(study))[1]
rating = invite(seat=survey(rated).seats.get())[1]
print(json.dumps({"reading": reading, "rating": rating}))
"""


class Walk:
    """Keys pressed and what was said after each, printed as it happens."""

    def __init__(self, desktop: Desktop, site: Site):
        self.desktop, self.site = desktop, site

    def tell(self, done: str, heard: list[Heard]) -> list[str]:
        words = [f"{one.words}{' (cut)' if one.cut else ''}" for one in heard] or ["(nothing)"]
        print(f"{done:<12}{words[0]}", *(f"{'':<12}{more}" for more in words[1:]), sep="\n", flush=True)
        return words

    def press(self, key: str) -> list[str]:
        return self.tell(key, self.desktop.press(key))

    def until_said(self, words: str) -> None:
        """Wait for what Orca says by itself."""
        for _ in range(MOST_STOPS):
            heard = self.desktop.hear()
            if heard:
                self.tell("(wait)", heard)
            if any(words in one.words for one in heard):
                return
        sys.exit(f"Orca never said {words!r}.")

    def to(self, words: str, key: str = "Tab") -> None:
        """Press Tab until Orca names what is wanted."""
        for _ in range(MOST_STOPS):
            if any(words in one for one in self.press(key)):
                return
        sys.exit(f"{words!r} is not said within {MOST_STOPS} presses of {key}.")

    def part(self, title: str) -> None:
        print(f"\n--- {title}", flush=True)


def until_block(walk: Walk, option: str) -> None:
    """Landing page, consent, the questions about oneself, instructions: to the practice."""
    walk.to("Start")
    walk.part("Consent")
    walk.press("Return")
    walk.to("I agree")
    walk.part("About you, sent without an answer first")
    walk.press("Return")
    walk.to("Continue")
    walk.press("Return")
    walk.to(option)
    walk.press("space")
    walk.to("Continue")
    walk.part("Instructions")
    walk.press("Return")
    walk.to("Go to the practice")
    walk.part("Practice")
    walk.press("Return")


def read(walk: Walk) -> None:
    """The reading page: a block of six images."""
    until_block(walk, "Genetics")
    walk.to("Brunosis")
    walk.press("space")
    walk.to("Begin with")
    walk.part("The first image")
    walk.press("Return")
    walk.to("Brunosis")
    walk.press("space")
    walk.press("space")
    walk.to("Next")
    walk.part("The second image, answered; then on to the end, the fourth left open")
    walk.press("Return")
    walk.to("Azurosis")
    walk.press("space")
    for number in range(3, 7):
        walk.to("Next")
        walk.press("Return")
        if number != 4:
            walk.to("Cyanosis")
            walk.press("space")
    walk.to("Next")
    walk.part("The end of the part")
    walk.press("Return")
    walk.to("Image 4")
    walk.part("Back at the fourth image, answered while the server is away; then it comes back")
    walk.press("Return")
    walk.to("Azurosis")
    walk.site.stop()
    walk.press("space")
    walk.site.start_web()
    walk.until_said("Azurosis, saved")
    walk.part("Sealed; the break; thanks")
    for _ in (4, 5, 6):
        walk.to("Next")
        walk.press("Return")
    walk.to("Seal and continue")
    walk.press("Return")
    walk.to("Go on")
    walk.part("The first image of the second part, answered with a number key")
    walk.press("Return")
    walk.press("2")


def rate(walk: Walk) -> None:
    """The rating page: the practice image and the first image, with all their questions."""
    until_block(walk, "Medical genetics")
    walk.part("Practice: the first question left open, then answered; then the others")
    walk.to("Next")
    walk.press("Return")
    answer_steps(walk, until="Begin with", steps=4)
    walk.part("The first image")
    walk.press("Return")
    answer_steps(walk, until="Next", steps=3)


def answer_steps(walk: Walk, until: str, steps: int) -> None:
    """Real or generated, how sure, how realistic, which condition, how plausible, what looks wrong."""
    walk.to("Real.")
    walk.press("space")
    walk.to("slider")
    walk.press("Right")
    walk.press("Right")
    for number in range(1, steps + 1):
        walk.to(until if number == steps else "Next")
        if number < steps:
            walk.press("Return")
            for key in ("Tab", "space", "Tab", "shift+Tab"):
                walk.press(key)


WALKS = {"reading": read, "rating": rate}


def main() -> None:
    """Walk and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("walk", nargs="?", choices=WALKS, help="one of them instead of both")
    named = parser.parse_args().walk
    with tempfile.TemporaryDirectory(prefix="diptych-orca-") as name:
        folder = Path(name)
        site = Site(folder, "sqlite", workers=1, threads=4)
        try:
            tokens = site.run(PREPARE)
            site.start_web()
            for walk in [named] if named else WALKS:
                print(f"\n=== {walk}")
                place = folder / walk
                place.mkdir()
                with Desktop(place) as desktop:
                    desktop.open(f"http://127.0.0.1:{site.port}/r/{tokens[walk]}/")
                    steps = Walk(desktop, site)
                    steps.until_said("Finished loading")
                    WALKS[walk](steps)
        finally:
            site.stop()


if __name__ == "__main__":
    main()
