"""The command C{mitmtw}: one module for each of its subcommands, L{mitmtw._cli.main} chooses."""
