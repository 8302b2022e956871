"""Studies that were read to the end and whose comparison is computed, ready for their readers to learn how they did."""

from django.contrib.auth.models import User
from django.urls import reverse

from benchmark.models import Comparison
from imagebank.models import Membership
from surveys.models import SurveyItem, SurveyResponse
from surveys.services import (
    add_link,
    close_reading,
    finish_response,
    invite,
    open_block,
    open_invitation,
    seal_block,
    simulate_raters,
)
from tests.surveys.rating_study import PRESET, make_rating_study
from tests.surveys.sitting import answer, begin_by_link
from tests.surveys.study import group, make_surveyed_study, survey

ISSUER = "Department of Genetics, Example Hospital"
AFTERWARDS = f'\n[afterwards]\ndebrief = true\ncertificate_issuer = "{ISSUER}"\n'
OTHER = {"ZQA": "ZQB"}  # what is answered where it shall not be right; of the other classes ZQA


def compared(study) -> Comparison:
    """A comparison as the results' room stores it; only its moment counts here."""
    number = study.comparisons.count()
    return Comparison.objects.create(study=study, inputs_sha256=f"{number:064d}", hashes={}, results={}, simulated=False)


def read_by_link(study, number: int, right: int = 2, blank: int = 0, **invited):
    """The raw link and the finished sitting of survey `number`: of each block the first `right` are right, the last `blank` blank."""
    _, raw = invite(survey=survey(study, number), group=group(study), **invited)
    response = begin_by_link(raw)
    for block in response.survey.blocks.all():
        open_block(survey_response=response, block=block)
        rows = list(block.survey_items.select_related("item__truth__diagnosis").order_by("position"))
        for place, row in enumerate(rows):
            truth = row.item.truth.diagnosis.code
            said = truth if place < right else OTHER.get(truth, "ZQA")
            answer(response, row, said if place < len(rows) - blank else None)
        seal_block(survey_response=response, block=block)
    return raw, finish_response(survey_response=response)


def make_read_study(readers: int = 1, *, closed: bool = True, slug: str = "small", **protocol):
    """A study with `readers` who finished, and the links of each; the first had 2 images of each view right, the others 1."""
    study = make_surveyed_study(slug, **{"debrief_offered": True, "certificate_issuer": ISSUER} | protocol)
    links = [read_by_link(study, number, right=2 if number == 1 else 1)[0] for number in range(1, readers + 1)]
    if closed:
        close_reading(study=study)
        compared(study)
    study.refresh_from_db()
    return study, links


def make_rated_study(folder):
    """A rating study of six simulated raters who finished, and the link of one of them."""
    preset = folder / "study.toml"
    preset.write_text(PRESET.read_text(encoding="utf-8") + AFTERWARDS, encoding="utf-8")
    study = make_rating_study(preset=preset)
    simulate_raters(study=study, seed=3)
    sitting = study.readers.filter(kind="human").order_by("pk").first().responses.get()
    _, raw = add_link(invitation=sitting.invitation)
    close_reading(study=study)
    compared(study)
    study.refresh_from_db()
    return study, sitting, raw


def sitting_of(raw: str) -> SurveyResponse:
    return open_invitation(raw).response


def at(raw: str, name: str = "own-results", **more) -> str:
    return reverse(f"surveys:{name}", kwargs={"token": raw} | more)


def pages(raw: str) -> list[str]:
    """Every address of results below a link, with a picture of the first sitting that there is."""
    own = SurveyItem.objects.filter(block__survey__responses__isnull=False).order_by("pk").first().public_id
    return [at(raw), at(raw, "own-item", number=1), at(raw, "own-image", public_id=own)]


def statuses(client, raw: str) -> list[int]:
    return [client.get(address).status_code for address in pages(raw)]


def text(client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def signed_in(client, study, role="coordinator"):
    user = User.objects.create_user(f"{role}-{study.slug}", email="c@example.org")
    Membership.objects.create(study=study, user=user, role=role)
    client.force_login(user)
    return user
