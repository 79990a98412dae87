"""Two recordings of one stack, and what the step from one to the other would do."""
