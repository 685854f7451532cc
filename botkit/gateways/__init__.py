"""The gateways through which botkit reaches networks, one module each."""
