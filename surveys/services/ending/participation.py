"""That somebody took part: the facts of a certificate, and the code by which its issuer knows it again. No name is kept."""

import base64
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.timezone import localdate

from imagebank.models import Study
from surveys.models import Reader, SurveyItem, SurveyResponse

SALT = "surveys.participation"
CODE_BYTES, GROUP = 10, 4


@dataclass(frozen=True)
class Participation:
    """What a certificate says of one sitting: how many pages of images, from when to when, for whom. code: see `code_of`."""

    images: int
    began_at: datetime
    finished_at: datetime
    issuer: str
    code: str
    simulated: bool = False

    @property
    def one_day(self) -> bool:
        return localdate(self.began_at) == localdate(self.finished_at)


def participation_of(survey_response: SurveyResponse) -> Participation | None:
    """The facts of the certificate; None where the study gives none, and until the last block is sealed."""
    protocol = survey_response.reader.study.protocol
    if not protocol.certificate_issuer or survey_response.finished_at is None:
        return None
    return Participation(
        images=SurveyItem.objects.filter(block__survey=survey_response.survey_id).count(),
        began_at=survey_response.started_at,
        finished_at=survey_response.finished_at,
        issuer=protocol.certificate_issuer,
        code=code_of(survey_response),
        simulated=survey_response.simulated,
    )


def code_of(survey_response: SurveyResponse) -> str:
    """80 bits that only this site can make of the sitting, as "ABCD-EFGH-JKLM-NPQR": nothing personal is in them."""
    return next(_codes(survey_response))


def _codes(survey_response: SurveyResponse) -> Iterator[str]:
    """With the site's secret of today, then with those before it."""
    said = f"{survey_response.public_id} {survey_response.finished_at.isoformat()}"
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        digest = salted_hmac(SALT, said, secret=secret, algorithm="sha256").digest()[:CODE_BYTES]
        text = base64.b32encode(digest).decode()
        yield "-".join(text[start : start + GROUP] for start in range(0, len(text), GROUP))


def find_participation(*, study: Study, code: str) -> Participation | None:
    """The facts that a certificate with this code must say; None for a code of no sitting, or of one that was withdrawn."""
    wanted = _plain(code)
    sittings = SurveyResponse.objects.of_study(study).filter(reader__kind=Reader.Kind.HUMAN, finished_at__isnull=False)
    for sitting in sittings.select_related("reader__study__protocol"):
        if any(hmac.compare_digest(_plain(own), wanted) for own in _codes(sitting)):
            return participation_of(sitting)
    return None


def _plain(code: str) -> bytes:
    """A typed code without spaces and hyphens; 0, 1 and 8, which no code has, read as the letters they look like."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return letters.translate(str.maketrans("018", "OIB")).encode()
