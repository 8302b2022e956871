"""Real and generated images of a rating study are matched in skin tone, and the certificate says how well."""

import io
import json
import random

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.management import call_command
from PIL import Image

from imagebank.models import Item, ItemImage, Study, Truth
from surveys.core.__main__ import main as core
from surveys.core.rating_design import RatingPart, draw_rating_design
from surveys.core.shape import DesignError
from surveys.services import create_rating_study, stimuli_from_items, verify_survey_set
from surveys.services.rating.tones import tones_of
from tests.surveys.rating_study import PRESET
from tests.surveys.study import make_study

pytestmark = pytest.mark.django_db
SKIN = {1: (240, 214, 198), 4: (203, 158, 123), 7: (139, 92, 63), 10: (68, 45, 34)}


def picture(study, code, tone, *, recorded=False, **attributes):
    shade = tuple(channel + random.Random(code).randint(-3, 3) for channel in SKIN[tone])
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), shade).save(buffer, "PNG")
    facts = attributes | ({"skin_tone": str(tone)} if recorded else {})
    item = Item.objects.create(study=study, code=code, split="" if attributes else "test", attributes=facts)
    Truth.objects.create(item=item, diagnosis=study.classes.get(code="ZQC"))
    image = ItemImage(
        item=item, view="focused", width=20, height=20, original_sha256=f"{code:0>64}"[-64:], pixel_sha256=code
    )
    image.file.save(f"{code}.png", ContentFile(buffer.getvalue()), save=True)
    return image


def fill(study, real, made, *, recorded=True):
    """Real test images of the given tones, recorded or not, and generated ones that say nothing of theirs."""
    Item.objects.filter(study=study).update(split="")
    for number, tone in enumerate(real):
        picture(study, f"real-{number}", tone, recorded=recorded)
    for number, tone in enumerate(made):
        picture(
            study,
            f"made-{number}",
            tone,
            generated=True,
            kind="sample",
            stated_class="ZQC",
            image_set=f"{number % 2}abc",
        )
    return {"sources": [study], "real_view": "focused", "pairs": 0, "practice": 0, "seed": 5}


def test_curated_and_random_images_stand_in_equal_numbers_among_singles_and_pairs():
    """However many more random ones there are, and though the curated ones match no better."""
    study = make_study("bank")
    given = fill(study, real=[1, 4, 7, 10] * 3, made=[])
    for number in range(9):
        condition = "curated" if number < 3 else "random"
        picture(study, f"new-{number}", 4, generated=True, kind="sample", stated_class="ZQC", condition=condition)
    specs = stimuli_from_items(singles=8, **given | {"pairs": 2})
    singles = [spec.condition for spec in specs if spec.kind == "single" and spec.frames[0].origin == "generated"]
    assert sorted(singles) == ["curated", "curated", "random", "random"]
    assert sorted(spec.condition for spec in specs if spec.kind == "pair") == ["curated", "random"]
    assert [spec.condition for spec in stimuli_from_items(singles=16, **given)].count("curated") == 3


def couples(specs):
    rated = [spec for spec in specs if spec.kind == "single"]
    return [(real.tone, made.tone) for real, made in zip(rated[::2], rated[1::2], strict=True)]


def test_every_generated_image_stands_beside_a_real_one_of_its_tone():
    """The generated ones say nothing of tone: it is learnt from the pictures whose tone is recorded."""
    given = fill(make_study("bank"), real=[1, 1, 4, 7, 7, 10], made=[10, 7, 4, 1])
    pairs = couples(stimuli_from_items(singles=8, **given, require_tones=True))
    assert sorted(pairs) == [("1", "1"), ("10", "10"), ("4", "4"), ("7", "7")]


def test_where_no_tone_is_recorded_both_are_measured():
    study = make_study("bank")
    given = fill(study, real=[1, 4, 7], made=[7, 1, 4], recorded=False)
    pairs = couples(stimuli_from_items(singles=6, **given))
    assert all(real == made for real, made in pairs)
    assert {real for real, _ in pairs} <= set("123456")
    assert tones_of([picture(study, "blue", 4)])


def test_a_match_that_cannot_be_is_warned_of_or_refused_in_one_sentence(client, django_user_model, capsys, tmp_path):
    study = make_study("bank")
    given = fill(study, real=[1, 1, 1, 4], made=[10, 10, 4, 1])
    with pytest.raises(
        ValidationError, match=r"2 of 4 generated images have no real one of their class within 1 step"
    ) as refusal:
        stimuli_from_items(singles=8, **given, require_tones=True)
    assert len(refusal.value.messages) == 1
    assert couples(stimuli_from_items(singles=4, **given, require_tones=True)), "those that match come first"

    out = io.StringIO()
    call_command("create_rating_study", "rated", "--from", "bank", "--view", "focused", "--singles", "8", "--practice", "0",
                 "--raters", "6", "--seed", "5", stdout=out)  # fmt: skip
    warning = "Warning: Generated single images that would have to change their skin tone"
    assert warning in out.getvalue()
    survey_set = Study.objects.get(slug="rated").survey_sets.get()
    stored = {row["name"]: row for row in survey_set.certificate["properties"]}
    tones = stored["single: skin tones of real and generated"]
    assert (tones["reached"], tones["holds"]) == (2, False)
    assert tones["detail"] == "1: 3 real, 1 generated; 4: 1 real, 3 generated."
    assert survey_set.certificate["promises_hold"], "a balance that misses its limit breaks no promise"
    assert verify_survey_set(survey_set=survey_set).certificate["promises_hold"]

    # From the design alone, and on the page that a coordinator sees before it opens.
    (tmp_path / "design.json").write_text(json.dumps(survey_set.design))
    assert core(["verify-ratings", str(tmp_path / "design.json")]) == 0
    assert "misses its limit" in capsys.readouterr().out
    client.force_login(django_user_model.objects.create_superuser("root"))
    page = client.get("/studies/rated/surveys/certificate/").content.decode()
    assert "Skin tone" in page
    assert "1 balance is beyond its limit" in page


def test_one_image_set_alone_can_be_rated():
    given = fill(make_study("bank"), real=[1, 4, 7, 10], made=[1, 4, 7, 10])
    specs = stimuli_from_items(singles=4, **given, image_sets=["0ab"])
    assert {spec.frames[0].image.item.attributes.get("image_set") for spec in specs} == {None, "0abc"}
    with pytest.raises(ValidationError, match="No picture of the image set 9 is published in bank"):
        stimuli_from_items(singles=4, **given, image_sets=["0ab", "9"])


def test_a_study_of_real_images_alone_says_nothing_about_matching():
    study = make_study("bank")
    specs = stimuli_from_items(singles=2, **fill(study, real=[1, 4], made=[1, 4]))[:1]
    rated = Study.objects.create(slug="rated", title="Rated")
    survey_set = create_rating_study(study=rated, preset=PRESET, stimuli=specs, raters=6, seed=1)
    assert not [row for row in survey_set.certificate["properties"] if "generated" in row["name"]]


def test_strips_are_drawn_of_morphs_and_of_every_control_in_turn_and_a_refusal_speaks_of_strips():
    study = make_study("bank")
    given = fill(study, real=[1], made=[])
    for number in range(3):
        for control in ("", "cross-fade", "shuffled"):
            for frame in range(2):
                picture(study, f"s{number}{control}{frame}", 4, generated=True, kind="morph-frame", strip=f"S{number}{control}",
                        frame=frame, control=control)  # fmt: skip
    every = stimuli_from_items(singles=0, **given)
    assert len(every) == 9
    some = stimuli_from_items(singles=0, strips=4, **given)
    assert [spec.condition for spec in some] == ["morph", "cross-fade", "shuffled", "morph"]
    assert [spec.code for spec in some] == [spec.code for spec in stimuli_from_items(singles=0, strips=4, **given)]
    part = RatingPart("strip", {spec.code: "generated" for spec in every}, {spec.code: 2 for spec in every}, per_rater_max=3)
    with pytest.raises(DesignError, match="9 strips with 6 raters each need at least 27 raters of 2 strips"):
        draw_rating_design([part], raters=6, seed=1)
