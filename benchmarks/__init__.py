"""What botkit costs beside its peers: see README.md for the method, RESULTS.md for the figures."""
