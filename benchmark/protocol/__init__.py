"""What a study's protocol is made of, read from the study as it stands (`facts.protocol_facts`). Nothing here changes a row."""
