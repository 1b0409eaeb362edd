"""What templates give, for values and for files, and what they say when they cannot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from reconciler.documents.templates import Kind, Rendered, is_template, parse
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.later import Later, NoValue
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.tree import Origin

NAMES: Mapping[str, object] = {
    "vars": {
        "proxy_port": "7890",
        "enabled": "false",
        "hosts": ["a", "b"],
        "ports": {"http": "80", "https": "443"},
        "people": [{"name": "alice"}, {"name": "bob"}],
    },
    "workstation": {"name": "alice-lt", "groups": ["backend"]},
    "distro": {"name": "Ubuntu-24.04"},
    "user": {"name": "alice", "home": "/home/alice"},
    "facts": {"libc": "glibc", "windows_host_address": "172.20.0.1"},
    "secrets": {"proxy_password": None},
}
HERE = Origin("team.yaml", 7, 12)


def value(text: str, **names: object) -> Rendered:
    return parse(text, kind=Kind.VALUE, origin=HERE).render({**NAMES, **names})


def file(text: str, **names: object) -> Rendered:
    return parse(text, kind=Kind.FILE, origin=Origin("motd.j2", 1, 1)).render({**NAMES, **names})


def problem(text: str, kind: Kind = Kind.VALUE, **names: object) -> Problem:
    with pytest.raises(DocumentError) as raised:
        parse(text, kind=kind, origin=HERE if kind is Kind.VALUE else Origin("motd.j2", 1, 1)).render(
            {**NAMES, **names}
        )
    (found,) = raised.value.problems
    return found


# Values


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("plain text", "plain text"),
        ("{{ vars.proxy_port }}", "7890"),
        ('{{ vars["proxy_port"] }}', "7890"),
        ("http://{{ facts.windows_host_address }}:{{ vars.proxy_port }}", "http://172.20.0.1:7890"),
        ("{{ user.home }}/go", "/home/alice/go"),
        ("{{ 'on' if vars.enabled | bool else 'off' }}", "off"),
        ("{{ vars.ports.http ~ ':' ~ 1 ~ true }}", "80:1true"),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ vars.missing | default('none') }}", "none"),
        ("{{ vars.missing | default(vars.too) | default('last') }}", "last"),
        ("{{ '' | default('empty', true) }}", "empty"),
        ("{{ vars.hosts[0] }}{{ vars.hosts.1 }}{{ vars.hosts[-1] }}", "abb"),
        ("{{ vars.ports[vars.which] }}", "443"),
        ("{{ 7 // 2 }} {{ 7 % 4 }} {{ 7 / 2 }} {{ -7 + 2 * 3 }}", "3 3 3.5 -1"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
        ("${#list[@]} {# text in a value #} {{ user.name }}", "${#list[@]} {# text in a value #} alice"),
    ],
)
def test_a_value_is_rendered(text: str, given: str) -> None:
    assert value(text, vars={**NAMES["vars"], "which": "https"}) == given  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("{{ vars.proxy_port | int }}", 7890),
        ("  {{ vars.proxy_port | int + 1 }}\n", 7891),
        ("{{ vars.enabled | bool }}", False),
        ("{{ 1 < 2 <= 2 }}", True),
        ("{{ 1.5 }}", 1.5),
        ("{{ vars.hosts }}", ["a", "b"]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ vars.ports }}", {"http": "80", "https": "443"}),
        ("{{ {'a': [1]} }}", {"a": [1]}),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ vars.proxy_port }}", "7890"),
    ],
)
def test_a_value_that_is_one_expression_keeps_its_type(text: str, given: object) -> None:
    rendered = value(text)

    assert rendered == given
    assert type(rendered) is type(given)


def test_text_around_an_expression_makes_it_text() -> None:
    assert value("{{ 1 == 1 }}/{{ 8080 }}") == "true/8080"


def test_a_rendered_list_shares_nothing_with_the_variable() -> None:
    hosts = ["a"]

    rendered = value("{{ vars.hosts }}", vars={"hosts": hosts})
    assert isinstance(rendered, list)
    rendered.append("b")

    assert hosts == ["a"]


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        ("'7' | int", 7),
        ("'true' | bool", True),
        ("'1.5' | float", 1.5),
        ("7 | string", "7"),
        ("'Ab' | lower", "ab"),
        ("'Ab' | upper", "AB"),
        ("' a ' | trim", "a"),
        ("'a-b-c' | replace('-', '+')", "a+b+c"),
        ("['a', 1, true] | join(',')", "a,1,true"),
        ("vars.hosts | first", "a"),
        ("vars.hosts | last", "b"),
        ("vars.hosts | length", 2),
        ("'abc' | count", 3),
        ("['b', 'a'] | sort", ["a", "b"]),
        ("[1, 3, 2] | sort(reverse=true)", [3, 2, 1]),
        ("['b', 'A', 'a', 'b'] | unique", ["b", "A", "a"]),
        ("[1, 2] | reverse", [2, 1]),
        ("vars.ports | list", ["http", "https"]),
        ("vars.ports | items", [["http", "80"], ["https", "443"]]),
        ("{'b': 1, 'a': 2} | dictsort", [["a", 2], ["b", 1]]),
        ("vars.people | map(attribute='name')", ["alice", "bob"]),
        ("{'b': 'ä', 'a': 'x\"'} | tojson", '{"b": "ä", "a": "x\\""}'),
        ("[1] | tojson(indent=2)", "[\n  1\n]"),
        ('"it\'s" | quote', "'it'\"'\"'s'"),
        ("'a/b c' | urlencode", "a%2Fb%20c"),
        ("'a\nb\n\nc' | indent(2)", "a\n  b\n\n  c"),
        ("'a\n\nb' | indent(2, first=true, blank=true)", "  a\n  \n  b"),
        ("-3 | abs", 3),
        ("[3, 1] | min", 1),
        ("['a', 'b'] | max", "b"),
        ("'/etc/wsl.conf' | basename", "wsl.conf"),
        ("'/etc/wsl.conf' | dirname", "/etc"),
        ("[] | first | default('x')", "x"),
    ],
)
def test_filters(expression: str, given: object) -> None:
    assert value(f"{{{{ {expression} }}}}") == given


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        ("vars.proxy_port is defined", True),
        ("vars.nothing is undefined", True),
        ("vars.nothing is not defined", True),
        ("none is none", True),
        ("true is true", True),
        ("true is false", False),
        ("vars.proxy_port is string", True),
        ("1 is number", True),
        ("1.5 is integer", False),
        ("true is integer", False),
        ("true is boolean", True),
        ("vars.ports is mapping", True),
        ("vars.hosts is sequence", True),
        ("'text' is sequence", False),
        ("2 is even", True),
        ("2 is odd", False),
        ("'a' is in vars.hosts", True),
        ("2 is lt 3", True),
        ("3 is eq 3", True),
        ("'a' not in vars.hosts", False),
        ("'http' in vars.ports", True),
        ("'89' in vars.proxy_port", True),
        ("vars.proxy_port != '80'", True),
        ("not vars.hosts and true", False),
        ("false or vars.hosts", True),
        ("1 == 1.0", True),
        ("none == 'a'", False),
    ],
)
def test_conditions(expression: str, given: bool) -> None:
    assert value(f"{{{{ {expression} }}}}") is given


# Files


def test_a_line_that_holds_only_a_tag_or_a_comment_leaves_no_line() -> None:
    text = "{# who may log in #}\n# hosts\n  {% for host in vars.hosts %}\n{{ loop.index }} {{ host }}\n  {% endfor %}\nend\n"

    assert file(text) == "# hosts\n1 a\n2 b\nend\n"


def test_branches_and_loops() -> None:
    text = (
        "{% for name, port in vars.ports | items if port != '80' %}"
        "{% if loop.first and loop.last %}{{ name }}={{ port }}{% elif true %}no{% else %}no{% endif %}"
        "{% else %}empty{% endfor %}"
    )

    assert file(text) == "https=443"
    assert file(text, vars={"ports": {}}) == "empty"


def test_a_loop_variable_ends_with_its_loop_and_hides_none_outside() -> None:
    text = "{% for x in [1, 2] %}{% for x in ['a'] %}{{ x }}{{ loop.length }}{% endfor %}{{ x }}{{ loop.length }}{% endfor %}"

    assert file(text) == "a112a122"
    assert "x is not a name" in problem("{% for x in [1] %}{% endfor %}{{ x }}", Kind.FILE).what


def test_a_file_is_text_also_when_it_is_one_expression() -> None:
    assert file("{{ 1 }}") == "1"
    assert file("{{ 1 == 1 }}\n") == "true\n"


def test_a_file_checked_out_with_crlf_renders_with_lf() -> None:
    assert file("a\r\n{{ user.name }}\r\n") == "a\nalice\n"
    assert file("no template\r\n") == "no template\n"


def test_the_end_of_a_file_stays_as_it_is() -> None:
    assert file("{{ 'a' }}") == "a"
    assert file("{{ 'a' }}\n\n") == "a\n\n"


# Names


def test_the_names_in_a_template_are_known_without_rendering_it() -> None:
    text = '{% if facts.libc == "musl" %}{{ vars["a"] }}{% endif %}{{ secrets.p | quote }}{% for x in vars.b.c %}{{ x.y }}{% endfor %}'

    assert parse(text, kind=Kind.FILE, origin=HERE).uses == {"facts.libc", "vars.a", "secrets.p", "vars.b"}
    assert parse("plain", kind=Kind.FILE, origin=HERE).uses == frozenset()


def test_a_name_with_a_default_need_not_have_a_value() -> None:
    text = "{{ vars.a }}{{ vars.b | default('') }}{{ vars['c'] is defined }}{{ vars.d | d | upper }}"

    assert parse(text, kind=Kind.VALUE, origin=HERE).needs == {"vars.a"}


def test_a_name_that_the_caller_refuses_is_told_at_its_first_line() -> None:
    template = parse("a\n\n  {{ facts.lbc }}\n{{ facts.lbc }}", kind=Kind.FILE, origin=Origin("motd.j2", 1, 1))

    (found,) = template.undefined("facts.lbc", {"libc", "kernel"}).problems

    assert found.origin == Origin("motd.j2", 3, 3)
    assert found.what == "facts.lbc is not defined (defined: facts.kernel, facts.libc)"
    assert found.fix == "did you mean facts.libc?"


def test_a_misspelt_name_is_told_with_the_nearest() -> None:
    found = problem("{{ vars.proxy_prot }}")

    assert found.what.startswith("vars.proxy_prot is not defined (defined: vars.enabled, ")
    assert found.fix == "did you mean vars.proxy_port?"
    assert found.origin == HERE


def test_a_variable_without_vars_is_told_how_to_write_it() -> None:
    found = problem("{{ proxy_port }}")

    assert found.what == "proxy_port is not a name of templates"
    assert found.fix is not None and "vars.proxy_port" in found.fix


def test_a_name_that_does_not_exist_in_this_layer_is_told() -> None:
    assert problem("{{ user.home }}", user={}).what == "user.home is not defined"


def test_which_variable_is_meant_cannot_depend_on_another() -> None:
    assert "stands without" in problem("{{ vars[user.name] }}").what


# Facts


def test_a_template_that_uses_facts_is_later_until_they_are_gathered() -> None:
    text = "{{ facts.libc }}-{{ facts.kernel }}-{{ vars.proxy_port }}"

    assert value(text, facts=None) == Later(frozenset({"facts.libc", "facts.kernel"}))
    assert value("{{ vars.proxy_port }}", facts=None) == "7890"


def test_a_fact_without_a_value_comes_back_with_its_reason() -> None:
    why = NoValue("this is not WSL")

    assert value("http://{{ facts.windows_host_address }}", facts={"windows_host_address": why}) == why
    assert value("{{ facts.libc }}", facts={"windows_host_address": why, "libc": "musl"}) == "musl"


@pytest.mark.parametrize("hostile", ["{{7*7}}", "{% raw %}", "{# x", "{{ vars.proxy_port }}", "${{ 1 }}", "%}", "\x00"])
def test_what_a_machine_says_is_never_a_template(hostile: str) -> None:
    facts = {"libc": hostile, "listed": [hostile], "mapped": {hostile: hostile}}

    assert value("{{ facts.libc }}", facts=facts) == hostile
    assert value("<{{ facts.libc }}>", facts=facts) == f"<{hostile}>"
    assert file("{% for x in facts.listed %}{{ x }}{% endfor %}", facts=facts) == hostile
    assert file("{% for k, v in facts.mapped | items %}{{ k }}{{ v }}{% endfor %}", facts=facts) == hostile * 2
    assert value("{{ facts.mapped }}", facts=facts) == {hostile: hostile}
    assert value("{{ vars.x }}", vars={"x": hostile}) == hostile


# Secrets


def test_a_text_with_a_secret_keeps_a_hole_for_it() -> None:
    assert value("{{ secrets.proxy_password }}") == SecretText((SecretHole("proxy_password"),))
    assert value("http://u:{{ secrets.proxy_password | urlencode }}@h:{{ vars.proxy_port }}/") == SecretText(
        ("http://u:", SecretHole("proxy_password", "urlencode"), "@h:7890/")
    )


def test_a_file_with_a_secret_in_a_branch_not_taken_is_secret_all_the_same() -> None:
    assert file("a{% if false %}{{ secrets.proxy_password }}{% endif %}b") == SecretText(("ab",))


def test_text_that_looks_like_a_hole_is_text() -> None:
    text = "{{ secrets.proxy_password }} {{ facts.libc }}"

    rendered = value(text, facts={"libc": "{{ secrets.proxy_password }}***"})

    assert isinstance(rendered, SecretText)
    assert rendered.fill({"proxy_password": "s"}).reveal() == "s {{ secrets.proxy_password }}***"


@pytest.mark.parametrize(
    "text",
    [
        "{{ secrets.proxy_password ~ 'x' }}",
        "{{ secrets.proxy_password | upper }}",
        "{{ secrets.proxy_password | urlencode | quote }}",
        "{{ secrets.proxy_password | tojson(indent=2) }}",
        "{{ secrets.proxy_password | length }}",
        "{{ secrets.proxy_password | default('x') }}",
        "{{ secrets.proxy_password == 'x' }}",
        "{{ secrets.proxy_password is defined }}",
        "{{ 'x' if true else secrets.proxy_password }}",
        "{{ [secrets.proxy_password] }}",
        "{{ {'a': secrets['proxy_password']} }}",
        "{{ secrets.proxy_password[0] }}",
        "{{ vars.ports[secrets.proxy_password] }}",
        "{{ secrets }}",
        "{{ secrets | items }}",
        "{{ secrets[vars.proxy_port] }}",
        "{{ 'x' | replace('x', secrets.proxy_password) }}",
        "{% if secrets.proxy_password %}{% endif %}",
        "{% for x in secrets.proxy_password %}{% endfor %}",
        "{% for x in secrets %}{% endfor %}",
        "{% for x in [1] if secrets.proxy_password %}{% endfor %}",
    ],
)
def test_a_secret_is_used_by_itself_only(text: str) -> None:
    found = problem(text, Kind.FILE)

    assert "secrets" in found.what
    assert found.fix is not None and ("by itself" in found.fix or "secrets.NAME" in found.fix)


def test_a_secret_that_no_document_names_is_told() -> None:
    assert problem("{{ secrets.other }}").fix == "write  secrets: {other: {}}  first"


# Problems: what, where, fix


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("{{ vars.proxy_port == 7890 }}", "text is compared with a number", "| int"),
        ("{{ vars.proxy_port in [7890] }}", "text is compared with a number", "| int"),
        ("{{ true == 1 }}", "true or false is compared with a number", "| bool"),
        ("{{ vars.proxy_port + 1 }}", "+ works on numbers", "~"),
        ("{{ vars.proxy_port < 8000 }}", "have no order", "| int"),
        ("{{ 'a' if vars.enabled else 'b' }}", "a text stands as a condition", "| bool"),
        ("{{ not vars.enabled }}", "a text stands as a condition", "| bool"),
        ("{{ 'a' if vars.enabled | bool }}", "this if has no else", "else"),
        ("{{ 'yes' | bool }}", 'not "yes"', "true"),
        ("{{ '7.5' | int }}", 'not "7.5"', "digits"),
        ("{{ 'x' * 3 }}", "* works on numbers", "int"),
        ("{{ 'x' % 3 }}", "% works on numbers", "int"),
        ("{{ 2 ** 3 }}", "** is not in the template language", "number"),
        ("{{ 1 / 0 }}", "/ by zero", "another"),
        ("{{ 1 // 0.0 }}", "// by zero", "another"),
        ("{{ 9223372036854775807 + 1 }}", "64 bits", "smaller"),
        ("{{ 99999999999999999999 }}", "64 bits", "quotes"),
        ("{{ 1e308 * 10 }}", "too large", "smaller"),
        ("x{{ none }}", "none has no text", "default"),
        ("{{ none }}", "no value", "default"),
        ("x{{ vars.hosts }}", "a list stands where text is made", "join"),
        ("x{{ vars.ports }}", "a mapping stands where text is made", "tojson"),
        ("{{ vars.hosts | jion }}", "there is no filter jion", "join"),
        ("{{ 1 is evn }}", "there is no test evn", "even"),
        ("{{ 'a' | replace('x') }}", "replace does not take", "old, new"),
        ("{{ 'a' | upper(1) }}", "upper does not take", "alone"),
        ("{{ 'a' | default(value=1) }}", "default does not take", "default_value"),
        ("{{ vars.proxy_port.upper() }}", ".upper() is a method", "| upper"),
        ("{{ ' a'.strip() }}", ".strip() is a method", "| trim"),
        ("{{ '{}'.format(1) }}", ".format() is a method", "~"),
        ("{{ dict() }}", "nothing but range", "filter"),
        ("{{ vars.hosts[0:1] }}", "[from:to]", "one by one"),
        ("{{ vars.proxy_port.x }}", "vars.proxy_port is text", "alone"),
        ("{{ vars.hosts['a'] }}", "vars.hosts is a list", "number"),
        ("{{ vars.hosts[9] }}", "entry 9 of vars.hosts is not defined", "default"),
        ("{{ vars.hosts[true] }}", "names none of its entries", "number"),
        ("{{ range(0, 9, 0) }}", "never ends", "step"),
        ("{{ range('3') }}", "whole numbers", "int"),
        ("{{ [] | last }}", "of an empty list is not defined", "default"),
        ("{{ ['a', 1] | sort }}", "sort needs a list of texts only", "map"),
        ("{{ [1] | map(attribute='x') }}", "has no x", "add it"),
        ("{{ {1: 2} }}", "not text", "quotes"),
        ("{{ '\\ud800' }}", "half of a character", "whole"),
        ("{{ _x }}", "_x is not a name", "vars._x"),
        ("{% if true %}x{% endif %}", "a value holds expressions only", "if … else"),
        ("{{ user.name", "}} is missing", "close"),
        ("{{ }}", "an expression is missing before }}", "vars.port"),
        ("{{ user.name user.home }}", "user stands where }} is expected", "~"),
        ("{{ 'a }}", "a quote in an expression has no end", "close"),
        ("{{ (1 }}", "} stands where ) is expected", "brackets"),
        ("{{ ! }}", "! cannot stand in an expression", "quotes"),
        ("{{ user. }}", "a name is missing after the point", "vars.port"),
        ("a\r{{ 1 }}", "carriage return", "{{"),
    ],
)
def test_a_value_that_cannot_be_rendered_says_what_to_write(text: str, what: str, fix: str) -> None:
    found = problem(text)

    assert what in found.what
    assert found.origin == HERE
    assert found.fix is not None and fix in found.fix


@pytest.mark.parametrize(
    ("text", "what", "line", "column"),
    [
        ("a\nb {{ vars.nothing }}\n", "vars.nothing is not defined", 2, 3),
        ("a\n{% set x = 1 %}\n", "{% set %} is not in the template language", 2, 1),
        ("{% if true %}\n  {% for x in vars.proxy_port %}\n{% endfor %}{% endif %}", "a loop needs a list", 2, 3),
        ("{% for k, v in vars.ports %}{% endfor %}", "does not split into k, v", 1, 1),
        ("{% for x in [1] recursive %}{% endfor %}", "recursive", 1, 1),
        ("{% for vars in [1] %}{% endfor %}", "vars is taken", 1, 1),
        ("{% for x, x in [1] %}{% endfor %}", "different names", 1, 1),
        ("\n\n{{ loop.index }}", "loop is not a name", 3, 1),
        ("{% for x in [1] %}{{ loop.cycle }}{% endfor %}", "loop.cycle does not exist", 1, 1),
        ("{% for x in [1] %}{{ loop }}{% endfor %}", "loop stands without a name", 1, 1),
        ("x\n{% if true %}\ny", "{% if %} is not closed", 3, 1),
        ("x\n{% endif %}", "{% endif %} has no beginning", 2, 1),
        ("{% if %}{% endif %}", "an expression is missing before %}", 1, 1),
        ("x ${#list}", "{# has no #} after it", 1, 4),
        ("{% raw %}x", "{% raw %} has no {% endraw %}", 1, 1),
        ("{{ 1 + \n  'x' }}", "+ works on numbers", 2, 1),
    ],
)
def test_a_problem_in_a_file_is_told_at_its_line(text: str, what: str, line: int, column: int) -> None:
    found = problem(text, Kind.FILE)

    assert what in found.what
    assert found.origin == Origin("motd.j2", line, column)


def test_a_problem_in_a_value_of_many_lines_names_the_line() -> None:
    assert problem("a\n{{ vars.nothing }}").what.startswith("line 2 of this text: vars.nothing is not defined")


def test_three_tags_inside_each_other_are_too_deep() -> None:
    two = "{% if true %}{% for x in [1] %}y{% endfor %}{% endif %}"

    assert file(two) == "y"
    assert "nest deeper than 2" in problem(f"{{% if true %}}{two}{{% endif %}}", Kind.FILE).what


def test_jinja_is_loaded_only_for_a_template() -> None:
    script = """
import sys
from reconciler.documents.templates import Kind, is_template, parse
from reconciler.model.tree import Origin
assert not is_template("{a} %} }}")
parse("plain {a}", kind=Kind.FILE, origin=Origin("f", 1, 1)).render({})
assert "jinja2" not in sys.modules
parse("{{ 1 }}", kind=Kind.VALUE, origin=Origin("f", 1, 1))
assert "jinja2" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("text", ["{{ x }}", "{% if %}", "{# #}", "a {{", "a {#"])
def test_text_that_may_hold_a_template_is_known(text: str) -> None:
    assert is_template(text)
