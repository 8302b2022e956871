"""The demo's steps. Each looks at what is there and does only the rest, so that an interrupted demo goes on."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

from imagebank.models import Item, Membership, Study

FIXTURES = Path(settings.BASE_DIR) / "fixtures"
FOUNDING = FIXTURES / "founding"
# Shares correct like those published, by reader group and view; the readers are simulated and marked so.
ACCURACIES = {
    ("medical-geneticist", "focused"): 0.62,
    ("medical-geneticist", "panoramic"): 0.71,
    ("pediatrician", "focused"): 0.47,
    ("pediatrician", "panoramic"): 0.555,
}
OPEN_SEAT = ("1", "pediatrician")
Say = Callable[[str], None]


def demo_folder() -> Path:
    folder = Path(settings.VAR_DIR) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def load_founding(say: Say) -> Study:
    """The shipped preset of the founding study."""
    from imagebank.services.studies import load_study
    from surveys.services import load_protocol

    study = load_study(path=FOUNDING / "study.toml")
    load_protocol(study=study, path=FOUNDING / "study.toml")
    say(f"{study.title}: {study.classes.count()} classes, views {', '.join(study.view_codes())}.")
    return study


def draw_images(say: Say, *, scale: float, seed: int) -> Path:
    """The drawn image bank, and its manifest."""
    from imagebank.drawing import draw_bank

    manifest = draw_bank(FOUNDING / "drawing.toml", demo_folder() / "bank", scale=scale, seed=seed)
    say("Drawn, not photographs.")
    return Path(manifest)


def import_images(say: Say, *, study: Study, manifest: Path) -> None:
    from imagebank.services.importing import import_manifest

    run = import_manifest(study=study, manifest_path=manifest)
    say(str(run))


def check_leaks(say: Say, *, study: Study) -> None:
    from imagebank.services.leakage import check_leakage

    report = check_leakage(study=study)
    crossing = report.findings.filter(crosses_split=True).count()
    say(f"{report.images} images compared; {crossing} pairs cross from training into the test set.")


def assemble(say: Say, *, study: Study, seed: int):
    from surveys.core import Certificate
    from surveys.services import create_survey_set

    survey_set = create_survey_set(study=study, seed=seed)
    say(f"{survey_set.surveys.count()} surveys; certificate:")
    for line in Certificate.from_dict(survey_set.certificate).to_text().splitlines():
        say(f"  {line}")
    return survey_set


def train_and_predict(say: Say, *, manifest: Path, view: str, epochs: int | None = None) -> Path:
    """Train the five members for one view, predict the test items, apply the paper's rule; return ensemble.csv."""
    run, out = demo_folder() / f"network-{view}", demo_folder()
    predictions, ensemble = out / f"predictions-{view}.csv", out / f"ensemble-{view}.csv"
    train = ["train", str(manifest), "--view", view, "--preset", "tiny", "--out", str(run)]
    _networks(train + (["--set", f"recipe.epochs={epochs}"] if epochs else []))
    _networks(
        ["predict", str(run), str(manifest), "--split", "test", "--model", "classifier", "--out", str(predictions)]
    )
    _networks(["ensemble", str(predictions), "--rule", "confident-mean", "--threshold", "0.5", "--out", str(ensemble)])
    say(f"{view}: {accuracy(ensemble):.1%} of the test images right.")
    return ensemble


def _networks(arguments: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "models_ml.core", *arguments], check=True, cwd=settings.BASE_DIR)


def answers_of(ensemble: Path) -> dict[tuple[str, str], str]:
    """Class code by (item, view): the class with the largest probability."""
    with ensemble.open(newline="") as file:
        rows = list(csv.DictReader(file))
    classes = [name for name in rows[0] if name.startswith("p_")]
    return {(row["item"], row["view"]): max(classes, key=lambda name: float(row[name]))[2:] for row in rows}


def accuracy(ensemble: Path) -> float:
    answers = answers_of(ensemble)
    with ensemble.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return sum(answers[row["item"], row["view"]] == row["truth"] for row in rows) / len(rows)


def let_network_answer(say: Say, *, study: Study, ensembles: list[Path]) -> None:
    from surveys.services import record_model_answers

    answers = {key: answer for path in ensembles for key, answer in answers_of(path).items()}
    record_model_answers(study=study, name="classifier", answers=answers)
    say("The ensemble answered every item of the 30 surveys.")


def fill_seats(say: Say, *, study: Study, seed: int, progress=None) -> None:
    from surveys.models import Survey
    from surveys.services import simulate_readers

    first = Survey.objects.filter(survey_set__study=study).order_by("number").first()
    count = simulate_readers(
        study=study, seed=seed, accuracies=ACCURACIES, progress=progress, leave_open=[(first.code, OPEN_SEAT[1])]
    )
    say(f"{count} sittings of simulated readers.")


def load_real_study(say: Say) -> Study:
    """Real people against real networks, through the ordinary importers."""
    from imagebank.services.importing import import_manifest
    from imagebank.services.studies import load_study
    from surveys.services import import_readings, load_protocol

    home = FIXTURES / "human-vs-cnn-16"
    study = load_study(path=home / "study.toml")
    load_protocol(study=study, path=home / "study.toml")
    import_manifest(study=study, manifest_path=home / "manifest.csv")
    brought = import_readings(study=study, path=home / "readings.csv")
    say(f"{study.title}: {Item.objects.filter(study=study).count()} items, {brought.created} new readings.")
    return study


def sign_ins(studies: list[Study]) -> list[tuple[str, str]]:
    """One account per role for the demo, each with its name as password, and an administrator."""
    user_model = get_user_model()
    made = []
    for role in Membership.Role.values:
        user, _ = user_model.objects.get_or_create(username=role, defaults={"email": f"{role}@localhost"})
        user.set_password(f"{role}-demo")
        user.save()
        for study in studies:
            Membership.objects.get_or_create(study=study, user=user, role=role)
        made.append((role, f"{role}-demo"))
    admin, _ = user_model.objects.get_or_create(
        username="admin", defaults={"email": "admin@localhost", "is_staff": True, "is_superuser": True}
    )
    admin.set_password("admin-demo")
    admin.save()
    return [*made, ("admin", "admin-demo")]


def open_seat_link(*, study: Study) -> str:
    """A fresh personal link to the seat that the demo leaves open, as a path."""
    from django.urls import reverse

    from surveys.models import Invitation, Seat
    from surveys.services import invite, revoke_invitation

    seat = (
        Seat.objects.of_study(study).live().filter(group__code=OPEN_SEAT[1]).exclude(state=Seat.State.COMPLETE).first()
    )
    if seat is None:
        return reverse("home")  # somebody has read it already
    for old in Invitation.objects.filter(seat=seat, revoked_at=None):
        revoke_invitation(invitation=old)
    seat.refresh_from_db()
    _, raw = invite(seat=seat, reader=seat.reader)
    return reverse("surveys:landing", args=[raw])
