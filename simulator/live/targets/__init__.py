"""Targets that ship: how our own bridge is started, and an example of somebody else's.

`foreign_bridge` is a program of its own: nothing here imports it.
"""
