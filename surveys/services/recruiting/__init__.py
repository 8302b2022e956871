"""From a list of people to filled seats: links, letters, replies, and the funnel."""
