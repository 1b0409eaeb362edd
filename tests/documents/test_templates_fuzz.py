"""Any text is a template that renders or a DocumentError; and what both can render, Jinja renders as we do."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reconciler.documents.templates import Kind, parse
from reconciler.model.errors import DocumentError
from reconciler.model.later import Later, NoValue
from reconciler.model.secrets import SecretText
from reconciler.model.tree import Origin

SEEDS = (
    "{{ vars.text }}",
    "{{ vars.number | int + 1 }}",
    "http://{{ facts.libc }}:{{ vars.number }}/{{ secrets.token | urlencode }}",
    "{{ vars.map.a if vars.flag | bool and not vars.none is defined else vars.list[0] }}",
    "{{ [1, 2, (3, 4)] | tojson(indent=2) }} {{ {'a': 1}['a'] }}",
    "{{ vars.list | sort(reverse=true) | join(', ') | replace('a', 'b') | indent(2) }}",
    "{{ 1 + 2 * 3 // 4 % 5 - -6 / 7 ~ 'x' }}",
    "{{ 1 < 2 <= 3 != 4 and 'a' in vars.text or 1 is odd }}",
    "{% for k, v in vars.map | items if v != '1' %}{{ loop.index }} {{ k }}={{ v }}\n{% else %}none{% endfor %}",
    "{% if vars.flag | bool %}\n  {# note #}\n{% elif facts.libc == 'musl' %}x{% else %}{% raw %}{{ }}{% endraw %}{% endif %}",
    "{% for i in range(3) %}{% if loop.last %}{{ i }}{% endif %}{% endfor %}",
    "{{ vars.missing | default('d', true) | d(vars.text) | upper | trim | quote }}",
)
PIECES = (
    *"{}%#|.,:()[]'\"~+-*/<>=!&_$\\\n\r\t 019aé\U0001f600\x00",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{%-",
    "-%}",
    "**",
    "vars",
    "secrets.token",
    "facts.libc",
    "facts.nothing",
    "loop.index",
    "__class__",
    "range(",
    "9" * 30,
    "1e308",
    "\\ud800",
    "none",
    "true",
    " if ",
    " else ",
    " in ",
    " is ",
    " not ",
    " for x in ",
    "{% endif %}",
    "{% endfor %}",
    "{% raw %}",
    "| map(attribute=",
    "| default",
    "| first",
    "recursive",
    "*args",
    "**kw",
)
NAMES: dict[str, object] = {
    "vars": {"text": "a text", "number": "7", "flag": "true", "list": ["b", "a"], "map": {"a": "1", "b": "2"}},
    "workstation": {"name": "w"},
    "distro": {},
    "user": {"name": "u"},
    "facts": {"libc": "{{ 7 * 7 }}", "kernel": NoValue("it has none")},
    "secrets": {"token": None},
}


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 6)))
        piece = draw(st.sampled_from(PIECES) | st.sampled_from(SEEDS).map(lambda seed: seed[3:-3]))
        text = text[:start] + piece + text[end:]
    return text


@settings(derandomize=True, max_examples=3000, deadline=2000)
@given(mutated(), st.sampled_from(Kind))
def test_any_text_renders_or_is_a_document_error(text: str, kind: Kind) -> None:
    try:
        template = parse(text, kind=kind, origin=Origin("f.yaml", 1, 1))
        rendered = template.render(NAMES)
    except DocumentError as error:
        (problem,) = error.problems
        assert problem.what and problem.origin is not None
        assert 1 <= problem.origin.line <= text.count("\n") + 1
        return
    if kind is Kind.FILE:
        assert isinstance(rendered, str | SecretText | NoValue)
    else:
        assert isinstance(rendered, str | bool | int | float | list | dict | SecretText | NoValue)
    if any(name.startswith("secrets.") for name in template.uses):
        assert isinstance(rendered, SecretText | NoValue)
    if any(name.startswith("facts.") for name in template.uses):
        assert isinstance(template.render({**NAMES, "facts": None}), Later)


NUMBERS = st.integers(-20, 20).map(str) | st.sampled_from(["1.5", "vars.map.a | int", "vars.list | length"])
TEXTS = st.sampled_from(
    ["'a'", "'é b'", "vars.text", "vars.map.b", "vars.list[0]", "vars.nothing | default('x')", "'1' ~ 2"]
)
LISTS = st.sampled_from(
    ["[1, 2]", "vars.list", "[]", "vars.list | sort", "range(4)", "vars.map | list", "vars.list | reverse | list"]
)


def _numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "//", "%", "/"]), inner)


def _texts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    filters = st.sampled_from(["upper", "lower", "trim", "string", "replace('a', 'bb')", "indent(2)", "default('y')"])
    return st.builds("({} | {})".format, inner, filters) | st.builds("({} ~ {})".format, inner, inner)


numbers = st.recursive(NUMBERS, _numbers, max_leaves=4)
texts = st.recursive(TEXTS, _texts, max_leaves=4)
conditions = st.recursive(
    st.builds("({} {} {})".format, numbers, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), numbers)
    | st.builds("({} {} {})".format, texts, st.sampled_from(["<", "==", "in", "not in"]), texts)
    | st.sampled_from(
        ["vars.text is defined", "vars.nothing is not defined", "true", "2 is even", "vars.list", "'a' in vars.list"]
    ),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner) | inner.map("(not {})".format)
    ),
    max_leaves=3,
)
values = (
    numbers
    | texts
    | st.builds("({} if {} else {})".format, texts, conditions, numbers)
    | st.builds("({} | join('-'))".format, LISTS)
    | st.builds("(not not {})".format, conditions)
)
prints = values.map("{{{{ {} }}}}".format) | st.sampled_from(
    ["\n", " text ", "{# note #}\n", "{% raw %}{{ 1 }}{% endraw %}"]
)
inside = st.lists(prints, max_size=3).map("".join)
blocks = (
    st.builds(
        "{{% if {} %}}\n{}{{% elif {} %}}{}{{% else %}}{}\n  {{% endif %}}\n".format,
        conditions,
        inside,
        conditions,
        inside,
        inside,
    )
    | st.builds(
        "{{% for x in {} %}}\n{{{{ loop.index }}}}{}{{{{ x }}}}{{% else %}}{}{{% endfor %}}\n".format,
        LISTS,
        inside,
        inside,
    )
    | st.builds(
        "{{%- for x in {} if x != 1 and 1 or 0 -%}} {{{{ x }}}}{{{{ loop.last }}}} {{%- endfor %}}".format, LISTS
    )
)


def _printed(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


JINJA = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    finalize=_printed,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    optimized=False,
)


@settings(derandomize=True, max_examples=600, deadline=2000)
@given(st.lists(prints | blocks, min_size=1, max_size=4).map("".join))
def test_what_jinja_can_render_too_comes_out_the_same(text: str) -> None:
    try:
        ours = parse(text, kind=Kind.FILE, origin=Origin("f", 1, 1)).render(NAMES)
    except DocumentError:
        return
    assert ours == JINJA.from_string(text).render(NAMES)
