"""Everything that speaks to Redis: the store, its scripts, and the server botkit starts where there is none."""
