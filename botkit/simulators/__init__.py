"""Our own servers that speak each service's protocol: strict, signed, limited and redelivering like the real ones."""
