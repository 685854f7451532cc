"""What the bots say: one module per topic, each with its router."""
