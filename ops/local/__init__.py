"""The embedded environment behind perch up."""
