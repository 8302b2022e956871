"""What the generators' room holds of a study, in the order in which a deletion takes it away."""

from generative.models import Generator, GeneratorRun, Publication
from imagebank.models import Study
from imagebank.services.removal import Holding

HOLDINGS = (
    Holding("generative.Publication", "study"),
    Holding("generative.Sample", "image_set__study", "generated picture", "generated pictures"),
    Holding("generative.ImageSet", "study", "set of generated pictures", "sets of generated pictures"),
    Holding("generative.Generator", "study", "network that makes pictures", "networks that make pictures"),
    Holding("generative.GeneratorRun", "study", "training of a generator", "trainings of generators"),
)
WEIGHTS = "generators/weights/"


def folders(study: Study) -> list[str]:
    runs = study.generator_runs.values_list("public_id", flat=True)
    hashes = study.generators.values_list("weights_hash", flat=True)
    return [*(f"generators/runs/{run}" for run in runs), *(f"{WEIGHTS}{weights}" for weights in hashes)]


def still_used(folder: str) -> bool:
    """Whether a generator of any study has its weights in `folder`: two studies share one copy."""
    return folder.startswith(WEIGHTS) and Generator.objects.filter(weights_hash=folder.removeprefix(WEIGHTS)).exists()


def untie(study: Study) -> None:
    """A run starts from a generator and makes one: the ring must be opened before either can go."""
    study.generator_runs.update(parent=None)


def used_by(study: Study) -> list[str]:
    """Pictures that were published into another study, and runs of another study that start from a network of this one."""
    published = Publication.objects.filter(image_set__study=study).exclude(study=study)
    started = GeneratorRun.objects.filter(parent__study=study).exclude(study=study)
    titles = sorted({*published.values_list("study__title", flat=True), *started.values_list("study__title", flat=True)})
    return [f'"{title}" uses pictures or networks that were generated here. Delete that study first.' for title in titles]


def needs_test_set(study: Study) -> list[str]:
    """Generators learned from the training items: one of those must not become a test item afterwards."""
    runs = study.generator_runs.count()
    learned = "1 training of a generator" if runs == 1 else f"{runs} trainings of generators"
    return [f"{learned} used this split; pictures of it would be made of test items."] if runs else []
