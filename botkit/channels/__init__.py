"""The networks botkit speaks to directly, one module each."""
