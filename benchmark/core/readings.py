"""The long table of readings: who answered what for which item. Contract: readings.csv in the README."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .errors import InputError

REQUIRED = ("reader", "group", "item", "truth", "answer")
TEXT = (*REQUIRED, "kind", "survey", "view")
SHOWN_FAULTS = 20


@dataclass(frozen=True)
class Readings:
    """Checked readings. `table` has at least REQUIRED, kind, survey, view (empty text where absent) and `answered`,
    `correct` (bool); `sha256` is that of the file's bytes, empty when the table did not come from a file."""

    table: pd.DataFrame
    sha256: str = ""

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, sha256: str = "") -> "Readings":
        """Check a frame in the shape of readings.csv; every bad row is named in one InputError."""
        missing = [name for name in REQUIRED if name not in frame.columns]
        if missing:
            raise InputError(
                f"Readings need the columns {', '.join(REQUIRED)}; missing: {', '.join(missing)} "
                f"(found: {', '.join(map(str, frame.columns)) or 'none'})."
            )
        if frame.empty:
            raise InputError("Readings need at least one row; the table has only its header.")
        table = frame.reset_index(drop=True).copy()
        for name in TEXT:
            default = "human" if name == "kind" else ""
            table[name] = table[name].fillna("").astype(str).str.strip() if name in table.columns else default
        table["kind"] = table["kind"].replace("", "human")
        _refuse_bad_rows(table)
        table["answered"] = table["answer"] != ""
        table["correct"] = table["answered"] & (table["answer"] == table["truth"])
        return cls(table, sha256)

    @property
    def classes(self) -> list[str]:
        """Every class that occurs as truth or answer; those of the truth first, each in alphabetical order."""
        truth = set(self.table["truth"])
        return sorted(truth) + sorted(set(self.table.loc[self.table["answered"], "answer"]) - truth)

    @property
    def views(self) -> list[str]:
        return list(dict.fromkeys(self.table["view"]))

    @property
    def simulated(self) -> bool:
        """Some rows are marked as simulated by a column of that name."""
        if "simulated" not in self.table.columns:
            return False
        return bool(self.table["simulated"].astype(str).str.lower().isin(("true", "1", "yes")).any())


def read_readings(path: Path | str) -> Readings:
    """Read readings.csv (UTF-8 with a header). An unreadable file or a bad row raises InputError."""
    path = Path(path)
    try:
        data = path.read_bytes()
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}; give the path of a readings.csv.") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is not a CSV in UTF-8 with a header: {error}.") from error
    return Readings.from_frame(frame, hashlib.sha256(data).hexdigest())


def _refuse_bad_rows(table: pd.DataFrame) -> None:
    faults = []
    for name in ("reader", "group", "item", "truth"):
        faults += [(row, f"{name} is empty") for row in table.index[table[name] == ""]]
    unknown = ~table["kind"].isin(("human", "model"))
    faults += [(row, f'kind is "{table["kind"][row]}", needed is human or model') for row in table.index[unknown]]
    key = ["reader", "item", "view", "survey"]
    faults += [(row, "the same reader, item, view and survey stand in an earlier row")
               for row in table.index[table.duplicated(key)]]  # fmt: skip
    several = table.groupby("item")["truth"].transform("nunique") > 1
    faults += [(row, f"item {table['item'][row]} has more than one truth") for row in table.index[several]]
    if faults:
        faults.sort()
        shown = "; ".join(f"line {row + 2}: {what}" for row, what in faults[:SHOWN_FAULTS])
        more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise InputError(f"{len(faults)} faults in the readings: {shown}{more}.")
