"""The doors of the people who run a study: setting up, recruitment, seats and certificates."""
