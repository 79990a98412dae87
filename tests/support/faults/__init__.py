"""A proxy that spoils connections, and the toxics it puts into them."""
