"""What `perch qa` found, as a table for a terminal, JUnit XML, Markdown and a page."""
