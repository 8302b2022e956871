"""What the surveys hold of a study, in the order in which a deletion takes it away."""

from imagebank.models import Study
from imagebank.services.removal import Holding
from surveys.models import Stimulus, StimulusFrame, SurveyItem

SITTING = "survey_response__reader__study"

HOLDINGS = (
    Holding("surveys.ViewingEvent", SITTING, "entry of the viewing record", "entries of the viewing record"),
    Holding("surveys.Answer", SITTING, "saved answer", "saved answers"),
    Holding("surveys.BlockSitting", SITTING),
    Holding("surveys.Letter", "invitation__reader__study", "record of a letter", "records of letters"),
    Holding("surveys.ReleasedShare", "release__study"),
    Holding("surveys.SurveyResponse", "reader__study", "sitting", "sittings"),
    Holding("surveys.Invitation", "reader__study", "personal link", "personal links"),
    Holding("surveys.Reply", "reader__study"),
    Holding("surveys.Withdrawal", "reader__study"),
    Holding("surveys.ReaderContact", "reader__study", "name and e-mail address", "names and e-mail addresses"),
    Holding("surveys.Seat", "group__study"),
    Holding("surveys.ImportedReading", "reader__study", "imported reading", "imported readings"),
    Holding("surveys.DebriefRelease", "study", "release of results to readers", "releases of results to readers"),
    Holding("surveys.Reader", "study", "reader", "readers"),
    Holding("surveys.ControlItem", "assistance__study"),
    Holding("surveys.SurveyItem", "block__survey__survey_set__study", only={"repeat_of__isnull": False}),
    Holding("surveys.SurveyItem", "block__survey__survey_set__study"),
    Holding("surveys.Block", "survey__survey_set__study"),
    Holding("surveys.Survey", "survey_set__study", "survey with its seats", "surveys with their seats"),
    Holding("surveys.SurveySet", "study", "design with its certificate", "designs with their certificates"),
    Holding("surveys.StimulusFrame", "stimulus__study"),
    Holding("surveys.Stimulus", "study", "stimulus", "stimuli"),
    Holding("surveys.ShownOutput", "assistance__study", "output of a network as readers saw it", "outputs of a network as readers saw them"),
    Holding("surveys.Assistance", "study"),
    Holding("surveys.ServedPicture", "study", "picture as readers got it", "pictures as readers got them"),
    Holding("surveys.ReaderGroup", "study"),
    Holding("surveys.StudyProtocol", "study"),
)


def used_by(study: Study) -> list[str]:
    """A rating study shows pictures of another study's bank, which must outlive it."""
    rows = (
        Stimulus.objects.filter(item__study=study).exclude(study=study).values_list("study__title"),
        StimulusFrame.objects.filter(image__item__study=study).exclude(stimulus__study=study).values_list("stimulus__study__title"),
        SurveyItem.objects.filter(item__study=study)
        .exclude(block__survey__survey_set__study=study).values_list("block__survey__survey_set__study__title"),
    )  # fmt: skip
    titles = sorted({title for found in rows for (title,) in found.order_by().distinct()})
    return [f'"{title}" shows pictures of this study. Delete that study first.' for title in titles]


def needs_test_set(study: Study) -> list[str]:
    """Surveys are drawn from the test set, once."""
    return ["Surveys are drawn from this test set; another one needs a new study."] if study.survey_sets.exists() else []
