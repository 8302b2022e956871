"""Practice of every kind of stimulus: of pictures that are rated nowhere, right before the part that shows the kind."""

import re
from dataclasses import replace

import pytest

from imagebank.models import Item, Study
from surveys.coordination.views import preview_places
from surveys.models import Answer, Stimulus, SurveyItem
from surveys.services import create_rating_study, grid, pair, stimuli_from_items, strip
from surveys.services.rating.practice import Spare, practice_of_others
from tests.surveys.rating_study import PRESET, make_generated, make_stimuli, real_images
from tests.surveys.study import make_study, survey
from tests.surveys.test_rating import RatingSitting, begin

pytestmark = pytest.mark.django_db


@pytest.fixture
def practised():
    bank = make_study("bank")
    stimuli = make_stimuli(bank)
    spare = [make_generated(bank, f"spare-{number}", 11 * number) for number in range(9)]
    stimuli += [
        pair(real_images(bank)[9], spare[0], role="practice"),
        strip("practice-strip-1", spare[1:4], role="practice"),
        grid("practice-grid-1", spare[4:8], columns=2, role="practice"),
    ]
    study = Study.objects.create(slug="rated", title="Real or generated?")
    create_rating_study(study=study, preset=PRESET, stimuli=stimuli, raters=6, seed=12)
    return study


def sealed(sitting, position):
    data = sitting.page_data(position)
    sitting.send(*[{"id": f"{position:08d}-0000-4000-8000-{n:012d}", "type": "shown", "item": item["id"]} for n, item in enumerate(data["items"])])
    assert sitting.post("seal", position=position).status_code == 302


def test_each_part_is_practised_right_before_it_and_its_pictures_are_served_nowhere_else(client, practised):
    sitting = RatingSitting(client, practised)
    begin(sitting)
    of = {kind: practised.stimuli.get(role="practice", kind=kind) for kind in ("pair", "strip", "grid")}
    shown = lambda kind, place=1: sitting.get("image", f"?place={place}", public_id=of[kind].public_id).status_code  # noqa: E731
    for position, (kind, frames) in enumerate((("pair", 2), ("strip", 3), ("grid", 4)), start=2):
        assert shown(kind) == 404
        sealed(sitting, position - 1)
        page = sitting.get("break", position=position).content.decode()
        assert "Before it you practise; those answers are not used." in page
        first = SurveyItem.objects.filter(block__survey=survey(practised), block__position=position).first()
        assert sitting.get("image", public_id=first.public_id).status_code == 404
        assert sitting.post("break", position=position).url.endswith(f"/break/{position}/?practice=1")
        page = sitting.get("break", "?practice=1", position=position).content.decode()
        assert f"Practice: {practised.protocol.stimuli[kind]['one']}" in page
        assert page.count(of[kind].public_id) >= frames
        assert [shown(kind, place) for place in range(1, frames + 2)] == [200] * frames + [404]
        others = set(of) - {kind}
        assert [shown(other) for other in others] == [404, 404]
        answer = sitting.client.post(sitting.address("break", position=position) + "?practice=1", {"q-generated_one": "left"})
        assert answer.url.endswith(f"/block/{position}/")
        assert shown(kind) == 404
    assert not Answer.objects.exists()


def test_the_coordinator_previews_the_practice_of_every_kind_where_raters_meet_it(client, practised, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    places = preview_places(survey(practised))
    assert [place.label for place in places[3:]] == [
        "instructions", "practice", "single", "break", "practice", "pair", "break", "practice", "strip", "break", "practice", "grid", "thanks"
    ]  # fmt: skip
    for place in (place for place in places if place.label == "practice"):
        kind = places[places.index(place) + 1].label
        own = practised.stimuli.get(role="practice", kind=kind)
        page = client.get(place.url).content.decode()
        assert f"Practice: {practised.protocol.stimuli[kind]['one']}" in page
        pictures = set(re.findall(rf"/studies/rated/surveys/practice/{own.public_id}/\?place=\w+", page))
        assert len(pictures) >= own.frames.count()
        assert {client.get(address).status_code for address in pictures} == {200}
        assert '"signed_in": true' in page, "the script fetches them as the coordinator"
        assert client.post(place.url).url == places[places.index(place) + 1].url
        before = client.get(places[places.index(place) - 1].url).content.decode()
        assert kind == "single" or "Before it you practise" in before
    Stimulus.objects.filter(role="practice", kind__in=["single", "pair"]).update(kind="strip")
    labels = [place.label for place in preview_places(survey(practised))]
    assert (labels[:6], labels.count("practice")) == (["landing", "consent", "about", "instructions", "single", "break"], 2)
    assert "Before it you practise" not in client.get(preview_places(survey(practised))[5].url).content.decode()


def test_without_anything_to_practise_the_break_leads_on(client, practised):
    Stimulus.objects.filter(role="practice", kind="pair").update(kind="strip")
    sitting = RatingSitting(client, practised)
    begin(sitting)
    sealed(sitting, 1)
    assert "Before it you practise" not in sitting.get("break", "?practice=1", position=2).content.decode()
    assert sitting.post("break", position=2).url.endswith("/block/2/")


def test_practice_shows_no_picture_that_is_rated():
    bank = make_study("bank")
    for number in range(14):
        made = make_generated(bank, f"made-{number:02d}", 9 * number)
        Item.objects.filter(pk=made.item_id).update(attributes={"generated": True, "kind": "sample", "stated_class": "ZQA"})
    for name, shift in (("S1", 100), ("S2", 140)):
        for number in range(3):
            frame = make_generated(bank, f"{name}-{number}", shift + 9 * number)
            attributes = {"generated": True, "kind": "morph-frame", "strip": name, "frame": number}
            Item.objects.filter(pk=frame.item_id).update(attributes=attributes)
    sheet = make_generated(bank, "sheet", 9, size=60)
    Item.objects.filter(pk=sheet.item_id).update(
        attributes={"generated": True, "kind": "mix-grid", "rows": 2, "columns": 2, "tile_px": 20})  # fmt: skip
    Item.objects.filter(study=bank, code__in=[image.item.code for image in real_images(bank)]).update(split="test")
    asked = {"sources": [bank], "real_view": "focused", "singles": 2, "pairs": 1, "practice": 1, "seed": 2}
    plain = stimuli_from_items(**asked)
    assert [spec.kind for spec in plain if spec.role == "practice"] == ["single"]
    with_others = stimuli_from_items(**asked, practice_others=1)
    assert [spec for spec in with_others if spec.role != "practice"] == [spec for spec in plain if spec.role != "practice"]
    seen = {frame.image.pk for spec in with_others if spec.role == "rated" for frame in spec.frames}
    practice = [spec for spec in with_others if spec.role == "practice"]
    assert {spec.kind for spec in practice} >= {"single", "pair", "strip"}
    used = [frame.image.pk for spec in practice for frame in spec.frames]
    assert seen.isdisjoint(used)
    assert len(set(used)) == len(used)
    few = stimuli_from_items(**asked, practice_others=1, strips=1)
    (rated,) = [spec for spec in few if spec.kind == "strip" and spec.role == "rated"]
    (own,) = [spec for spec in few if spec.kind == "strip" and spec.role == "practice"]
    assert {rated.code, own.code} == {"S1", "S2"}, "a published strip that is not rated is better than one made up"


def test_a_strip_that_shares_a_picture_with_a_rated_one_is_no_practice():
    bank = make_study("bank")
    made = [make_generated(bank, f"made-{number}", 20 * number) for number in range(9)]
    rated = strip("rated", made[:4])
    other = replace(strip("other", made[3:7]), role="rated")
    assert practice_of_others([rated], spare=Spare([]), strips=[other], each=1) == []
    (found,) = practice_of_others([rated], spare=Spare([]), strips=[strip("free", made[4:8])], each=1)
    assert (found.code, found.role) == ("free", "practice")
    spare = Spare([("generated", "ZQA", image) for image in made[4:]])
    (found,) = practice_of_others([rated], spare=spare, strips=[other], each=1)
    assert [frame.image.pk for frame in found.frames] == [image.pk for image in made[4:8]]
    assert len(spare.left) == 1
