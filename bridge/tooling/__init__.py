"""Tools of ours: what the model may have done beside a call (`docs/tools.md`). Upper floors first.

    toolbox                     all tools of a process, and one call of one of them
    http_tool | function_tool   what a tool does: a request; a function in Python
    http_recipe | http_exchange | guarded_door   a URL with arguments; HTTP; checked connections
    addresses | arguments       which addresses are public; what the model wrote
    definition                  what every tool has: name, schema, time
    running                     the words between a call and its tools

Knows no wire of a call: a call of a tool comes in (`CallTool`), its output goes out
(`ToolAnswered`).
"""
