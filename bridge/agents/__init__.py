"""Agents: who answers a call, and how. A YAML file each (`docs/agents.md`). Upper floors first.

    reading                 a folder of files, checked together
    choosing                which agent a call gets
    agent                   one agent: from a call's direction and parameters to its plan
    checking                what no shape can say: keys that must fit together
    shape                   the keys, their limits, their meaning
    document | template     YAML with places; texts with placeholders
    languages | problem     names of languages; a mistake and its place

Knows no wire, no webhook and no call's inside: a `CallPlan` is all that comes out.
"""
