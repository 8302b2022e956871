"""The chapters about data: what is stored about a reader, who sees it, for how long; the record of processing; sharing."""

from __future__ import annotations

from collections.abc import Iterator

from .document import Paragraph, Part, Points, Subtitle, Table, blank
from .facts import Given

IN_R = " check.R beside them computes {what} again in base R, without this program."


def protection(given: Given) -> list[Part]:
    """What is stored about a reader and where, who may see what, and how it is kept safe and erased."""
    privacy, reader = given["privacy"], given.reader
    stored = [[row["what"], row["holds"], row["kept"]] for row in privacy["stored"]]
    seen = [[row["what"], *("yes" if role in row["roles"] else "–" for role in privacy["roles"])] for row in privacy["seen"]]
    return [
        Paragraph(
            f"Of a {reader} three things are kept apart: name and e-mail address in a table of their own (the vault), everything else under a code,"
            " and the personal link as a hash from which it cannot be had again. Results and exports know the code alone."
        ),
        Table(f"What is stored about a {reader}", ["What", "What it holds", "Until when"], stored),
        Table(
            f"Who may see what. An administrator of the site may see all of it; {reader}s see their own answers in an open block",
            ["What", *(role.capitalize() for role in privacy["roles"])], seen, short=True,
        ),
        Subtitle("Technical and organisational measures"),
        Points(list(_measures(given))),
        Subtitle("Rights of readers"),
        Points(list(_rights(given))),
        Points([
            blank("how people are checked before they get a role, and who is the site's administrator"),
            blank("where the server stands, who operates it, and the contract with that operator"),
        ]),
    ]  # fmt: skip


def _measures(given: Given) -> Iterator[str]:
    privacy, reader = given["privacy"], given.reader
    yield (
        f"Pseudonymisation: {reader}s are known by codes ({', '.join(privacy['codes']) or 'a letter and a number'}); what"
        " belongs to a code stands in the vault alone."
    )
    yield (
        "Links: 256 random bits, shown once or sent by letter, stored as SHA-256; they can be renewed and revoked, and"
        " expire. They stand in no log and no error report, and no page of theirs is cached, indexed or gives its address"
        " away."
    )
    yield (
        f"Guessing: after {privacy['guesses']} unknown links within {privacy['window_minutes']} minutes from one network"
        " address that address may only use links known to work; the address is kept for as long in a cache, and nowhere"
        f" else by this program. {blank('what the web server in front of it logs, and for how long')}"
    )
    yield "Letters hold neither address nor link in the database; the link in a letter is made at the moment of sending."
    yield (
        "Answers are a history: nothing is overwritten. Every answer carries the SHA-256 of itself and of the one before it"
        " in its sitting, and each finished block the last one, so that a later change shows; anybody can recompute the"
        " chain from the exported file."
    )
    yield f"Pictures that {reader}s get carry no metadata and no name, and all files of a block have one length."
    yield f"The pages of {reader}s set no cookie, and load no script, font or picture from elsewhere."
    yield (
        "Sign-in of those who run the study: name and password, a second factor where set up, roles per study; people"
        " without a role cannot tell that the study exists."
    )
    yield f"Every erasure, closing, opening, archiving and deletion is noted for good with its day and who did it, {reader}s by their code."
    yield f"Database: {privacy['database']}. Pictures: {privacy['pictures']}."
    yield (
        "Backup: one file with checksums, made while people read; it holds names and reference classes."
        f" {blank('how often backups are made, where they lie, and when they are overwritten')}"
    )
    if not privacy["encrypted_address"]:
        yield f"The site's address, as it is set, does not begin with https. {blank('serve the site over HTTPS before anybody is invited')}"


def _rights(given: Given) -> Iterator[str]:
    days = given["privacy"]["contacts_kept_days"]
    reader = given.reader
    if days:
        yield (
            f"Names and e-mail addresses erase themselves {days} day{'' if days == 1 else 's'} after reading is closed;"
            " before that a coordinator can erase one or all of them. Answers stay whole, under the code."
        )
    else:
        yield (
            "Names and e-mail addresses are erased by a coordinator, one or all of them; no day is set on which they erase"
            f" themselves. {blank('set that day on the study’s page, or say why not')}"
        )
    yield (
        f"Withdrawal: on a {reader}'s request a coordinator deletes every answer, what the screen did and what was said about"
        " the person; it cannot be undone. Once the name is erased nobody can tell whose answers are whose, unless the"
        f" {reader} keeps the link."
    )
    yield f"Access: a {reader}'s own rows can be exported by code while the vault holds the name."
    yield (
        f"Archiving keeps everything to be looked at; deleting the study deletes its answers, its {reader}s and its files."
        " Kept is who deleted it, when, and how many rows there were."
    )


def processing(given: Given) -> list[Part]:
    """The record of processing activities as Article 30(1) of the General Data Protection Regulation lists it."""
    privacy, reader = given["privacy"], given.reader
    days = privacy["contacts_kept_days"]
    erased = f"{days} days after reading is closed, by themselves" if days else blank("when a coordinator erases them")
    personal = "; ".join(row["what"].lower() for row in privacy["stored"])
    measures = "pseudonymisation, hashed links, roles per study, a chained answer log, backups with checksums: see the chapter on data protection"
    rows = [
        ["(a) Controller and contacts", blank("controller, joint controllers, representative, data-protection officer, with contacts")],
        ["(b) Purposes", given.recorded("study.aim") or given["study"]["summary"] or blank("purpose of the processing")],
        ["Legal basis", f"{given.told('study.consent', 'legal basis, for instance consent (Article 6(1)(a)) or public interest')} The"
            f" consent text stands word for word in the chapter on what a {reader} meets."],
        ["(c) Data subjects", f"{', '.join(group['plural'] for group in given.people) or reader + 's'} who are invited; people who run the"
            " study (name, role, deeds)."
            f" {blank('whether patients can be recognised in pictures, and on which basis these are used')}"],
        ["(c) Personal data", personal[:1].upper() + personal[1:]],
        ["(d) Recipients", "Coordinators see names; coordinators and analysts see coded answers; others as in the table of roles."
            f" {blank('recipients outside: co-authors, funders, repositories, and the operator of the mail server')}"],
        ["(e) Transfers to third countries", blank("none, or to which countries and with which safeguards")],
        ["(f) Erasure", f"Names and e-mail addresses: {erased}. Coded answers: {blank('how long coded answers are kept, and why')}"
            f" Backups: {blank('when backups are overwritten')}"],
        ["(g) Measures", measures[:1].upper() + measures[1:] + "."],
        ["Impact assessment (Article 35)", blank("whether one is needed, and its result")],
    ]  # fmt: skip
    return [Table("Article 30(1), General Data Protection Regulation", ["Entry", "Content"], rows)]


def sharing(given: Given) -> list[Part]:
    """What can be given away, and what each file holds."""
    rows = [[file["name"], file["about"]] for file in given["exports"]]
    reader = given.reader
    in_r = IN_R.format(what="errors, ratings, tests and agreement" if given.is_rating else "accuracies, tests and adjusted p values")
    return [
        Paragraph(given.told("study.data_availability", "where, when and for whom data will be available, and under which licence")),
        Paragraph(given.told("study.code_availability", "where the code of the analysis and of the networks will be available")),
        Paragraph(f"The study's export holds these files; no name and no e-mail address of a {reader} is in any of them, {reader}s are codes."),
        Table("", ["File", "What it holds"], rows),
        Paragraph(
            "The bundle of a comparison holds its inputs, the results, every table and figure, the program that computed them and the versions it"
            f" used; with it anybody computes the same bytes again.{in_r} Answers about the reader and response"
            " times can narrow a person down:"
            f" {blank('what of them is left out or coarsened before publication')}"
        ),
        Paragraph(blank("how results reach readers, the public and the scientific literature, and who is an author")),
    ]


def amendments(given: Given) -> list[Part]:
    """How changes are handled, and what the program records of them by itself."""
    return [
        Points([
            "The set-up can be changed until surveys are drawn, its words until the first answer; from the first answer"
            " on the program refuses every change of it but how long names are kept.",
            "Surveys are drawn once. Another design is another study.",
            "The analysis plan is never overwritten: a change is a new version with its own hash and time. Results are"
            " held against the last version from"
            " before the first answer of a person, and every field that differs is listed in the report as a deviation: planned, and done.",
            "The report lists other departures by itself: contrasts that were planned and not possible, contrasts that"
            " were not planned, other units than planned.",
            "Every protocol that is handed out is noted with its day and its hashes; the study's page then says which parts have changed since.",
            f"{blank('who decides on amendments, and how committee, registry and ' + given.reader + 's are told')}",
        ])
    ]  # fmt: skip


def _afterwards(given: Given) -> str:
    """What readers get when all is over."""
    told, reader = given["afterwards"], given.reader
    own = (
        f"Once reading is closed and the comparison computed, a coordinator may release to every {reader} who finished, at her or his own"
        " link, how she or he did, answer by answer; whether with the pictures and beside a network is decided at the release."
        if told["debrief"]
        else f"{reader.capitalize()}s are not told how they did."
    )
    issued = f" Who finished may print a certificate of participation, issued by {told['issuer']}; its code holds nothing personal."
    return own + (issued if told["issuer"] else "")


def ethics(given: Given) -> list[Part]:
    """What a committee asks beyond the rest: approval, consent, harm, safety, monitoring."""
    reader = given.reader
    return [
        Points([
            f"Approval: {given.told('study.ethics', 'committee, reference number, date')}",
            f"Consent: every {reader} reads the consent text (word for word in the chapter on what a {reader} meets) and"
            " presses a button before anything is asked; the moment is stored. Without it no question is shown.",
            "Consent to the use of the pictures:"
            f" {given.told('images.deidentification', 'on which basis pictures of patients are used, and how they were made unrecognisable')}",
            "Harm:"
            ""
            ""
            f" {given.told('reading.adverse_events', f'which burdens or harms {reader}s and patients could meet, how noticed, what is done')}",
            f"No answer is fed back to anybody's care. {_afterwards(given)}",
            "Errors of a network: its answers stand beside the reference class, picture by picture, for those who may"
            " see it, and the report shows the hardest images."
            f" {blank('who looks at them, and what counts as a serious error')}",
            f"Fairness: {given.told('fairness.assessment', 'for which groups of patients, such as skin tones, results are told apart')}",
            blank("insurance, compensation, and care after the study, or that none is needed"),
            blank("who monitors the conduct of the study, or why nobody needs to; a data monitoring committee, or why there is none"),
        ])
    ]  # fmt: skip
