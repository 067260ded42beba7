"""The tests of mitmtw, run by trial; they mirror the package file by file."""
