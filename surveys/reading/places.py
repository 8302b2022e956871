"""Where a reader is in a survey. Computed from what was recorded, so that every device agrees."""

from dataclasses import dataclass

from django.urls import reverse

from surveys.models import Block, SurveyResponse


@dataclass(frozen=True)
class Place:
    """One place on the way: its name, and its block where it has one."""

    name: str
    block: Block | None = None

    def address(self, token: str) -> str:
        kwargs = {"token": token}
        if self.name in ("block", "break"):
            kwargs["position"] = self.block.position
        return reverse(f"surveys:{self.name}", kwargs=kwargs)


def place_of(survey_response: SurveyResponse) -> Place:
    """The first step that is not done: consent, about, instructions, practice, then block by block, then thanks.

    Before a block that was not opened yet stands the page "break".
    """
    steps = (
        ("consent", survey_response.consented_at),
        ("about", survey_response.described_at),
        ("instructions", survey_response.instructed_at),
        ("practice", survey_response.practised_at),
    )
    for name, done in steps:
        if done is None:
            return Place(name)
    sittings = {row.block_id: row for row in survey_response.block_sittings.order_by()}
    for block in Block.objects.filter(survey=survey_response.survey_id).order_by("position"):
        sitting = sittings.get(block.pk)
        if sitting is None:
            return Place("break", block)
        if sitting.sealed_at is None:
            return Place("block", block)
    return Place("thanks")
