"""Is it good, is it safe: features, distances from few pictures, and the search for copies of training pictures."""
