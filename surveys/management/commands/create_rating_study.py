import tomllib
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import transaction

from imagebank.management.terminal import input_errors, study_named
from imagebank.models import Provenance, Study
from surveys.services import create_rating_study, stimuli_from_items
from surveys.services.rating_items import GENERATED_VIEW


class Command(BaseCommand):
    help = (
        "Make a rating study of real and generated images from the items of other studies, and print its certificate."
    )

    def add_arguments(self, parser):
        parser.add_argument("study", help="slug of the rating study; it is made when there is none")
        parser.add_argument(
            "--from", dest="sources", nargs="+", required=True, help="slugs of the studies with the images"
        )
        parser.add_argument("--preset", type=Path, default=Path("fixtures/realism/study.toml"))
        parser.add_argument("--view", help="view of the real images; the first of the first study if not given")
        parser.add_argument("--singles", type=int, default=40, help="single images in all, half of them real")
        parser.add_argument("--pairs", type=int, default=0)
        parser.add_argument("--practice", type=int, default=3)
        parser.add_argument("--raters", type=int, default=12)
        parser.add_argument("--seed", type=int, required=True)

    def handle(self, *, study, sources, preset, view, singles, pairs, practice, raters, seed, **options):
        from surveys.core import Certificate

        found = [study_named(slug) for slug in sources]
        with input_errors(), transaction.atomic():
            stimuli = stimuli_from_items(
                sources=found,
                real_view=view or (found[0].view_codes() or [""])[0],
                singles=singles,
                pairs=pairs,
                practice=practice,
                seed=seed,
            )
            row, _ = Study.objects.get_or_create(slug=study, defaults=_about(preset, found))
            survey_set = create_rating_study(study=row, preset=preset, stimuli=stimuli, raters=raters, seed=seed)
        self.stdout.write(Certificate.from_dict(survey_set.certificate).to_text())
        self.stdout.write(
            f"{survey_set.surveys.count()} sittings of {len(stimuli)} stimuli in {row.slug}, seed {seed}."
        )


def _about(preset: Path, sources: list[Study]) -> dict:
    """Title and summary of the preset; what the images are is said as in the studies that they come from."""
    try:
        about = tomllib.loads(preset.read_text(encoding="utf-8")).get("study", {})
    except (OSError, ValueError):
        about = {}
    shown = Provenance.objects.filter(image__item__study__in=sources).exclude(image__view=GENERATED_VIEW)
    found = {source.nature for source in sources} | set(shown.values_list("nature", flat=True))
    natures = sorted(nature for nature in found if nature and not nature.startswith(GENERATED_VIEW))
    return {
        "title": about.get("title", "Real or generated?"),
        "summary": about.get("summary", ""),
        "nature": "; ".join(natures)[:100],
    }
