"""Any table of the site can be sorted, filtered and taken away, by keyboard too."""

import csv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
SCRIPT = Path(__file__).resolve().parents[2] / "config" / "static" / "diptych" / "tables.js"
TABLE = """<main><h1>Page</h1><div class="table-scroll" aria-label="Runs"{plain}><table><thead><tr><th>Run</th><th>Found</th><th>Day</th></tr></thead>
<tbody>{rows}</tbody></table></div></main>"""
ROWS = [
    ("b", "± 10.5 %", "2 Mar 2026, 09:00 UTC"), ("a", "9 of 30", "28 Feb 2026"), ("=1+1", "−3.0 points", "1 Jan 2027"),
    ("c", "1,234", "5 May 2025"), ('"d"', "not known", "6 May 2025"), ("-e", "0", "7 May 2025"),
]  # fmt: skip



def shown(page, rows=ROWS, plain=""):
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    page.set_content(TABLE.format(rows=lines, plain=plain))
    page.add_script_tag(path=SCRIPT)


def column(page, number: int) -> list[str]:
    return page.locator(f"tbody tr:visible td:nth-child({number})").all_inner_texts()


def test_tables_are_sorted_by_what_they_say_filtered_and_taken_away_with_nothing_in_them_that_runs(chromium):
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
