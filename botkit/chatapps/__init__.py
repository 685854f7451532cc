"""The JSON of a request to send, as the ChatApps gateway and botkit's own send API take it, and our messages in it."""
