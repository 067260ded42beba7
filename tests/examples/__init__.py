"""Tests of the scripts in the folder C{examples}, each with real traffic."""
