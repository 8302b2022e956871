"""What is written: tables, exports, the data dictionary, a Word document, and the whole analysis as files."""
