"""Values in, text out. Pure: nothing is printed, and nothing that a host or a document says acts on a terminal.

visible → layout → values, hunks → fields → items, findings, changes → tree, summary → text (→ svg)
                                   problems, result, explain, facts
secrecy: what may not be shown     plan_json, task_json, plain: the same plan as data
"""
