"""What the image bank holds of a study, in the order in which a deletion takes it away."""

from imagebank.models import Study
from imagebank.services.removal import Holding

HOLDINGS = (
    Holding("imagebank.LeakageReport", "study", "leakage report", "leakage reports"),
    Holding("imagebank.ImportRun", "study", "import report", "import reports"),
    Holding("imagebank.Job", "study", "job with its log", "jobs with their logs"),
    Holding("imagebank.Membership", "study", "role of a person", "roles of people"),
    Holding("imagebank.DiagnosisReview", "item__study", "review of a diagnosis", "reviews of diagnoses"),
    Holding("imagebank.Truth", "item__study"),
    Holding("imagebank.Provenance", "image__item__study"),
    Holding("imagebank.Rendition", "image__item__study"),
    Holding("imagebank.ItemImage", "item__study", "picture with its web copies", "pictures with their web copies"),
    Holding("imagebank.Item", "study", "item with its reference class", "items with their reference classes"),
    Holding("imagebank.DiagnosisClass", "study"),
)


def used_by(study: Study) -> list[str]:
    """Rehearsals show the pictures of the study that they rehearse: whoever deletes it wants them gone everywhere."""
    titles = Study.objects.filter(rehearsal_of=study.slug).order_by("pk").values_list("slug", "title")
    return [f'"{title}" ({slug}) is a rehearsal of this study and shows its pictures. Delete it first.' for slug, title in titles]
