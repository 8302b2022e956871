"""Write an analysis: results.json, tables, figures, report. The same analysis gives the same bytes."""

import io
import json
import os
import re
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from .analysis import Results
from .figures import figures
from .plotly_figures import confusion_plot, differences_plot
from .report import report_html

FORMATS = {
    "svg": {"Date": None, "Creator": "Diptych"},
    "pdf": {"CreationDate": None, "Creator": "Diptych", "Producer": None},
    "png": {"Software": "Diptych"},
}
TABLES = ("accuracy", "paired", "new_images", "missing_excluded", "agreement", "sittings")
EPOCH = (1980, 1, 1, 0, 0, 0)
RISKY = ("=", "+", "-", "@", "\t", "\r")


def write_analysis(results: Results, out: Path | str) -> Path:
    """Write everything below `out` and return it. Each file is complete or absent, also after a kill."""
    import matplotlib

    out = Path(out)
    document = results.document
    tables = _tables(results)
    for name, table in tables.items():
        _write(out / "tables" / f"{name}.csv", table.map(escape_formula).to_csv(index=False, lineterminator="\n"))
        _write(out / "tables" / f"{name}.tex", table.to_latex(index=False, na_rep="--", escape=True))
    _write(out / "tables" / "tables.xlsx", _workbook(tables))
    drawn = {}
    with matplotlib.rc_context({"svg.hashsalt": "diptych", "svg.fonttype": "path", "font.family": "DejaVu Sans"}):
        for name, figure in figures(document, results.differences):
            for kind, metadata in FORMATS.items():
                buffer = io.BytesIO()
                figure.savefig(buffer, format=kind, metadata=metadata, dpi=200)
                _write(out / "figures" / f"{name}.{kind}", buffer.getvalue())
                if kind == "svg":
                    drawn[name] = buffer.getvalue().decode()
    _write_screen_figures(results, out / "figures")
    _write(out / "report.html", report_html(document, drawn))
    _write(out / "results.json", json.dumps(document, indent=1, allow_nan=False) + "\n")
    return out


def _write_screen_figures(results: Results, folder: Path) -> None:
    import plotly.io
    from plotly.offline import get_plotlyjs

    plots = {"figure_2a": differences_plot(results.document, results.differences)} if len(results.differences) else {}
    for record in results.document["confusion"]:
        plots[f"confusion_{_file_name(record['group'])}_{_file_name(record['view'])}"] = confusion_plot(record)
    for name, plot in plots.items():
        page = plotly.io.to_html(plot, include_plotlyjs="plotly.min.js", div_id=name, validate=False)
        _write(folder / f"{name}.html", page)
    if plots:
        _write(folder / "plotly.min.js", get_plotlyjs())


def _tables(results: Results) -> dict[str, pd.DataFrame]:
    document = results.document
    tables = {name: pd.DataFrame(document[name]) for name in TABLES if document[name]}
    tables["differences"] = results.differences
    tables["confusion"] = pd.DataFrame(
        [
            {"group": record["group"], "view": record["view"], "truth": truth, "answer": answer, "count": count,
             "row_percent": percent}
            for record in document["confusion"]
            for truth, counts, percents in zip(record["classes"], record["counts"], record["row_percent"], strict=True)
            for answer, count, percent in zip([*record["classes"], "no answer"], counts, percents, strict=True)
        ]
    )  # fmt: skip
    return tables


def escape_formula(value):
    """Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(RISKY) else value


def _workbook(tables: dict[str, pd.DataFrame]) -> bytes:
    """One sheet per table. The archive is written again with fixed times, because openpyxl stamps the present one."""
    raw = io.BytesIO()
    with pd.ExcelWriter(raw, engine="openpyxl") as writer:
        for name, table in tables.items():
            table.map(escape_formula).to_excel(writer, sheet_name=name[:31], index=False)
    fixed = io.BytesIO()
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", data)
            new.writestr(zipfile.ZipInfo(entry.filename, EPOCH), data, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text) or "all"


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
