"""
Does the suite notice when a promise is broken? One small patch per row of the acceptance list, and the test that must
fail.

C{python -m tests.mutants} (C{make mutants}) runs all of them; the suite checks that each patch still applies, and runs
a few.
"""
