"""A recognition that outlives the calls it is made of."""
