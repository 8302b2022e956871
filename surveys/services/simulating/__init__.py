"""Simulated readers, through the same doors as physicians."""
