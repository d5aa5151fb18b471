"""Real time: scenarios played over sockets against a bridge that runs as a process of its own.

`target` describes a bridge, `process` runs it, `world` puts a call's parts together over sockets,
`playing` plays many calls at once, `lateness` says whether this machine could keep up.
"""
