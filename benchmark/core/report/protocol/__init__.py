"""The study protocol: what an ethics committee, a data-protection officer and a registry ask for before the first reader.

`build_protocol(facts)` makes a document of chapters from plain data (`facts.py` says what is in it); `page` prints it as HTML, and
through the report's typesetter as PDF, `word` as a .docx that people finish. What no software knows stands in it as a blank.
"""
