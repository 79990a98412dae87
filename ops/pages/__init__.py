"""Pages that stand alone: one HTML file with its tables and plots in it, and nothing fetched.

`svg` draws lines and bars as inline SVG, `html` puts a page together.
"""
