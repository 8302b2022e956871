"""What changes rows here: each a verb with keyword arguments, called by pages, API, jobs and commands alike."""
