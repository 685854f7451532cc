"""Talking to the bots as a user of a simulated service; development only."""
