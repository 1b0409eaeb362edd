"""The language of templates: Jinja's syntax, read by Jinja, with a closed meaning of its own that is interpreted here.

    program ─ syntax (text to Jinja's nodes) ─▶ check, shapes (what the language has) ─▶ evaluate, expressions
                                                  └── filters, list_filters, operators ─▶ values (bounds) ──┘

No template is compiled to Python, and no attribute of a Python object is ever looked up: names are keys of mappings.
So there is no sandbox to escape from. Importing `program` imports Jinja.
"""
