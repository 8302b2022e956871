"""Recipes, what a step computes, the one loop, and the states that a run goes on from."""
