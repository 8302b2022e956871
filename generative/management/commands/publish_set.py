from pathlib import Path

from django.core.management import BaseCommand

from generative.management.sets import add_set_arguments, named_set, read_report
from generative.services.auditing import record_audit
from generative.services.publishing import publish_set, warn_of_classes
from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import input_errors, study_named


class Command(BaseCommand):
    help = "Publish an image set: its pictures become items of a study, frozen and marked as generated."

    def add_arguments(self, parser):
        add_set_arguments(parser)
        parser.add_argument("--view", required=True, help="The view under which the pictures are shown.")
        parser.add_argument("--into", help="Slug of another study to publish into.")
        parser.add_argument("--no-controls", action="store_true", help="Without control strips beside the morphs.")
        parser.add_argument("--audit", type=Path, help="The audit.json that the command line made of this set.")
        parser.add_argument("--without-audit", default="", metavar="WHY", help="Why the set may be published unaudited.")
        add_json_argument(parser)

    def handle(self, *, study, set, condition, title, view, into, no_controls, audit, without_audit, **options):
        with input_errors():
            home = study_named(study)
            image_set = named_set(home, set, condition=condition, title=title)
            if audit and not image_set.publications.exists():
                record_audit(image_set=image_set, report=read_report(audit))
            done = publish_set(
                image_set=image_set,
                study=study_named(into) if into else home, view=view, controls=not no_controls, unaudited_reason=without_audit,
            )  # fmt: skip
        count, warning = done.items.count(), warn_of_classes(done.image_set, done.study)
        text = f"Set {done.image_set.set_hash[:12]} is published in {done.study.slug} as {count} items of the view {done.view}."
        facts = {"set": done.image_set.set_hash, "study": done.study.slug, "items": count, "view": done.view, "warning": warning}
        tell(self, Outcome(f"{text}\nWarning: {warning}" if warning else text, facts), as_json=options["json"])
