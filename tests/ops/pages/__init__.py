"""Pages and plots that stand alone."""
