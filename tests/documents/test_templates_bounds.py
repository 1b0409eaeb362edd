"""What no template can do: reach into Python, run for long, or take much memory."""

from __future__ import annotations

import ast
import time
import tracemalloc
from pathlib import Path

import pytest

import reconciler
from reconciler.documents.templates import Kind, parse
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Origin

LONG = "x" * 1_000_000
MANY = [str(number) for number in range(1000)]
NAMES: dict[str, object] = {
    "vars": {
        "text": "text",
        "list": ["a"],
        "map": {"a": "b"},
        "long": LONG,
        "longer": [LONG] * 50,
        "many": MANY,
        "accents": "é" * 400_000,
    },
    "workstation": {"name": "w"},
    "distro": {"name": "d"},
    "user": {"name": "u"},
    "facts": {"libc": "glibc", "hostile": "{{7*7}}"},
    "secrets": {"token": None},
}


def problem(text: str, kind: Kind = Kind.FILE) -> Problem:
    with pytest.raises(DocumentError) as raised:
        parse(text, kind=kind, origin=Origin("f", 1, 1)).render(NAMES)
    return raised.value.problems[0]


ESCAPES = (
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "''['__class__']",
    "''['__cla' ~ 'ss__']",
    "'' | attr('__class__')",
    "'' | attr('\\x5f\\x5fclass\\x5f\\x5f')",
    "vars.text | attr('format')",
    "vars.__class__",
    "vars['__class__']",
    "vars['__init__'].__globals__",
    "vars.text['__class__']",
    "vars.list.append('x')",
    "vars.list.__class__.__base__",
    "vars.map.update({'a': 'c'})",
    "vars.map.__init__",
    "vars.map.items",
    "vars.map.keys()",
    "(1).real",
    "1 .__class__",
    "vars.text.format",
    "'{0.__class__}'.format(1)",
    "'{0.__class__.__init__.__globals__}'.format_map(vars)",
    "'{0.__class__}' % 1",
    "'%s' | format(1)",
    "'%c' % 65",
    "[].__class__",
    "{}.__class__",
    "().__class__.__base__.__subclasses__()",
    "(range(3)).__class__",
    "range.__class__",
    "range",
    "range(1).start",
    "cycler",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "cycler('a').next()",
    "joiner",
    "joiner(',')()",
    "joiner.__init__.__globals__",
    "namespace",
    "namespace(a=1)",
    "namespace.__init__.__globals__['os']",
    "lipsum",
    "lipsum()",
    "lipsum.__globals__['os'].popen('id')",
    "dict",
    "dict(a=1)",
    "self",
    "self.__init__",
    "self._TemplateReference__context",
    "self.__dict__",
    "context",
    "caller()",
    "super()",
    "varargs",
    "environment",
    "config",
    "config.items()",
    "request.application.__globals__",
    "get_flashed_messages.__globals__",
    "url_for.__globals__",
    "g.pop.__globals__",
    "__import__('os')",
    "import os",
    "open('/etc/passwd').read()",
    "eval('1')",
    "lookup('pipe', 'id')",
    "lookup('env', 'HOME')",
    "query('file', '/etc/passwd')",
    "ansible_facts",
    "hostvars",
    "vars.list | map('attr', '__class__')",
    "vars.list | map(attribute='__class__')",
    "vars.list | map('format', 1)",
    "vars.list | select('callable')",
    "vars.list | groupby('__class__')",
    "vars.list | selectattr('__class__')",
    "vars.list | sum(start='')",
    "vars.list | sort(attribute='__class__')",
    "vars.list | batch(1)",
    "vars.list | random",
    "vars.text | pprint",
    "vars.text | safe",
    "vars.text | e",
    "vars.text | regex_replace('a', 'b')",
    "vars.text | from_json",
    "vars.text | xmlattr",
    "vars.text | first(place=3)",
    "vars.text | quote(encoding='x')",
    "vars.text | default(*vars.list)",
    "vars.text | default(**vars.map)",
    "range(*vars.list)",
    "range(1, *vars.list)",
    "range(1, step=2)",
    "vars.text is callable",
    "vars.text is filter",
    "vars.text is sameas('x')",
    "loop",
    "loop.__class__",
    "none.__class__",
    "true.__class__",
    "true.real",
    "vars.nothing.__class__",
    "vars.nothing | attr('__class__') | default('x')",
    "(vars.nothing | default).__class__",
    "facts.__class__",
    "secrets.__class__",
    "secrets.__dict__",
    "vars",
    "facts",
    "(vars)",
    "[vars]",
    "vars | items",
    "vars | list",
    "(vars if true else facts).text",
    "2 ** 99",
    "'a' * 9",
    "[1] * 9",
    "'a' 'b' * 9",
    "(lambda: 1)()",
    "x := 1",
    "f'{1}'",
    "vars.text[::2]",
    "vars.list[0:1]",
    "vars.list[0, 1]",
    "vars.text[0]",
    "`id`",
    "$HOME",
)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("expression", ESCAPES)
def test_no_expression_reaches_into_python(expression: str, kind: Kind) -> None:
    found = problem("{{ " + expression + " }}", kind)

    assert found.what
    assert "Traceback" not in found.what and "object at 0x" not in found.what


@pytest.mark.parametrize(
    "tag",
    [
        "set x = 1",
        "set x.y = 1",
        "set x %}a{% endset",
        "macro m() %}{% endmacro",
        "call m() %}{% endcall",
        "filter upper %}{% endfilter",
        "block b %}{% endblock",
        "extends 'x'",
        "include 'x'",
        "import 'x' as x",
        "from 'x' import y",
        "with x = 1 %}{% endwith",
        "autoescape false %}{% endautoescape",
        "do vars.list.append(1)",
        "print 1",
        "trans %}{% endtrans",
        "debug",
        "break",
        "continue",
        "for x in [1] %}{% break %}{% endfor",
        "1",
        "-set x = 1",
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_no_other_tag_is_in_the_language(tag: str, kind: Kind) -> None:
    assert problem("{% " + tag + " %}", kind).fix


ONCE = "{% for i in range(10000) %}…{% endfor %}"
TWICE = "{% for i in range(10000) %}{% for j in range(10000) %}…{% endfor %}{% endfor %}"
BOMBS = {
    "two loops": TWICE,
    "two loops of nothing": TWICE.replace("…", ""),
    "a loop over data": "{% for x in vars.many %}{% for y in vars.many %}{% endfor %}{% endfor %}",
    "a loop with much in it": ONCE.replace("…", "{{ 1 }}" * 4000),
    "a long range": "{{ range(10001) }}",
    "a range longer than a machine word": "{{ range(-9223372036854775807, 9223372036854775807) }}",
    "a range backwards": "{{ range(9999999, 0, -1) }}",
    "ranges in a list": "{{ [" + "range(10000)," * 3000 + "] | length }}",
    "texts in a list": "{{ [" + "vars.long | upper," * 3000 + "] | length }}",
    "texts as keys": "{{ {" + ",".join(f"vars.long ~ {n}: 1" for n in range(1000)) + "} | length }}",
    "replace": "{{ vars.long | replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxx') }}",
    "replace in replace": "{{ 'x'" + " | replace('x', 'xxxxxxxxxx')" * 40 + " }}",
    "join": "{{ vars.longer | join }}",
    "join with a long separator": "{{ range(10000) | join(vars.long) }}",
    "indent": "{{ vars.long | replace('x', '\n') | indent(64, true, true) }}",
    "a wide indent": "{{ 'a' | indent(999999999, true) }}",
    "concatenation": "{{ " + "~".join(["vars.long"] * 3000) + " }}",
    "plus": "{{ vars.long + vars.long }}",
    "urlencode": "{{ vars.long | replace('x', '\u00e9') | urlencode }}",
    "tojson": "{{ vars.longer | tojson }}",
    "a list of long texts as the value": "{{ vars.longer }}",
    "output": "{{ vars.long }}{{ vars.long }}",
    "output of more bytes than characters": "{{ vars.long | replace('x', '\u00e9') }}",
    "sorting": ONCE.replace("…", "{{ vars.many | sort | length }}"),
    "comparing": TWICE.replace("…", "{{ vars.longer == vars.longer }}"),
    "searching": TWICE.replace("…", "{{ 'aab' in vars.long }}"),
    "arithmetic": "{{ " + "*".join(["9999999999"] * 40) + " }}",
    "a long number": "{{ " + "9" * 5000 + " }}",
    "a long hexadecimal number": "{{ 0x" + "f" * 16000 + " }}",
    "a big float": "{{ 1e999 }}",
    "brackets": "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "lists": "{{ " + "[" * 2000 + "]" * 2000 + " }}",
    "negations": "{{ " + "not " * 4000 + "true }}",
    "signs": "{{ " + "-" * 8000 + "1 }}",
    "sums": "{{ " + "+".join(["1"] * 500) + " }}",
    "filters": "{{ 'a'" + "|trim" * 500 + " }}",
    "attributes": "{{ vars" + ".a" * 900 + " }}",
    "ifs": "{% if true %}" * 3000 + "{% endif %}" * 3000,
    "many parts": "{{ 1 }}" * 20_000,
    "a long list": "{{ [" + "1," * 100_000 + "] }}",
    "a large file": "x" * 300_000 + "{{ 1 }}",
    "unclosed comments": "{#" * 100_000,
    "unclosed quotes": "{{ " + "'" * 99_999 + " }}",
    "backslashes": "{{ '" + "\\" * 99_999 + " }}",
    "braces": "{" * 200_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_template_that_would_take_long_stops_soon(name: str) -> None:
    started = time.process_time()

    found = problem(BOMBS[name])

    assert time.process_time() - started < 2
    assert found.fix


LIMITED = {
    "concatenation": "vars.long ~ vars.long",
    "plus": "vars.long + vars.long",
    "replace": f"vars.long | replace('x', '{'y' * 100}')",
    "join": "range(100) | join(vars.long)",
    "indent": "vars.lines | indent(64, true, true)",
    "urlencode": "vars.accents | urlencode",
    "tojson": "[" * 40 + "range(9000)" + "]" * 40 + " | tojson(64)",
}


@pytest.mark.parametrize("name", LIMITED)
def test_a_text_in_between_is_refused_before_it_is_made(name: str) -> None:
    template = parse("{{ (" + LIMITED[name] + ") | length }}", kind=Kind.VALUE, origin=Origin("f", 1, 1))
    variables = {"long": LONG, "lines": "\n" * 1_000_000, "accents": "é" * 400_000}

    tracemalloc.start()
    with pytest.raises(DocumentError, match="the limit is 1,048,576"):
        template.render({"vars": variables})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 25 * 1024 * 1024


@pytest.mark.parametrize("expression", ["vars.half ~ vars.half", "range(1000) | join(vars.kilo)", "vars.half | upper"])
def test_many_long_texts_side_by_side_stop_before_they_fill_the_memory(expression: str) -> None:
    template = parse("{{ [" + f"{expression}," * 150 + "] | length }}", kind=Kind.VALUE, origin=Origin("f", 1, 1))
    variables = {"half": "é" * 500_000, "kilo": "é" * 1000}

    tracemalloc.start()
    with pytest.raises(DocumentError, match="more than 100,000 steps"):
        template.render({"vars": variables})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 25 * 1024 * 1024


def test_two_long_loops_say_what_is_too_much() -> None:
    assert problem(TWICE).what == "this template takes more than 100,000 steps"


def test_a_name_with_an_underscore_in_front_is_refused_also_where_it_exists() -> None:
    for expression in ("vars._x", "vars['_x']", "secrets._x", "vars.map._x", "vars.map['__x']"):
        with pytest.raises(DocumentError, match="begins with _"):
            parse("{{ " + expression + " }}", kind=Kind.VALUE, origin=Origin("f", 1, 1))


def test_an_expression_nests_fifty_deep_and_no_deeper() -> None:
    assert parse("{{ " + "+".join(["1"] * 50) + " }}", kind=Kind.VALUE, origin=Origin("f", 1, 1)).render({}) == 50
    assert "nests deeper than 50" in problem("{{ " + "+".join(["1"] * 51) + " }}", Kind.VALUE).what


def test_a_large_template_value_is_refused() -> None:
    assert "the limit is 16,384" in problem("x" * 17_000 + "{{ 1 }}", Kind.VALUE).what
    assert "more than 2,000 parts" in problem("{{ [" + "1," * 2000 + "] }}", Kind.VALUE).what


def test_work_that_is_not_too_much_is_done() -> None:
    text = "{% for i in range(10000) %}{{ i // 256 }}.{{ i % 256 }} host{{ i }}\n{% endfor %}"

    rendered = parse(text, kind=Kind.FILE, origin=Origin("f", 1, 1)).render(NAMES)

    assert isinstance(rendered, str)
    assert rendered.count("\n") == 10_000
    assert rendered.endswith("39.15 host9999\n")


def test_deep_data_is_refused_and_not_a_crash() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(DocumentError, match="nests too deep"):
        parse("{{ vars.deep }}", kind=Kind.VALUE, origin=Origin("f", 1, 1)).render({"vars": {"deep": deep}})


COMPILING = {
    "from_string",
    "get_template",
    "select_template",
    "compile_expression",
    "compile_templates",
    "NativeEnvironment",
}


def test_nothing_in_the_package_compiles_or_runs_text() -> None:
    """Facts cannot become templates, nor templates code, where nothing turns text into either."""
    sources = sorted(Path(reconciler.__file__).parent.rglob("*.py"))
    parsers = []
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                assert node.id not in COMPILING | {"eval", "exec", "compile", "__import__"}, source
            if isinstance(node, ast.Attribute):
                assert node.attr not in COMPILING, source
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "jinja2":
                parsers.append(source.parent.name if source.name != "templates.py" else source.name)
    assert set(parsers) == {"template_language"}
