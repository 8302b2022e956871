from pathlib import Path

from django.core.management.base import BaseCommand

from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import input_errors, study_named
from surveys.services import balance_warnings, begin_rating_study, shipped_preset
from surveys.services.rating.new_study import naming_warnings


class Command(BaseCommand):
    help = (
        "Make a rating study of real and generated images from the items of other studies, and print its certificate."
    )

    def add_arguments(self, parser):
        parser.add_argument("study", help="slug of the rating study; it is made when there is none")
        parser.add_argument(
            "--from", dest="sources", nargs="+", required=True, help="slugs of the studies with the images"
        )
        questions = parser.add_mutually_exclusive_group()
        questions.add_argument("--language", default="en", help="of the shipped questions and words: en or de (default en)")
        questions.add_argument("--preset", type=Path, help="a study.toml of your own instead of the shipped one")
        parser.add_argument("--view", default="", help="view of the real images; the first of the first study if not given")
        parser.add_argument("--singles", type=int, default=40, help="single images in all, half of them real")
        parser.add_argument("--pairs", type=int, default=0)
        parser.add_argument("--strips", type=int, help="morph strips in all, of morphs and each control equally many; all when left out")
        parser.add_argument("--practice", type=int, default=3)
        parser.add_argument("--practice-others", type=int, default=0, help="pairs, strips and grids to practise with, of each kind shown")
        parser.add_argument("--raters", type=int, default=12)
        parser.add_argument("--seed", type=int, required=True)
        add_json_argument(parser)
        parser.add_argument("--image-sets", nargs="*", default=[], help="hashes, or their beginnings; all when left out")
        parser.add_argument(
            "--require-tones", action="store_true",
            help="refuse where no real image of the class is within a step of a generated one's skin tone",
        )  # fmt: skip

    def handle(self, *, study, sources, seed, **options):
        from surveys.core import Certificate

        asked = {name: options[name] for name in ("view", "singles", "pairs", "practice", "practice_others", "strips", "raters",
                                                  "image_sets", "require_tones")}  # fmt: skip
        found = [study_named(slug) for slug in sources]
        with input_errors():
            preset = options["preset"] or shipped_preset(options["language"])
            survey_set = begin_rating_study(slug=study, sources=found, seed=seed, preset=preset, **asked)
            warnings = balance_warnings(survey_set.certificate) + naming_warnings(sources=found, preset=preset)
        sittings, stimuli = survey_set.surveys.count(), survey_set.study.stimuli.count()
        lines = [
            Certificate.from_dict(survey_set.certificate).to_text(), *(f"Warning: {warning}" for warning in warnings),
            f"{sittings} sittings of {stimuli} stimuli in {study}, seed {seed}.",
        ]  # fmt: skip
        facts = {"study": study, "sittings": sittings, "stimuli": stimuli, "seed": seed, "warnings": warnings}
        told = Outcome("\n".join(lines), facts | {"certificate": survey_set.certificate})
        tell(self, told, as_json=options["json"])
