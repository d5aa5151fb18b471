"""Agents: who answers a call, and how. A YAML file each (`docs/agents.md`). Upper floors first.

    reading                 a folder of files, checked together
    choosing                which agent a call gets
    agent                   one agent: from a call's direction and parameters to its plan
    checking                what no shape can say: keys that must fit together
    tool_reading            tools: the folder's files, and installed packages'
    tool_checking           one tool's file: what no shape can say
    complaints | tool_shape the words for a wrong value; a tool's keys
    shape                   an agent's keys, their limits, their meaning
    document | template     YAML with places; texts with placeholders
    conduct | languages | problem   the service's own rules; languages; a mistake and its place

Knows no wire, no webhook and no call's inside: a `CallPlan` is all that comes out.
"""
