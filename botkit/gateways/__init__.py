"""Messaging gateways: adapters that reach several networks through a third party."""
