"""
Does the suite notice when a promise is broken? One small patch per row of the acceptance list, and the test that must
fail.

C{python -m tests.mutants} (C{make mutants}) runs all of them; the suite checks that each patch still applies, and runs
a few. C{python -m tests.mutants -v kill next_layer} runs those whose row holds one of the words, and shows how each
test failed: a patch is only worth something when its test fails for the reason that the row names.

A row is added by a L{mutant<tests.mutants.runner.Mutant>} in one of the C{rows_*} modules; a new module is named in
L{tests.mutants.rows}.
"""
