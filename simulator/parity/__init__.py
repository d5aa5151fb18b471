"""Parity: the same scenarios in virtual and in real time, result by result side by side.

`facts` are a call's results that have nothing to do with time, `comparing` holds the rule for what
agrees, `command` plays and prints.
"""
