"""Engines: what translates between a vendor's wire and the words of a call."""
