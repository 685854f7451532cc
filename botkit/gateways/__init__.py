"""Gateways: accounts of third parties that reach phones and messengers."""
