"""
What both sides of an exchange share: the coroutine driver, held reading, the body, and the watches over time and
silence.
"""
