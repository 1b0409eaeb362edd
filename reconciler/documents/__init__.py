"""From YAML in a repo to the desired items of each target, every value with its origin.

    load ──▶ check ──▶ repository (ranks) ──▶ workstations (targets) ──▶ merge ──▶ build (templates, types) ──▶ fill

    reading files   reader (inside the repo) · globs · load, accidents · document_files · machine_file · secret_sources
    what is wrong   check: requirement · plain_text · template_check · validate (JSON Schema), by grammar and kinds
    who is meant    inventory · where · variables
    values          reading (text by schema) · templates, template_language · typed_values

Knows no kind: their schemas come in as a `Kinds`.
"""
