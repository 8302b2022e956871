"""The demo's steps. Each looks at what is there and does only the rest, so that an interrupted demo goes on."""

import io
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command

from imagebank.models import ImportRun, Item, ItemImage, Membership, Study

from .console import Console
from .networks import NETWORK
from .processes import StepFailed

FIXTURES = Path(settings.BASE_DIR) / "fixtures"
FOUNDING = FIXTURES / "founding"
REAL = FIXTURES / "human-vs-cnn-16"
REALISM = FIXTURES / "realism" / "study.toml"
RATED = "realism"
# Shares correct like those published, by reader group and view; the readers are simulated and marked so.
ACCURACIES = {
    ("medical-geneticist", "focused"): 0.62,
    ("medical-geneticist", "panoramic"): 0.71,
    ("pediatrician", "focused"): 0.47,
    ("pediatrician", "panoramic"): 0.555,
}
OPEN_SEAT = ("1", "pediatrician")


def demo_folder() -> Path:
    folder = Path(settings.VAR_DIR) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def load_founding(console: Console) -> Study:
    """The shipped preset of the founding study."""
    from imagebank.services.studies import load_study
    from surveys.services import load_protocol

    study = load_study(path=FOUNDING / "study.toml")
    load_protocol(study=study, path=FOUNDING / "study.toml")
    console.say(f"{study.title}: {study.classes.count()} classes, views {', '.join(study.view_codes())}.")
    return study


def draw_images(console: Console, *, scale: float, seed: int) -> Path:
    """The drawn image bank, and its manifest."""
    from imagebank.drawing import draw_bank

    with console.bar("pictures drawn") as progress:
        manifest = draw_bank(
            FOUNDING / "drawing.toml", demo_folder() / "bank", scale=scale, seed=seed, progress=progress
        )
    count = len(manifest.read_text(encoding="utf-8").splitlines()) - 1
    console.say(f"{count:,} pictures with their lesion masks. They are drawn, not photographs, and show nobody.")
    return manifest


def import_images(console: Console, *, study: Study, manifest: Path) -> None:
    from imagebank.services.importing import import_manifest

    with console.bar("pictures imported") as progress:
        run = import_manifest(study=study, manifest_path=manifest, progress=progress)
    console.say(f"{run.created:,} new, {run.unchanged:,} unchanged, {len(run.rejected):,} rejected.")
    if run.rejected:
        first = run.rejected[0]
        raise StepFailed(
            f"The drawn bank was not taken in whole; line {first['line']}: {first['message']} If an earlier version or "
            f"another --seed filled it, remove {settings.VAR_DIR} and run the demo again."
        )


def check_leaks(console: Console, *, study: Study) -> None:
    """The leakage check, unless the newest report is younger than all that belongs to a split."""
    from imagebank.services.leakage import check_leakage

    report = study.leakage_reports.first()
    brought = ImportRun.objects.filter(study=study, created__gt=0).order_by("-started_at").first()
    fresh = report and brought and report.created_at > brought.started_at
    divided = ItemImage.objects.filter(item__study=study, item__excluded_at=None).exclude(item__split="")
    if not fresh or report.images < divided.count():
        with console.bar("pictures compared") as progress:
            report = check_leakage(study=study, progress=progress)
    crossing = report.findings.filter(crosses_split=True).count()
    console.say(f"{report.images:,} pictures compared; {_pairs(crossing)} from training into the test set.")


def _pairs(count: int) -> str:
    return {0: "no pair crosses", 1: "1 pair crosses"}.get(count, f"{count:,} pairs cross")


def assemble(console: Console, *, study: Study, seed: int):
    from surveys.core import Certificate
    from surveys.services import create_survey_set

    survey_set = create_survey_set(study=study, seed=seed)
    console.say(f"{survey_set.surveys.count()} surveys; certificate:")
    for line in Certificate.from_dict(survey_set.certificate).to_text().splitlines():
        console.say(f"  {line}")
    return survey_set


def stamp_plan(console: Console, *, study: Study, plan: Path) -> None:
    """The analysis plan, fixed before the first answer."""
    from benchmark.services.plans import stamp_plan as stamp

    stamped = stamp(study=study, path=plan)
    console.say(f"Analysis plan, version {stamped.version}, stamped with the hash {stamped.sha256[:16]}.")


def let_network_answer(console: Console, *, study: Study) -> None:
    """The ensembles of both views together become one reader of the surveys."""
    from benchmark.services.networks import take_part
    from surveys.models import Survey

    take_part(study=study, name=NETWORK)
    surveys = Survey.objects.filter(survey_set__study=study).count()
    console.say(f"The classifier answered every item of the {surveys} surveys, in both views.")


def fill_seats(progress: Callable[[int, int], None], *, study: Study, rated: Study, seed: int) -> None:
    """Simulated people take every seat but one of each study, through the services that pages call."""
    from surveys.services import simulate_raters, simulate_readers

    open_seats = [(first_survey(study), OPEN_SEAT[1])]
    kept = [(first_survey(rated), group.code) for group in rated.reader_groups.all()]
    simulate_readers(study=study, seed=seed, accuracies=ACCURACIES, progress=progress, leave_open=open_seats)
    simulate_raters(study=rated, seed=seed, progress=progress, leave_open=kept)


def first_survey(study: Study) -> str:
    """The code of the survey whose seat stays open for a visitor."""
    from surveys.models import Survey

    return Survey.objects.filter(survey_set__study=study).order_by("number").first().code


def tell_seats(console: Console, *, studies: list[Study]) -> None:
    from surveys.models import Seat

    for study in studies:
        seats = Seat.objects.of_study(study).live()
        complete = seats.filter(state=Seat.State.COMPLETE).count()
        console.say(f"{study.title}: {complete} of {seats.count()} seats are complete.")
    console.say("The people in them are simulated, and every page says so.")


def load_real_study(console: Console) -> Study:
    """Real people against real networks, through the ordinary importers."""
    from imagebank.services.importing import import_manifest
    from imagebank.services.studies import load_study
    from surveys.services import import_readings, load_protocol

    study = load_study(path=REAL / "study.toml")
    load_protocol(study=study, path=REAL / "study.toml")
    stamp_plan(console, study=study, plan=REAL / "analysis.toml")
    import_manifest(study=study, manifest_path=REAL / "manifest.csv")
    brought = import_readings(study=study, path=REAL / "readings.csv")
    items = Item.objects.filter(study=study).count()
    console.say(
        f"{study.title}: {items} items; people's and networks' answers are real, {brought.created:,} of them new."
    )
    return study


def sign_ins(studies: list[Study]) -> list[tuple[str, str]]:
    """One account per role for the demo, each with its name as password, and an administrator."""
    made = []
    for role in Membership.Role.values:
        user, password = _account(role)
        for study in studies:
            Membership.objects.get_or_create(study=study, user=user, role=role)
        if role == Membership.Role.COORDINATOR:  # may begin studies of their own, too
            user.user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="imagebank"))
        made.append((role, password))
    return [*made, ("admin", _account("admin", is_staff=True, is_superuser=True)[1])]


def _account(name: str, **rights) -> tuple[object, str]:
    """The account of that name and its password; an account that is there keeps its sessions."""
    password = f"{name}-demo"
    user, _ = get_user_model().objects.get_or_create(username=name, defaults={"email": f"{name}@localhost", **rights})
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    return user, password


def publish_generated(console: Console, *, study: Study) -> None:
    """Pictures of the shipped small generator, frozen, audited and published for rating."""
    from generative.services.shipped import publish_shipped

    coordinator, _ = _account(Membership.Role.COORDINATOR)
    published = publish_shipped(study=study, user=coordinator)
    pictures = sum(publication.items.count() for publication in published)
    console.say(f"{len(published)} sets of a small generator trained on drawn images; {pictures:,} pictures published.")


def rating_study(console: Console, *, study: Study, seed: int) -> Study:
    """A study in which the generated pictures are rated, blinded, beside the drawn ones."""
    from surveys.models import Survey

    rated = Study.objects.filter(slug=RATED).first()
    if rated is None or not rated.survey_sets.exists():
        call_command(
            "create_rating_study", RATED, "--from", study.slug, "--preset", str(REALISM), "--singles", "24",
            "--pairs", "4", "--raters", "8", "--seed", str(seed), stdout=io.StringIO(),
        )  # fmt: skip
        rated = Study.objects.get(slug=RATED)
    sittings = Survey.objects.filter(survey_set__study=rated).count()
    console.say(f"{rated.title}: {sittings} sittings.")
    stamp_plan(console, study=rated, plan=REALISM.with_name("analysis.toml"))
    return rated


def open_seat_link(*, study: Study, group: str = "") -> str:
    """A fresh personal link to a seat that the demo leaves open, as a path."""
    from django.urls import reverse

    from surveys.models import Invitation, Seat
    from surveys.services import invite, revoke_invitation

    seats = Seat.objects.of_study(study).live().exclude(state=Seat.State.COMPLETE)
    seat = (seats.filter(group__code=group) if group else seats).first()
    if seat is None:
        return reverse("home")  # somebody has read it already
    for old in Invitation.objects.filter(seat=seat, revoked_at=None):
        revoke_invitation(invitation=old)
    seat.refresh_from_db()
    _, raw = invite(seat=seat, reader=seat.reader)
    return reverse("surveys:landing", args=[raw])


def results_preview(*, study: Study) -> str:
    """Where a coordinator sees what one of the simulated readers would learn after a release, as a path."""
    from django.urls import reverse

    network = study.readers.filter(code=NETWORK).first()
    return f"{reverse('surveys:debrief-preview', args=[study.slug])}?pictures=on&network={network.pk if network else ''}"
