from pathlib import Path

from django.core.exceptions import ValidationError

from benchmark.core.errors import InputError
from benchmark.core.facts import read_facts
from benchmark.core.report.protocol.build import build_protocol
from benchmark.protocol.facts import ASSUMED, checked_world
from benchmark.protocol.printing import KINDS, can_print, hand_out, made
from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand


class Command(StudyCommand):
    help = (
        "Write the study's protocol, for an ethics committee, a data-protection officer or a registry: protocol.docx, protocol.html and, "
        "where Pango is there, protocol.pdf. That it was handed out is noted in the study's log."
    )
    in_archive = True

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--out", type=Path, required=True, help="folder to write into; it is made where it is missing")
        parser.add_argument("--record", type=Path, help="the study's record, facts.toml or .json, which fills what only people know")
        parser.add_argument("--accuracy", type=float, default=ASSUMED["accuracy_readers"], help="assumed share of answers that people get right")
        parser.add_argument("--difference", type=float, default=ASSUMED["difference"], help="assumed accuracy of the network minus that")
        parser.add_argument("--sd-reader", type=float, default=ASSUMED["sd_reader"], help="assumed SD between readers, logits")
        parser.add_argument("--sd-item", type=float, default=ASSUMED["sd_item"], help="assumed SD between images, logits")
        parser.add_argument("--correlation", type=float, default=ASSUMED["correlation"], help="assumed, 0 to 1: the network errs where people err")

    def act(self, study, *, out, record, accuracy, difference, sd_reader, sd_item, correlation, **options):
        assumed = {"accuracy_readers": accuracy, "difference": difference, "sd_reader": sd_reader, "sd_item": sd_item, "correlation": correlation}
        try:
            given = {"record": read_facts(record) if record else {}, "assumed": checked_world(assumed)}
        except InputError as error:
            raise ValidationError([error.summary, *map(str, error.problems)]) from error
        out.mkdir(parents=True, exist_ok=True)
        found = {kind: hand_out(study, kind, **given) for kind in KINDS}
        files = {kind: one.content for kind, one in found.items()}
        if can_print():
            from benchmark.core.report.pdf import as_pdf

            files["pdf"] = as_pdf(made(study, "html", printed=True, **given).content.decode())
        for kind, content in files.items():
            (out / f"protocol.{kind}").write_bytes(content)
        document = build_protocol(found["html"].facts)
        names = [str(out / f"protocol.{kind}") for kind in files]
        facts = {"files": names, "sha256": found["html"].sha256, "to_be_written": document.blanks}
        return Outcome(f"{', '.join(names)}: {len(document.blanks)} places are yours to write.", facts)
