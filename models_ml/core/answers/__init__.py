"""What networks answer: probabilities per member, the ensemble's rule, how good both are, and members for other runtimes."""
