"""What holds for every test."""

from hypothesis import settings

# How long an example takes depends on the machine; what a run finds depends on no earlier one.
settings.register_profile("auditor", deadline=None, database=None)
settings.load_profile("auditor")
