"""The flows: one module each."""
