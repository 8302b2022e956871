"""Any table of the site can be sorted, filtered and taken away, by keyboard too; any figure is a file."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
SCRIPTS = Path(__file__).resolve().parents[2] / "config" / "static" / "diptych"
TABLE = """<main><h1>Page</h1><div class="table-scroll" aria-label="Runs"{plain}><table><thead><tr><th>Run</th><th>Found</th><th>Day</th></tr></thead>
<tbody>{rows}</tbody></table></div></main>"""
ROWS = [
    ("b", "± 10.5 %", "2 Mar 2026, 09:00 UTC"), ("a", "9 of 30", "28 Feb 2026"), ("=1+1", "−3.0 points", "1 Jan 2027"),
    ("c", "1,234", "5 May 2025"), ('"d"', "not known", "6 May 2025"), ("-e", "0", "7 May 2025"),
]  # fmt: skip


def shown(page, rows=ROWS, plain=""):
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    page.set_content(TABLE.format(rows=lines, plain=plain))
    page.add_script_tag(path=SCRIPTS / "tables.js")


def column(page, number: int) -> list[str]:
    return page.locator(f"tbody tr:visible td:nth-child({number})").all_inner_texts()


def test_tables_are_sorted_by_what_they_say_and_taken_away_with_nothing_that_runs_and_figures_in_the_colours_of_paper(chromium):
    page = chromium.new_context(accept_downloads=True).new_page()
    shown(page)
    page.get_by_role("button", name="Found").press("Enter")
    assert column(page, 2)[:5] == ["−3.0 points", "0", "9 of 30", "± 10.5 %", "1,234"]
    for _ in range(2):
        page.get_by_role("button", name="Day").press("Enter")
    assert column(page, 3)[:3] == ["1 Jan 2027", "2 Mar 2026, 09:00 UTC", "28 Feb 2026"]
    assert [heading.get_attribute("aria-sort") for heading in page.locator("th").all()] == [None, None, "descending"]
    page.get_by_role("searchbox", name="Filter rows of: Runs").fill("2025")
    assert page.get_by_role("status").inner_text() == "3 of 6 rows"
    page.get_by_role("searchbox").fill("1 2")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Runs, as shown, as CSV").click()
    assert taken.value.suggested_filename == "runs.csv"
    with open(taken.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["Run", "Found", "Day"], ["'=1+1", "−3.0 points", "1 Jan 2027"], ["b", "± 10.5 %", "2 Mar 2026, 09:00 UTC"],
                    ["c", "1,234", "5 May 2025"]]  # fmt: skip

    shown(page, ROWS[:3])
    assert (page.locator("button").count(), page.locator("input").count()) == (3, 0), "taken in at a glance"
    for rows, plain in ((ROWS, " data-plain"), (ROWS[:1], "")):
        shown(page, rows, plain)
        assert page.locator("button").count() == 0

    page.set_content("""<style>.bar { fill: rgb(1, 2, 3) } [data-bs-theme=dark] .bar { fill: rgb(9, 9, 9) }</style><main><h1>Page</h1>
        <figure><figcaption>Bars &amp; more</figcaption><svg viewBox="0 0 40 20"><rect class="bar" width="9" height="9"/></svg></figure>
        <figure><svg viewBox="0 0 4 2"></svg><a href="drawn.svg">SVG</a></figure></main>""")
    page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    page.add_script_tag(path=SCRIPTS / "figures.js")
    with page.expect_download() as taken:
        page.get_by_role("button", name="as an SVG file").click()  # one alone: the other has its file
    assert taken.value.suggested_filename == "bars-more.svg"
    drawn = ElementTree.parse(taken.value.path()).getroot()
    assert (drawn.tag, drawn.get("width"), drawn[0].get("fill")) == ("{http://www.w3.org/2000/svg}svg", "40", "rgb(1, 2, 3)"), "on paper"
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
