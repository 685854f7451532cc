"""The HTTP interface through which other programs send with the running service."""
