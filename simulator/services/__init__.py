"""Services of others that the bridge's HTTP tools ask: hosts, addresses, scripted answers.

`service` is one host behind byte connections; `network` is how their names are found. Knows no call
and nothing of the bridge but the requests it sends.
"""
