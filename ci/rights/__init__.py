"""What CI's roles may do: the calls of each resource type, narrowed to one environment."""
