"""What people and CI run against a stack: the command perch."""
