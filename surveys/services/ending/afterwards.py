"""What a study offers its readers once they have read: their own results, and a certificate of participation."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError

# Of the questions of a rating study these have a right answer: where a picture comes from is known, how real it looks is not.
WITH_A_RIGHT_ANSWER = ("real_or_generated", "pair")
LONGEST_ISSUER = 200
NOTHING_TO_TELL = (
    "afterwards.debrief tells readers which of their answers were right, and none of this rating study's questions has a right "
    "answer. Ask one of the kind " + " or ".join(WITH_A_RIGHT_ANSWER) + ", or leave afterwards.debrief out."
)


def clean_afterwards(table: Mapping, *, questions: Sequence[Mapping], rates: bool) -> dict:
    """The protocol's values from a preset's table `afterwards`: debrief (true or false) and certificate_issuer (a line).

    questions: as the protocol keeps them; rates: of a rating study. Anything else in the table raises ValidationError.
    """
    unknown = sorted(set(table) - {"debrief", "certificate_issuer"})
    if unknown:
        raise ValidationError(f"The table afterwards knows debrief and certificate_issuer; the preset names {', '.join(unknown)}.")
    debrief, issuer = table.get("debrief", False), table.get("certificate_issuer", "")
    if not isinstance(debrief, bool):
        raise ValidationError(f"afterwards.debrief is true or false; the preset says {debrief!r}.")
    if not isinstance(issuer, str) or len(issuer) > LONGEST_ISSUER or not issuer.isprintable():
        raise ValidationError(
            f"afterwards.certificate_issuer is one line of at most {LONGEST_ISSUER} characters that says who certifies, such as "
            f'"Department of Genetics, Example Hospital"; the preset says {issuer!r:.60}.'
        )
    if debrief and rates and not any(row["kind"] in WITH_A_RIGHT_ANSWER for row in questions):
        raise ValidationError(NOTHING_TO_TELL)
    return {"debrief_offered": debrief, "certificate_issuer": " ".join(issuer.split())}
