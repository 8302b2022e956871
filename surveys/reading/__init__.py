"""The doors that a reader comes through: invitation, sitting, pictures and what the page reports."""
