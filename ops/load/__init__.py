"""Load and speed, measured as ratios against a named baseline."""
