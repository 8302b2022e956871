"""The study protocol: written from the study as it stands, with the words that readers meet and nobody's name."""

import io
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import docx
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from benchmark.core.planning.rating_size import RatingWorld, rating_design, rating_size
from benchmark.core.report.protocol.build import build_protocol
from benchmark.core.report.protocol.document import BLANK, Picture
from benchmark.core.report.protocol.facts import PARTS, fingerprint, fingerprints
from benchmark.core.report.protocol.page import as_html
from benchmark.core.report.protocol.word import as_docx
from benchmark.protocol.facts import ASSUMED, protocol_facts
from benchmark.protocol.privacy import OF_NETWORKS, SEEN, STORED
from benchmark.services.planning import plan_design, rating_design_of, spread_from_model
from benchmark.services.plans import stamp_plan
from imagebank.models import DiagnosisClass, Study
from imagebank.services.splits import draw_split
from imagebank.services.studies import load_study
from models_ml.models import Ensemble, TrainingRun
from surveys.models import Reader, StudyProtocol, SurveyResponse
from surveys.questions import required_counts
from surveys.services import invite, load_protocol
from surveys.services.ending.retention import keep_contacts_for
from tests.benchmark.conftest import PLAN
from tests.surveys.assisted import PRESET as ASSISTED_PRESET
from tests.surveys.assisted import freeze, make_assisted_study
from tests.surveys.rating_study import make_rating_study
from tests.surveys.sitting import read_block
from tests.surveys.study import CLASSES, make_protocol, make_study, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(2)>\x07 & [To be written by you: <b>]"


@pytest.fixture
def study(settings, tmp_path) -> Study:
    settings.VAR_DIR = tmp_path
    return make_surveyed_study()


class Tags(HTMLParser):
    """Every tag of a page with its attributes, as a browser would see them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def as_svg(facts: dict) -> bytes:
    pictures = [part for chapter in build_protocol(facts).chapters for part in chapter.parts if isinstance(part, Picture)]
    return pictures[0].drawing.as_svg()


def text_of(study: Study, **given) -> str:
    """The words of the page, without its marks."""
    page = as_html(build_protocol(protocol_facts(study, **given)))
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page[page.index("<main>") :])).replace("\u00a0", " ").split())


def word_of(study: Study, **given) -> str:
    made = docx.Document(io.BytesIO(as_docx(build_protocol(protocol_facts(study, **given)))))
    cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in made.paragraphs), *cells])


def test_it_says_what_the_study_is(study):
    drawn, asked = study.survey_sets.get(), set(required_counts(study).values())
    told = text_of(study)
    assert "4 surveys in 2 sets; each holds 6 items (2 of each of 3 classes), shown in each of 2 views: 12 pages." in told
    assert f"seed 7; the same seed gives the same surveys. SHA-256 of the design: {drawn.design_sha256}" in told
    for entry in drawn.certificate["properties"]:
        assert entry["meaning"] in told
    (questions,) = asked
    assert f"With {questions} questions that is at least {study.protocol.fewest_answers(questions)}." in told
    assert f"in this order: {'; '.join(CLASSES.values())}." in told
    assert "geneticists people 4 pediatricians people 4" in told
    assert "No analysis plan is registered" in told
    assert "12 items with 24 pictures" in told
    assert all(words in word_of(study) for words in (drawn.design_sha256, "Taking part is voluntary.", "Names and e-mail addresses of readers"))


def change_plan(study):
    stamp_plan(study=study, text=PLAN)


def change_words(study):
    study.protocol.consent_text = "Quite other words of consent."
    study.protocol.save()


def change_days(study):
    keep_contacts_for(study=study, days=45)


def change_rule(study):
    study.protocol.strictly_more = False
    study.protocol.save()


def change_images(study):
    item = study.items.first()
    item.group = "patient-1"
    item.save()


def change_title(study):
    study.title = "Another title"
    study.save()


@pytest.mark.parametrize(
    ("change", "parts", "words"),
    [
        (change_plan, {"plan"}, "Is the network more accurate than geneticists on focused images?"),
        (change_words, {"words"}, "Quite other words of consent."),
        (change_days, {"data"}, "erase themselves 45 days after reading is closed"),
        (change_rule, {"readers"}, "at least 95 % of the questions"),
        (change_images, {"images"}, "They belong to 1 photographs or patients"),
        (change_title, {"study"}, "Another title"),
    ],
)
def test_what_changes_in_the_study_changes_in_the_protocol_and_nothing_else(study, change, parts, words):
    before, earlier = protocol_facts(study), text_of(study)
    assert words not in earlier
    change(study)
    after = protocol_facts(Study.objects.get(pk=study.pk))
    assert {part for part in PARTS if fingerprints(before)[part] != fingerprints(after)[part]} == parts
    assert fingerprint(before) != fingerprint(after)
    assert words in text_of(Study.objects.get(pk=study.pk))


def test_a_split_that_was_drawn_here_is_told_with_its_seed():
    study = make_study("split", per_class=6)
    study.items.update(split="")
    draw_split(study=study, per_class=4, folds=0, seed=11)
    assert "with seed 11" in text_of(study)
    study.trail.all().delete()
    assert "how pictures were split into training and test" in text_of(study)
    study.items.update(split="test")
    assert "Split into training and test" not in text_of(study)


def test_the_day_and_what_happens_later_change_no_hash(study):
    from datetime import date

    first = fingerprint(protocol_facts(study, on=date(2026, 1, 1)))
    raw = invite(survey=survey(study, 1), group=study.reader_groups.first(), name="Ada", email="ada@example.org")[1]
    assert raw
    assert fingerprint(protocol_facts(study, on=date(2026, 5, 5))) == first


def test_it_names_no_reader_no_item_and_no_source(study):
    invite(survey=survey(study, 1), group=study.reader_groups.first(), name="Ada Lovelace", email="ada@example.org")
    for told in (text_of(study), word_of(study), json.dumps(protocol_facts(study))):
        for secret in ("Ada", "ada@example.org", "case-ZQ", "original-", "secret.test"):
            assert secret not in told


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_quoted_word_stands_on_the_page_that_a_reader_meets(settings, tmp_path, client, language):
    settings.VAR_DIR = tmp_path
    study = make_surveyed_study(language=language)
    pages = iter(protocol_facts(study)["pages"])
    _, raw = invite(survey=survey(study, 1), group=study.reader_groups.first())
    here = reverse("surveys:landing", args=[raw])

    def check(address: str) -> None:
        page, shown = next(pages), " ".join(unescape(re.sub(r"<[^>]+>", " ", client.get(address).content.decode())).split())
        quoted = [words for where, words in page["words"]] + [question["prompt"] for question in page["asked"]]
        assert quoted
        for words in [*quoted, *(choice for question in page["asked"] for choice in question["choices"])]:
            assert " ".join(words.split()) in shown, (page["name"], words)

    def go_on(**answers) -> str:
        return client.post(here, answers, follow=True).redirect_chain[-1][0]

    check(here)
    for answers in ({}, {}, {"specialty": "Genetics", "years": "3"}, {}):
        here = go_on(**answers)
        check(here)
    here = go_on()
    check(here)
    response = SurveyResponse.objects.get()
    for position in (1, 2):
        read_block(response, position)
        here = client.get(reverse("surveys:landing", args=[raw])) and client.post(reverse("surveys:landing", args=[raw])).url
        if position == 1:
            check(here)
            here = go_on()
        check(here)
    assert next(pages, None) is None
    assert not client.cookies, "the protocol says that these pages set no cookie"


def preset_study(folder: Path, slug: str) -> Study:
    path = folder / "study.toml"
    study = load_study(path=path, slug=slug)
    load_protocol(study=study, path=path)
    if (folder / "analysis.toml").exists():
        stamp_plan(study=study, path=folder / "analysis.toml")
    return study


@pytest.mark.parametrize("name", ["founding", "assisted", "human-vs-cnn-16"])
def test_every_reading_preset_gives_a_protocol_before_it_has_a_single_image(name):
    study = preset_study(FIXTURES / name, name)
    told = text_of(study)
    assert study.title in told
    assert "No surveys are drawn yet" in told
    assert study.protocol.consent_text.split("\n")[0].split(". ")[0] in told
    assert as_docx(build_protocol(protocol_facts(study)))


def test_a_rating_study_tells_stimuli_matching_controls_and_questions(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    study = make_rating_study(preset=FIXTURES / "realism" / "study.toml")
    stamp_plan(study=study, path=FIXTURES / "realism" / "analysis.toml")
    told = text_of(study)
    assert "Is this a real image or a generated one?" in told
    assert "random sample generated rated 3" in told
    assert "– generated obvious, to see whether a rater looks 1" in told
    assert "within 10 points of one half (as the plan declares)" in told
    assert "Matching of single pictures" in told
    found = rating_size(rating_design(**rating_design_of(study)), RatingWorld(), 0.1)
    assert "Precision and power for the error at telling real images from generated ones" in told
    assert f"{100 * found.half_width:.1f} 10.0 {100 * found.equivalence:.1f} % {100 * found.smallest_margin:.1f}" in told
    assert "No plan names a margin" not in told
    assert "12. Data protection" in told
    assert all(question["prompt"] in word_of(study) for question in study.protocol.questions)
    other = Study.objects.create(slug="bewertet", title="Echt oder künstlich?")
    german = load_protocol(study=other, path=FIXTURES / "realism" / "study.de.toml", blocks=set(study.protocol.stimuli))
    StudyProtocol.objects.filter(study=study).update(questions=german.questions, language="de")
    told = text_of(Study.objects.get(pk=study.pk))
    assert "Sicher" in told
    assert all(question["prompt"] in told for question in german.questions)
    assert "Matching of single pictures" in told


def test_a_second_look_is_told_with_its_control_arm_and_what_is_frozen(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    study = make_assisted_study(tmp_path, text=ASSISTED_PRESET + "control = 0.25\n")
    assert "It is not frozen yet, and nobody can begin before it is." in text_of(study)
    frozen = freeze(study, tmp_path)
    told = text_of(study)
    assert f"SHA-256 {frozen.sha256}" in told
    assert "Control arm, about 25 % of the images: nothing is in sight" in told
    assert "DECIDE-AI" in told
    assert "DECIDE-AI" not in text_of(make_surveyed_study("other"))


def test_a_network_is_told_with_its_rule_its_hash_and_what_it_has_seen(study):
    run = TrainingRun.objects.create(
        study=study, name="net", view="focused", config={"model": {"backbone": "efficientnet_b4"}, "recipe": {"tta_views": 8}},
        fingerprint="f0" * 32, manifest_fingerprint="ab" * 32, folds=[0, 1, 2, 3, 4], classes_sha256="0" * 64,
    )  # fmt: skip
    ensemble = Ensemble.objects.create(study=study, run=run, name="net", view="focused")
    told, before = text_of(study), fingerprints(protocol_facts(study))
    assert "efficientnet_b4, trained here 5 members; mean of the confident members (at or above 0.5; where none is: mean of all members)" in told
    assert "each answer is the mean over 8 views of the picture" in told
    assert f"settings {run.fingerprint[:16]}; answers to 0 pictures are stored" in told
    assert f"manifest {run.manifest_fingerprint[:16]}" in told
    run.other_pictures = "case-ZQA-0 is not among them"
    run.save()
    ensemble.inclusive = False
    ensemble.save()
    told, after = text_of(study), fingerprints(protocol_facts(study))
    assert "(above 0.5;" in told
    assert "which somebody accepted" in told
    assert "case-ZQA" not in told
    assert {part for part in PARTS if before[part] != after[part]} == {"networks"}


def test_power_is_that_of_the_planning(study):
    wanted = plan_design(
        readers=4, classes=3, per_class=4, per_survey=2, difference=0.2,
        spread=spread_from_model(accuracy_readers=0.6, difference=0.2, sd_reader=0.3, sd_item=0.9, correlation=0.4),
    )  # fmt: skip
    told = text_of(study, assumed={"accuracy_readers": 0.6, "difference": 0.2, "sd_reader": 0.3, "sd_item": 0.9, "correlation": 0.4})
    row = (
        f"level 0.05 {100 * wanted.these_images.power:.1f} % {100 * wanted.these_images.half_width:.1f}"
        f" {100 * wanted.new_images.power:.1f} % {100 * wanted.new_images.half_width:.1f} {100 * wanted.new_images.detectable:.1f}"
    )
    assert row in told
    assert "Readers are right about 60 % of images" in told
    assert row not in text_of(study), "other assumptions, other power"
    for wrong in ({"difference": 0}, {"difference": 0.5}, {"correlation": 2}):
        with pytest.raises(ValidationError):
            protocol_facts(study, assumed=wrong)


def test_hostile_texts_are_words_and_nothing_else(study):
    study.title = study.summary = study.citation = HOSTILE
    study.save()
    for name in ("consent_text", "landing_text", "question", "break_text"):
        setattr(study.protocol, name, HOSTILE)
    study.protocol.demographic_questions = [{"code": "a", "prompt": HOSTILE, "kind": "choice", "choices": [HOSTILE]}]
    study.protocol.save()
    DiagnosisClass.objects.filter(study=study).update(name=HOSTILE)
    study.reader_groups.update(plural=HOSTILE[:80], singular=HOSTILE[:80])
    stamp_plan(study=study, text=PLAN.replace("Network against people", "<script>plan</script>"))
    facts = protocol_facts(study, record={"study": {"funding": HOSTILE}})
    for printed in (False, True):
        page = as_html(build_protocol(facts), printed=printed)
        tags = Tags()
        tags.feed(page)
        assert not {"script", "b", "iframe", "object", "link"} & {name for name, _ in tags.seen}
        assert not [attributes for _, attributes in tags.seen if any(name.startswith("on") for name in attributes)]
        assert [attributes["src"][:22] for name, attributes in tags.seen if name == "img"] == ["data:image/svg+xml;base6"[:22]] * printed
        assert page.count("<mark>") == page.count("</mark>")
        ElementTree.fromstring(as_svg(facts))
    told = docx.Document(io.BytesIO(as_docx(build_protocol(facts))))
    assert any("<script>alert(1)</script>" in paragraph.text for paragraph in told.paragraphs)


def test_word_highlights_every_blank_and_is_the_same_twice(study):
    document = build_protocol(protocol_facts(study))
    made = docx.Document(io.BytesIO(as_docx(document)))
    paragraphs = [*made.paragraphs, *(cell.paragraphs[0] for table in made.tables for row in table.rows for cell in row.cells)]
    lit = [run.text for paragraph in paragraphs for run in paragraph.runs if run.font.highlight_color]
    assert set(lit) == set(document.blanks)
    assert all(BLANK.fullmatch(text) for text in lit)
    assert [p.text for p in made.paragraphs if p.style.name == "Heading 1"] == [
        f"{number}. {chapter.title}" for number, chapter in enumerate(document.chapters, start=1)
    ]
    assert as_docx(document) == as_docx(document)
    assert made.inline_shapes[0]._inline.docPr.get("descr").startswith("Flow of the study")


def test_a_record_fills_blanks_and_answers_items(study):
    record = {"study": {"funding": "Nobody pays for it.", "registration": "OSF 123"}, "readers": {"incentives": "A book."}}
    before, after = (build_protocol(protocol_facts(study, record=given)) for given in ({}, record))
    assert len(before.blanks) - len(after.blanks) == 3
    assert "7a 4 Funding to be written by you, in 1. Administrative information" in text_of(study)
    assert "7a 4 Funding 1. Administrative information" in text_of(study, record=record)


ADDRESSES = {
    "Names and e-mail addresses of readers": "surveys/readers/",
    "Who sits where, and how far": "surveys/",
    "Answers under the reader's code, answer log, viewing record": "surveys/exports/answers.csv",
    "Results": "results/",
    "This protocol": "protocol/",
}
ON_THE_ITEM = {"Reference class of a picture": "Reference class", "Source, licence and credit of a picture": "https://secret.test"}


@pytest.mark.parametrize("role", ["coordinator", "analyst", "reviewer", "engineer"])
def test_the_table_of_roles_is_what_the_pages_do(study, member, client, role):
    member(study, role)
    base = f"/studies/{study.slug}/"
    item = client.get(f"{base}images/item/{study.items.first().pk}/").content.decode()
    assert {what for what, _ in SEEN} == {*ADDRESSES, *ON_THE_ITEM}
    for what, roles in SEEN:
        seen = ON_THE_ITEM[what] in item if what in ON_THE_ITEM else client.get(base + ADDRESSES[what]).status_code == 200
        assert seen == (role in roles), what


def test_every_table_about_a_reader_is_told_of():
    """Whoever stores more about a reader says so in benchmark/protocol/privacy.py."""
    told, waiting = {label for _, labels, _, _ in STORED for label in labels} | set(OF_NETWORKS), [Reader]
    found = set()
    while waiting:
        model = waiting.pop()
        if model._meta.label not in found:
            found.add(model._meta.label)
            waiting += [relation.related_model for relation in model._meta.related_objects if relation.related_model._meta.label not in OF_NETWORKS]
    assert found <= told


def test_a_study_with_nothing_in_it_has_a_protocol_of_blanks():
    study = Study.objects.create(slug="bare", title="A bare study")
    told = text_of(study)
    assert "No surveys are drawn yet" in told
    assert as_docx(build_protocol(protocol_facts(study)))


def test_before_surveys_are_drawn_the_set_up_says_what_is_planned():
    study = make_study("early")
    make_protocol(study)
    told = text_of(study)
    assert "4 surveys in 2 sets; each holds 6 items" in told
    assert "The surveys are not drawn yet" in told
    assert "seed None" not in told
    assert dict(protocol_facts(study)["assumed"]) == ASSUMED
