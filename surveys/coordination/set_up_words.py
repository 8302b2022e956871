"""The words of the form in which a study is described: labels, help, and what a new study begins with."""

from surveys.services.recruiting.letter_words import PLACES
from surveys.services.setting_up.default_words import BREAK, INSTRUCTIONS, PRACTICE, THANKS

LABELS = {
    "slug": "Address",
    "classes": "Classes, one in each line",
    "views": "Views, one in each line",
    "confidence": "Ask how sure the reader is, from 0 to 100",
    "assisted": "Then ask once more, with a network's answer in sight",
    "control": "Per cent of images with nothing in sight the second time",
    "groups": "Groups of readers, one in each line",
    "about_you": "Questions about the reader, one in each line",
    "per_class": "Images of every class in each survey",
    "sets": "Times that every image is read by each group",
    "anchors": "Of them in every survey: how many of each class, or which images",
    "repeats": "Images shown a second time, per cent of a block",
    "threshold": "Complete when more than this share is answered, per cent",
    "days": "Days that a personal link works",
    "allow_blank": "An image may be left unanswered",
    "zoom": "Readers may enlarge the images",
    "debrief": "Readers may see afterwards how they did",
    "certificate_issuer": "Who certifies that a reader took part",
    "language": "Language of readers",
    "landing": "First page of the link, and of the letter",
    "consent": "Consent",
    "instructions": "How it works",
    "practice": "Beside the practice image",
    "break_between_blocks": "Between two views",
    "thanks": "After the last image",
    "invitation_subject": "Subject of the invitation",
    "invitation_body": "Letter of invitation",
}

HELP = {
    "slug": "Letters, digits and hyphens: what comes after /studies/. It stays. Empty: made from the title.",
    "summary": "For those who run the study; readers do not see it.",
    "classes": 'Code and name, as in "BCC: Basal cell carcinoma". The code stands in manifest.csv and in tables; readers '
    "see the name. They are offered in this order.",
    "views": 'Code and the word before "image", as in "focused: focused". Each view is a block of its own, in this order. '
    "Most studies have one.",
    "assisted": "Every reader answers alone first; that answer is closed before the network's answer, probabilities and map are shown.",
    "control": "The control arm: it tells what the network adds apart from what a second look alone does. The images are drawn "
    "with the surveys' seed, others for every reader. 25 is sensible; 0: the output is always shown. Without the tick above it says nothing.",
    "groups": 'The word for one and for many, as in "dermatologist, dermatologists". Each group reads every survey once.',
    "about_you": 'Choices after a bar, "number", or nothing for plain text: "Specialty * | Dermatology; General practice"; "Years in '
    'practice | number"; "Where do you work?". A star asks for an answer. A second bar says what it is asked for: "Year of licence | number | '
    'verification only".',
    "per_class": "With 6 classes and 2 images of each, a survey has 12 images.",
    "sets": "Once, or more often for closer estimates: each time needs as many readers again.",
    "anchors": "0: none. Anchors are images that every reader sees, so that readers of different surveys can be compared; nothing tells "
    "the reader so. A number is drawn; codes of images, between commas, are those. With 20 images of a class, 4 in each survey and 2 of them "
    "anchors, the other 18 take 9 surveys instead of 5, and as many more readers.",
    "repeats": "0: none. With 10, a block of 28 images shows 3 of them again, far from the first time, and nothing tells the reader so. "
    "It says how far readers agree with themselves; only first answers are compared.",
    "debrief": "Consent, first and last page say so. Nothing is shown before reading is closed, the comparison is computed, and a "
    "coordinator releases it, which can be taken back.",
    "certificate_issuer": 'Person or institution, as in "Department of Genetics, Example Hospital". Whoever has sealed the last image '
    "may then print a certificate of participation, with the name typed at that moment and kept nowhere. Empty: there is none.",
    "language": "In which the pages' own words, numbers and dates are. Texts below that you leave as they are come in it as well; "
    "the question and the consent you write yourself.",
    "consent": "What takes part, what is kept, and whom to ask. Your ethics committee decides whether these words are enough.",
    "invitation_subject": "Empty: “Invitation” and the study's title.",
    "invitation_body": "Empty: our own words around your first page. In braces stands what differs: "
    + "; ".join(f"{{{name}}}, {meaning}" for name, meaning in PLACES.items()) + ".",
}

# What follows from a choice, where a field has one: as it is written, and what becomes of it.
FOLLOWS = {
    "about_you": (
        (
            "A number or a choice, for the analysis (nothing written, or “analysis”)",
            "Stands in readers.csv, and Results compare accuracy by it; choices of fewer than five readers are merged or left out. The "
            "protocol says so. Published tables may hold it: ask only what your consent covers.",
        ),
        (
            "verification only",
            "You see it in demographics.csv and nowhere else: no comparison, report or bundle has it. Readers read that beside the "
            "question, the protocol says it to your data-protection officer.",
        ),
        (
            "Free text, whatever it is for",
            "In demographics.csv alone: what people type may say who they are.",
        ),
    ),
}

WORDS = {
    "views": "photo: clinical",
    "per_class": 2,
    "sets": 1,
    "anchors": 0,
    "repeats": 0,
    "threshold": 95,
    "days": 60,
    "control": 25,
    "allow_blank": True,
    "zoom": True,
    "language": "en",
    "question": "Which diagnosis does this image show best?",
    "landing": "You are invited to read images and to say what each of them shows. You may stop at any time and go on later, "
    "also on another device, with the same link.",
    "consent": """What this is. A study of how people and computer programs read the same images.

What you do. You look at images and choose one answer for each.

What is kept. Your answers, the time they took, and what you say about yourself. Your name and e-mail address are kept apart \
from your answers. Results are published for groups of readers, never for a person you could be recognised as.

Your choice. Taking part is voluntary. You may leave a question blank or stop without giving a reason.

By pressing the button you say that you have read this page and that you agree to take part.""",
    "instructions": INSTRUCTIONS,
    "practice": PRACTICE,
    "break_between_blocks": BREAK,
    "thanks": THANKS,
}
