from dataclasses import replace
from pathlib import Path

from django.core.exceptions import ValidationError

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.management.terminal import CHECK_FAILED
from imagebank.services.drafting.composing import compose
from imagebank.services.drafting.found import look_into
from imagebank.services.drafting.guessing import changed, guess
from imagebank.services.drafting.reading import ROLES, Reading, Words
from imagebank.services.sources import MANIFEST_NAME, open_source


class Command(StudyCommand):
    help = (
        "Draft manifest.csv for a folder or ZIP of pictures that has none, from folders, file names and tables in it. "
        "Prints what was taken for what; exits 1 when rows would be refused. Nothing is imported."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("pictures", help="a folder or a ZIP")
        parser.add_argument("--out", help="where to write it; default: manifest.csv in the folder, or beside the ZIP")
        parser.add_argument("--table", default="", help='a CSV in it, or "folders and file names"')
        for role in ROLES:
            parser.add_argument(f"--{role}-column", metavar="COLUMN", help=f"what says the {role}")
        parser.add_argument("--view", metavar="CODE", help="the view of all pictures")
        parser.add_argument("--means", action="append", default=[], metavar="VALUE=CODE", help="a class's or view's value; may be repeated")
        parser.add_argument("--drop-further", action="store_true", help="do not keep further columns with the items")

    def act(self, study, *, pictures, out, table, view, means, drop_further, **options):
        words = Words.of(study)
        with open_source(Path(pictures)) as source:
            found = look_into(source)
        reading = guess(found, words, table)
        if table and reading.table != table:
            names = ", ".join(each.name for each in found.tables)
            raise ValidationError(f'There is no table "{table}" in {pictures}. Found: {names}.')
        reading = self._changed(reading, found.table(reading.table), words, view, means, options)
        draft = compose(found, replace(reading, keep=not drop_further), words)
        default = Path(pictures) / MANIFEST_NAME if Path(pictures).is_dir() else Path(pictures).with_suffix(".manifest.csv")
        target = Path(out) if out else default
        if target.exists():
            raise ValidationError(f"{target} is there already. Name another file with --out, or move it away.")
        target.write_text(draft.text, encoding="utf-8")
        return self._told(target, reading, draft)

    def _changed(self, reading: Reading, table, words: Words, view, means, options) -> Reading:
        """The guess with what the person said in its place."""
        columns = {role: options[f"{role}_column"] for role in ROLES if options[f"{role}_column"] is not None}
        given = {}
        for entry in means:
            value, _, code = entry.rpartition("=")
            if code not in dict(words.classes) | dict(words.views):
                raise ValidationError(f'--means takes VALUE=CODE with the code of a class or view of the study; found "{entry}".')
            given[value] = code
        classes = {value: code for value, code in given.items() if code in dict(words.classes)}
        views = {value: code for value, code in given.items() if code in dict(words.views)}
        return changed(reading, table, words, columns=columns, classes=classes, views=views, view=view)

    def _told(self, target: Path, reading: Reading, draft) -> Outcome:
        for problem in draft.parsed.problems:
            self.stderr.write(f"line {problem.line}: {problem.message}")
        counts = {code: sum(cells.values()) for code, cells in draft.counts.items()}
        taken = "; ".join(f"{role} from {column}" for role, column in reading.columns.items())
        lines = [
            f"{target}: {len(draft.parsed.rows):,} pictures, read from {reading.table} ({taken}).",
            "Classes: " + ", ".join(f"{code} {count:,}" for code, count in counts.items()),
            *(f'{count:,} of "{value}" left out' for value, count in draft.left_out),
            *([f"{draft.unnamed:,} pictures are named in no row"] if draft.unnamed else []),
            *([f"{draft.lost:,} rows name no picture"] if draft.lost else []),
        ]
        facts = {
            "manifest": str(target), "pictures": len(draft.parsed.rows), "table": reading.table, "columns": reading.columns,
            "classes": counts, "left_out": dict(draft.left_out), "unnamed": draft.unnamed, "lost": draft.lost,
            "problems": [{"line": problem.line, "message": problem.message} for problem in draft.parsed.problems],
        }  # fmt: skip
        return Outcome("\n".join(lines), facts, CHECK_FAILED if draft.parsed.problems else 0)
