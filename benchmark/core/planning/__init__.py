"""What a design can show before anybody is invited: power by closed form and by simulation, error rates of the methods."""
