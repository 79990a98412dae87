"""Speeds of the gateway, as ratios against named baselines measured in the same run."""
