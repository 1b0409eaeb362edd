"""The names that all templates of a repository use, wherever they stand."""

from __future__ import annotations

from reconciler.documents.repository import Repository


def template_names(repository: Repository) -> frozenset[str]:
    """Dotted names such as `vars.proxy_port`; file templates are read too."""
    return repository.template_names
