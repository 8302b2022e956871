from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.management.terminal import CHECK_FAILED, progress_bar
from imagebank.services.leakage import check_leakage
from imagebank.services.leakage_crowds import read_report


class Command(StudyCommand):
    help = "Search a study's pictures for copies, crops and groups torn apart. Exits 1 if one crosses a border."

    def act(self, study, **options):
        with progress_bar("Comparing") as progress:
            report = check_leakage(study=study, progress=progress)
        findings = list(report.findings.with_items())
        crossing = any(finding.crosses_a_border for finding in findings)
        return Outcome(_as_text(report, findings, read_report(report)), _facts(report, findings), CHECK_FAILED if crossing else 0)


def _facts(report, findings) -> dict:
    return {
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
    }


def _as_text(report, findings, read) -> str:
    """Crowds of alike pictures in a line each, then the other pairs; `--json` names every picture."""
    lines = [
        f"{'LEAK' if crowd.crosses_split or crowd.crosses_fold else 'note'}  {crowd.pictures:,} alike pictures: "
        + "; ".join(f"{count:,} in {place}" for place, count in crowd.places)
        for crowd in read.crowds
    ]
    alone = set(read.pairs)
    lines += [
        f"{'LEAK' if finding.crosses_a_border else 'note'}  {finding.get_kind_display()}: {finding.first} and "
        f"{finding.second}"
        for finding in findings
        if finding.pk in alone
    ]
    borders = sum(finding.crosses_a_border for finding in findings)
    return "\n".join(
        [*lines, f"{report.study.slug}: {report.images} pictures, {len(findings)} findings, {borders} across a border"]
    )
