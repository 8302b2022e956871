import json
import sys

from django.core.management import BaseCommand

from imagebank.management.terminal import CHECK_FAILED, progress_bar, study_named
from imagebank.services.leakage import check_leakage


class Command(BaseCommand):
    help = "Search a study's pictures for copies, crops and groups torn apart. Exits 1 if one crosses a border."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *, study, **options):
        with progress_bar("Comparing") as progress:
            report = check_leakage(study=study_named(study), progress=progress)
        findings = list(report.findings.with_items())
        self.stdout.write(_as_json(report, findings) if options["json"] else _as_text(report, findings))
        if any(finding.crosses_a_border for finding in findings):
            sys.exit(CHECK_FAILED)


def _as_json(report, findings) -> str:
    return json.dumps(
        {
            "study": report.study.slug,
            "images": report.images,
            "pairs_compared": report.pairs_compared,
            "parameters": report.parameters,
            "findings": [
                {
                    "kind": finding.kind,
                    "first": {"item": finding.first.item.code, "view": finding.first.view},
                    "second": {"item": finding.second.item.code, "view": finding.second.view},
                    "crosses_split": finding.crosses_split,
                    "crosses_fold": finding.crosses_fold,
                    "score": finding.score,
                }
                for finding in findings
            ],
        },
        indent=2,
    )


def _as_text(report, findings) -> str:
    lines = [
        f"{'LEAK' if finding.crosses_a_border else 'note'}  {finding.get_kind_display()}: {finding.first} and "
        f"{finding.second}"
        for finding in findings
    ]
    borders = sum(finding.crosses_a_border for finding in findings)
    return "\n".join(
        [*lines, f"{report.study.slug}: {report.images} pictures, {len(findings)} findings, {borders} across a border"]
    )
