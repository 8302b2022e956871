"""What is stored about a reader, who may see it, and how it is kept, for the protocol's chapters on data protection."""

from django.conf import settings
from django.db import connection

from imagebank.models import Membership, Study
from imagebank.permissions import PROVENANCE_ROLES, TRUTH_ROLES, WORKING_ROLES, Role
from surveys.exports.files import READINGS, export_files
from surveys.models import StudyProtocol
from surveys.reading.link_guard import GUESSES, WINDOW_S

UNTIL_ERASED, UNTIL_DELETED, UNTIL_WITHDRAWN = "vault", "deleted", "withdrawn"
# What the tables about a person hold, by the tables that hold it: whoever adds one says here what it is for.
STORED = (
    ("Name and e-mail address", ("surveys.ReaderContact",), UNTIL_ERASED,
     "Name and address as they were invited, in a table of their own that nothing else is read with."),
    ("Code and group", ("surveys.Reader", "surveys.Seat"), UNTIL_DELETED,
     "A letter and a number, the group, whether simulated; which survey the reader sits for, and since when."),
    ("Personal link", ("surveys.Invitation",), UNTIL_DELETED,
     "SHA-256 of the link's secret, when it was made, until when it works, when it was revoked."),
    ("Letters and reply", ("surveys.Letter", "surveys.Reply"), UNTIL_DELETED,
     "That a letter was sent, when, and what became of it; that the person agreed or declined. Neither address nor words."),
    ("Sitting", ("surveys.SurveyResponse", "surveys.BlockSitting"), UNTIL_WITHDRAWN,
     "When each step was taken, consent among them; what the reader answered about herself or himself, free text as it"
     " was typed; the seal of each block."),
    ("Answers", ("surveys.Answer",), UNTIL_WITHDRAWN,
     "Every choice and every change of it, its time by the server's and the browser's clock, how long it took, its hash."),
    ("What the screen did", ("surveys.ViewingEvent",), UNTIL_WITHDRAWN,
     "Picture painted, enlarged, not loaded, window left and come back, size of window and picture, output handed out; with times."),
    ("Share right, as other readers saw it", ("surveys.ReleasedShare",), UNTIL_DELETED,
     "Where results were released to readers: a dot for each of five or more, rounded to 2 of 100, without a name. A withdrawal"
     " cuts it off from the reader; it stays in the figure, because one dot less would show whose it was."),
    ("Imported answers", ("surveys.ImportedReading",), UNTIL_DELETED, "Answers that were given elsewhere, under the code they came with."),
    ("Withdrawal", ("surveys.Withdrawal",), UNTIL_DELETED, "That the reader withdrew, when, and how many answers were deleted."),
)  # fmt: skip
# Beside a reader's tables stand those of networks, which are readers too.
OF_NETWORKS = ("surveys.DebriefRelease",)
DATABASES = {"sqlite": "SQLite, one file on the server", "postgresql": "PostgreSQL"}
COORDINATORS = (Role.COORDINATOR,)
SEEN = (
    ("Names and e-mail addresses of readers", COORDINATORS),
    ("Who sits where, and how far", COORDINATORS),
    ("Answers under the reader's code, answer log, viewing record", (Role.COORDINATOR, Role.ANALYST)),
    ("Reference class of a picture", TRUTH_ROLES),
    ("Source, licence and credit of a picture", PROVENANCE_ROLES),
    ("Results", WORKING_ROLES),
    ("This protocol", (Role.COORDINATOR, Role.ANALYST)),
)


def privacy_of(study: Study, protocol: StudyProtocol | None) -> dict:
    """How long what is kept, who may see it, and with what the site runs."""
    days, setting = protocol.contacts_kept_days if protocol else None, setting_of()
    kept = {
        UNTIL_ERASED: f"{days} days after reading is closed, or earlier by hand" if days else "until a coordinator erases it",
        UNTIL_DELETED: "until the study is deleted",
        UNTIL_WITHDRAWN: "until the reader withdraws, or the study is deleted",
    }
    return {
        "stored": [{"what": what, "holds": holds, "kept": kept[until]} for what, _, until, holds in STORED],
        "roles": [role.label.lower() for role in Membership.Role],
        "seen": [{"what": what, "roles": [Role(role).label.lower() for role in roles]} for what, roles in SEEN],
        "contacts_kept_days": days,
        "codes": [f"{group.prefix}01" for group in study.reader_groups.filter(kind="human").order_by("position")],
        "guesses": GUESSES,
        "window_minutes": WINDOW_S // 60,
        "database": DATABASES.get(setting["database"], setting["database"]),
        "pictures": "in a private bucket that nobody reaches but the web server" if setting["bucket"] else "on the server's own disk",
        "encrypted_address": setting["https"],
    }


def setting_of() -> dict:
    """With what the site runs."""
    return {
        "database": connection.vendor, "bucket": bool(settings.AWS_STORAGE_BUCKET_NAME), "https": settings.SITE_URL.startswith("https://"),
    }  # fmt: skip


def exports_of(study: Study, protocol: StudyProtocol | None) -> list[dict]:
    """The files that the study gives away, each with what it holds."""
    files = [(file.name, file.about, file.columns) for file in export_files(study)]
    if protocol is None or not protocol.stimuli:
        files.insert(0, ("readings.csv", "One row per reader, image and view, with the reference class.", READINGS))
    return [{"name": name, "about": f"{about} Columns: {', '.join(columns)}."} for name, about, columns in files]
