"""What every test relies on."""

from hypothesis import settings

# No deadline: on a shared machine an example's time says nothing about the code. The same examples
# every run: a failure that comes and goes teaches nobody.
settings.register_profile("perch", deadline=None, derandomize=True)
settings.load_profile("perch")
