"""A small study whose readers answer twice: alone, and with a network's output in sight."""

from pathlib import Path

from PIL import Image

from imagebank.models import Study, Truth
from surveys.services import NetworkOutput, create_survey_set, freeze_assistance, items_to_assist, load_protocol
from tests.surveys.study import PRESET as READING_PRESET
from tests.surveys.study import make_study

PRESET = READING_PRESET + """
[[reader_groups]]
code = "pediatrician"
singular = "pediatrician"
plural = "pediatricians"
[[questions]]
code = "second"
kind = "assisted"
step = 2
prompt = "And now, with the network's answer in sight?"
"""


def make_assisted_study(folder: Path, text: str = PRESET, slug: str = "assisted") -> Study:
    """Surveys drawn, no output frozen yet."""
    study = make_study(slug)
    path = folder / "study.toml"
    path.write_text(text)
    load_protocol(study=study, path=path)
    create_survey_set(study=study, seed=7)
    return study


def made_up_outputs(study: Study, folder: Path, right: float = 0.7) -> dict[tuple[str, str], NetworkOutput]:
    """A network that is right on every item but the first of each class, which it takes for the class before."""
    layer = folder / "layer.png"
    Image.new("RGBA", (48, 32), (200, 0, 0, 120)).save(layer)
    truth = dict(Truth.objects.filter(item__study=study).values_list("item__code", "diagnosis__code"))
    codes = list(study.classes.order_by("position").values_list("code", flat=True))
    outputs = {}
    for item, view in items_to_assist(study):
        wrong = codes[codes.index(truth[item]) - 1]
        answer = wrong if item.endswith("-0") else truth[item]
        shares = {code: right if code == answer else (1 - right) / (len(codes) - 1) for code in codes}
        outputs[item, view] = NetworkOutput(answer, shares, layer)
    return outputs


def freeze(study: Study, folder: Path):
    return freeze_assistance(study=study, network="small", outputs=made_up_outputs(study, folder))
