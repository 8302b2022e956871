"""Regions that readers mark, by mouse and by touch, and beside them what a network looked at: from the seat to the overlap."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from imagebank.models import ItemImage, Job, Membership
from models_ml.models import AttributionMap
from models_ml.services.explaining import start_attribution
from models_ml.services.storing import import_run
from surveys.models import Answer, SurveyItem, SurveyResponse
from surveys.services import create_survey_set, invite
from tests.browser.test_reading import WIDTHS, accessible, fits, open_browser, saved
from tests.models_ml.bank import store_study
from tests.models_ml.conftest import pictures, trained_folders  # noqa: F401
from tests.surveys.study import group, make_protocol

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
QUESTIONS = [
    {"code": "", "kind": "diagnosis", "prompt": "Which condition is it?"},
    {"code": "where", "kind": "region", "prompt": "What does your answer rest on?", "required": False, "most": 3},
]
LOW, HIGH = 0.3, 0.7  # the middle of the picture, marked in every one


@pytest.fixture
def marking(pictures, trained_folders, settings, tmp_path, transactional_db):  # noqa: F811
    """A study of six pictures that asks for a region, with a network that has answered them."""
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path / "var", tmp_path / "media"
    study = store_study(pictures)
    make_protocol(study, view_order=["focused"], sets=1, completion_threshold=Decimal("0.5"), questions=QUESTIONS)
    create_survey_set(study=study, seed=7)
    for image in ItemImage.objects.all():  # small enough to be its own copy for readers
        image.renditions.create(name="reading", file=image.file.name, width=48, height=48, sha256=image.pixel_sha256)
    import_run(study=study, folder=trained_folders["focused"], name="small")
    return study


def begin(page, live_server, study, code):
    seat = study.survey_sets.get().surveys.get().seats.get(group=group(study, code))
    _, token = invite(seat=seat)
    page.goto(f"{live_server.url}/r/{token}/")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_label("Genetics").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Go to the practice image").click()
    page.locator("#answer-form").wait_for(state="attached")  # the address is there before its page
    page.evaluate("document.getElementById('answer-form').submit()")


def drag_by_mouse(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def drag_by_touch(page, start, end):
    send = touches(page)
    send("touchStart", start)
    for share in (0.3, 0.6, 1):
        send("touchMove", tuple(a + share * (b - a) for a, b in zip(start, end)))
    send("touchEnd")


def touches(page):
    session = page.context.new_cdp_session(page)

    def send(kind, *points):
        places = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    return send


def pinch(page, at):
    """Two fingers leave each other: the picture grows, nothing is marked."""
    send, before = touches(page), page.locator("#picture").bounding_box()["width"]
    fingers = [(at[0] - 30, at[1]), (at[0] + 30, at[1])]
    send("touchStart", fingers[0])
    send("touchStart", *fingers)
    for _ in range(3):
        fingers = [(fingers[0][0] - 8, at[1]), (fingers[1][0] + 8, at[1])]
        send("touchMove", *fingers)
    send("touchEnd", fingers[1])
    send("touchEnd")
    assert page.locator("#picture").bounding_box()["width"] > 1.5 * before
    assert page.locator("#marks .mark").count() == 0


def enlarge_by_wheel(page, at):
    page.mouse.move(*at)
    page.mouse.wheel(0, -400)
    page.mouse.dblclick(*at)  # two points, not a jump to another size
    assert page.locator("#marks .mark.point").count() == 2
    for _ in range(2):
        page.get_by_role("button", name="Remove the last mark").click()


def read(chromium, live_server, study, code, size, drag, enlarge):
    """Read the whole survey: an answer and a box in the middle of every picture, a second mark taken back, a picture enlarged."""
    context, page = open_browser(chromium, size)
    begin(page, live_server, study, code)
    for number in range(1, 7):
        page.locator("#where").get_by_text(f"{number} of 6").wait_for()
        page.locator("#choices button[aria-disabled=false]").first.click()
        page.locator(".mark-on").click()
        if number == 2:
            field = page.locator("#field").bounding_box()
            enlarge(page, (field["x"] + field["width"] / 2, field["y"] + field["height"] / 2))
            assert page.locator("#field.enlarged").count() == 1
        box = page.locator("#picture").bounding_box()
        corners = [(box["x"] + s * box["width"], box["y"] + s * box["height"]) for s in (LOW, HIGH)]
        drag(page, *corners)
        assert page.locator("#marks .mark.box").count() == 1
        if number == 1:
            drag(page, *corners[::-1])
            page.get_by_role("button", name="Remove the last mark").click()
            assert "1 place marked" in page.locator(".mark-words").inner_text()
            accessible(page)
            fits(page)
        saved(page)
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Seal and continue").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    assert not page.faults
    context.close()


def test_what_readers_mark_by_mouse_and_touch_is_shown_beside_what_the_network_looked_at(chromium, live_server, marking):
    read(chromium, live_server, marking, "geneticist", WIDTHS["desk"], drag_by_mouse, enlarge_by_wheel)
    read(chromium, live_server, marking, "pediatrician", WIDTHS["phone"], drag_by_touch, pinch)
    assert SurveyResponse.objects.filter(analysed=True).count() == 2
    marks = Answer.objects.standing().filter(question="where").values_list("value", flat=True)
    assert len(marks) == 2 * SurveyItem.objects.count() == 12
    for (mark,) in marks:
        found = [mark["x"], mark["y"], mark["x"] + mark["w"], mark["y"] + mark["h"]]
        assert found == pytest.approx([LOW, LOW, HIGH, HIGH], abs=0.02)

    explained = start_attribution(ensemble=marking.ensembles.get(view="focused"))
    assert set(Job.objects.values_list("state", flat=True)) == {"succeeded"}, "tests run jobs as they are queued"
    user = User.objects.create_user("engineer", password="a-long-password")
    Membership.objects.create(study=marking, user=user, role="engineer")
    context, page = open_browser(chromium, WIDTHS["desk"])
    page.goto(f"{live_server.url}/account/login/?next={reverse('benchmark:network_regions', args=[marking.slug])}")
    page.locator("input[name=login]").fill("engineer")
    page.locator("input[name=password]").fill("a-long-password")
    page.locator("main form button").first.click()
    page.get_by_role("button", name="Sum up what readers marked").click()
    page.get_by_text("geneticists").first.wait_for()
    accessible(page)
    cells = page.locator("main tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.textContent))")
    assert [row[:3] for row in cells] == [[name, "6", "6 of 6"] for name in ("geneticists", "pediatricians")]
    for row in cells:
        assert float(row[-1]) == pytest.approx((HIGH - LOW) ** 2, abs=0.02)
        assert 0 < float(row[3].split()[0]) < 1

    one = AttributionMap.objects.filter(attribution_set=explained, target="predicted").order_by("item__code").first()
    page.goto(f"{live_server.url}{reverse('benchmark:network_item', args=[marking.slug, explained.ensemble_id, one.item_id])}")
    assert page.locator("svg.marks rect").count() == 2
    assert page.get_by_text("Geneticists: 1 of 1 marked something").is_visible()
    accessible(page)
    assert not page.faults
    context.close()
