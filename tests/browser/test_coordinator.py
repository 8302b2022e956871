"""The coordinator's pages in a real browser: at both widths, by keyboard, for axe, and live."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from imagebank.models import Membership
from surveys.models import Invitation
from surveys.services import invite, open_block, replace_seat
from tests.browser.test_reading import WIDTHS, accessible, open_browser
from tests.imagebank.archives import zipped
from tests.surveys.sitting import answer, begin, read_all
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
PAGES = ("", "certificate/", "readers/", "readers/list/", "recruitment/", "exports/")


@pytest.fixture
def study(transactional_db):
    """Seats in every state: free, invited, expired, reading, complete, and one that was replaced before."""
    study = make_surveyed_study()
    read_all(begin(study, 1))
    replace_seat(seat=begin(study, 2).seat)
    invite(survey=survey(study, 3), group=group(study), name="Ada", email="ada@b.org")
    late, _ = invite(survey=survey(study, 4), group=group(study))
    Invitation.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(days=1))
    reading = begin(study, 1, "pediatrician")
    open_block(survey_response=reading, block=reading.survey.blocks.get(position=1))
    study.reading = reading
    return study


def signed_in(chromium, live_server, study, size, scheme="light"):
    user = User.objects.create_user("cora", password="a long password")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client = Client()
    client.force_login(user)
    context, page = open_browser(chromium, size)
    page.emulate_media(color_scheme=scheme)
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
          "url": live_server.url}]
    )  # fmt: skip
    return page, f"{live_server.url}/studies/{study.slug}/surveys/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS.values(), ids=WIDTHS)
def test_every_page_is_accessible_and_fits(live_server, chromium, study, size, scheme):
    page, here = signed_in(chromium, live_server, study, size, scheme)
    seats = [f"seats/{pk}/" for pk in study.reading.survey.seats.values_list("pk", flat=True)]
    free = survey(study, 4).seats.get(group=group(study, "pediatrician"))
    for address in (*PAGES, *seats, f"seats/{free.pk}/"):
        page.goto(here + address)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} scrolls sideways"
    page.goto(here + "certificate/")
    page.get_by_role("button", name="Verify again").click()
    page.get_by_text("Recomputed now").wait_for()
    accessible(page)
    page.goto(here + "exports/")
    page.get_by_role("button", name="Verify the answer log").click()
    page.get_by_text("Every chain is whole").wait_for()
    accessible(page)
    assert not page.faults


def test_the_grid_tells_who_by_hover_and_focus_and_follows_the_reading(live_server, chromium, study):
    page, here = signed_in(chromium, live_server, study, WIDTHS["desk"])
    page.goto(here)
    reading = f"#seat-{study.reading.survey_id}-{study.reading.group_id}"
    page.hover(reading)
    assert "S01, pediatrician: reading by P01, 0 of 12 answered" in page.locator("#seat-readout").inner_text()
    page.locator(reading).focus()
    item = study.reading.survey.blocks.get(position=1).survey_items.first()
    page.evaluate("window.untouched = true")
    answer(study.reading, item)
    page.locator(f"{reading} .seat-words").get_by_text("1 of 12 answered").wait_for(state="attached")
    assert page.evaluate("window.untouched"), "without a reload"
    assert page.evaluate("document.activeElement.id") == reading[1:], "the focus stays where it was"
    states = page.locator("a.seat-mark").evaluate_all("marks => marks.map(mark => mark.className)")
    assert sum("seat-complete" in state for state in states) == 1
    assert sum("seat-expired" in state for state in states) == 1
    assert sum("seat-again" in state for state in states) == 1
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="S01, pediatrician").wait_for()
    assert not page.faults


def test_a_list_is_tried_and_then_invited(live_server, chromium, study, tmp_path):
    page, here = signed_in(chromium, live_server, study, WIDTHS["phone"])
    path = tmp_path / "list.csv"
    path.write_text("email,group\nada@b.org,geneticist\nnew@b.org,geneticist\n")
    page.goto(here + "readers/list/")
    page.set_input_files("#id_file", path)
    page.get_by_role("button", name="Try the file").click()
    page.get_by_text("ada@b.org was invited before").wait_for()
    path.write_text("email,group\nnew@b.org,geneticist\n")
    page.set_input_files("#id_file", path)
    page.get_by_role("button", name="Try the file").click()
    page.get_by_role("button", name="Invite 1 person").click()
    page.get_by_text("1 invitation on the way").wait_for()


def test_a_preview_walks_through_the_whole_survey(live_server, chromium, study):
    page, here = signed_in(chromium, live_server, study, WIDTHS["phone"])
    page.goto(here + "certificate/")
    page.get_by_role("link", name="Walk through S01").click()
    for button in (
        "Start",
        "I agree to take part",
        "Continue",
        "Go to the practice image",
        "Begin with the first image",
    ):
        accessible(page)
        with page.expect_navigation():  # it begins once the line was asked for
            page.get_by_role("button", name=button).click()
    page.get_by_text("Focused images, 1 of 6").wait_for()
    for name, heading in (("break", "A short break"), ("thanks", "Thank you")):
        page.get_by_role("navigation", name="Preview").get_by_role("link", name=name, exact=True).click()
        page.get_by_role("heading", name=heading).wait_for()
        accessible(page)
    assert study.reading.survey.responses.count() == 2


def lose_the_third_piece(page) -> None:
    seen = []

    def pass_on(route):
        seen.append(route)
        route.abort() if len(seen) == 3 else route.continue_()

    page.route("**/import/piece/", pass_on)


@pytest.mark.parametrize("size", WIDTHS.values(), ids=WIDTHS)
def test_pictures_without_a_manifest_and_the_split_are_accessible_and_fit(live_server, chromium, study, size, monkeypatch):
    """The ZIP is sent in pieces, of which one is lost on the way."""
    for place in ("services.arriving", "upload_views"):
        monkeypatch.setattr(f"imagebank.{place}.PIECE_BYTES", 1000)
    page, here = signed_in(chromium, live_server, study, size, "dark" if size == WIDTHS["phone"] else "light")
    here = here.removesuffix("surveys/")
    for address in ("images/split/", "plan/", "planning/", "images/import/"):
        page.goto(here + address)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} scrolls sideways"
    code = study.classes.first().code
    files = {f"{view}/{name}/{view}-1.jpg": None for view in study.view_codes() for name in (code, "mole")}
    page.set_input_files("input[type=file]", {"name": "mine.zip", "mimeType": "application/zip", "buffer": zipped(files)})
    lose_the_third_piece(page)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("The line dropped. 1 kB have arrived and are kept; trying again in 1 s.").wait_for()
    accessible(page)
    page.faults.clear()  # the line's
    page.get_by_text("2 of “mole” are left out.").wait_for()
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("mole", exact=True).select_option(code)
    page.get_by_role("button", name="Look again").click()
    page.get_by_role("button", name="Import 4 pictures").wait_for()
    assert page.get_by_text("are left out").count() == 0
    assert not page.faults
