"""Templates that would work or allocate without end, and what stops each."""

NS = "{% set ns = namespace(x='ab', l=[1], n=3, t=(1,)) %}"
STEPS_OUT = "too many steps"
LONG = "more than 200000 characters"
MANY = "more than 50000 items"
NUMBERS = "only numbers can be multiplied"
BIG = "more than 64 bits"
WIDE = "99 characters wide"
NESTED = "nested too deeply"
ENDLESS = "without end"
UNSAFE = "unsafe"
NO_FILTER = "No filter"


def twice(body: str) -> str:
    """A loop in a loop: a million turns."""
    loop = "{% for i in range(1000) %}"
    return f"{loop}{loop}{body}{'{% endfor %}' * 2}"


def times(count: int, body: str) -> str:
    return f"{{% for i in range({count}) %}}{body}{{% endfor %}}"


GROW = twice("{% set ns.x = ns.x ~ ns.x %}")
DAG = NS + times(60, "{% set ns.l = [ns.l, ns.l] %}")
TUPLES = NS + times(60, "{% set ns.t = (ns.t, ns.t) %}")
CHAIN = NS + times(150, "{% set ns.t = (ns.t,) %}")
WALL = "x" * 50_000

HOSTILE = {
    "loops without a step": (twice(""), STEPS_OUT),
    "five loops": ("{% for a in range(1000) %}" * 5 + "{% endfor %}" * 5, STEPS_OUT),
    "a loop that selects nothing": (
        twice("").replace("range(1000) %}", "range(1000) if i == 0 or i != 0 %}"),
        STEPS_OUT,
    ),
    "a loop over characters": (
        times(1000, "{% for c in note.text %}{% endfor %}"),
        STEPS_OUT,
    ),
    "a loop with a long body": (twice("{% if note %}{% endif %}" * 1000), STEPS_OUT),
    "a loop with assignments": (twice("{% set a = 1 %}" * 1000), STEPS_OUT),
    "a loop with a long literal": (twice("{% if [" + "1," * 5000 + "] %}{% endif %}"), STEPS_OUT),
    "a loop that calls itself": (
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        ENDLESS,
    ),
    "a loop that calls itself twice": (
        "{% for x in [1, 2] recursive %}{% if loop.depth < 40 %}{{ loop([1, 2]) }}{% endif %}"
        "{% endfor %}",
        STEPS_OUT,
    ),
    "loop.length": (twice("{% if loop.length %}{% endif %}"), STEPS_OUT),
    "loop.changed": (twice("{% if loop.changed(note.text) %}{% endif %}"), STEPS_OUT),
    "loop.cycle": (twice("{{ loop.cycle('a', 'b') }}"), STEPS_OUT),
    "a cycler": (
        NS + "{% set c = cycler(1, 2) %}" + twice("{% if c.next() %}{% endif %}"),
        STEPS_OUT,
    ),
    "a joiner": ("{% set j = joiner() %}" + twice("{% if j() %}{% endif %}"), STEPS_OUT),
    "namespaces": (twice("{% set n = namespace(x=1) %}"), STEPS_OUT),
    "dicts": (twice("{% set n = dict(x=1) %}"), STEPS_OUT),
    "a long range": ("{{ range(10**9) | list }}", "more than 1000 numbers"),
    "a longer range": ("{{ range(10**18) | list }}", "more than 1000 numbers"),
    "round": ("{{ 5 | round(300000000) }}", "more than 20 digits"),
    "round below": ("{{ 5 | round(-300000000) }}", "more than 20 digits"),
    "round up": ("{{ 5 | round(300000000, 'ceil') }}", "more than 20 digits"),
    "squaring": (NS + times(90, "{% set ns.n = ns.n * ns.n %}"), BIG),
    "doubling by -": (NS + times(90, "{% set ns.n = ns.n - -ns.n %}"), BIG),
    "doubling by +": (NS + times(90, "{% set ns.n = ns.n + ns.n %}"), BIG),
    "powers": ("{{ 9 ** 9 ** 9 }}", BIG),
    "a power": ("{{ 2 ** (10 ** 12) }}", "a power this large"),
    "a negative power": ("{{ (-9) ** 99999999 }}", "a power this large"),
    "a sum over 64 bits": ("{{ [2 ** 62, 2 ** 62, 2 ** 62, 2 ** 62, 2 ** 62] | sum }}", BIG),
    "a hexadecimal literal": ("{{ 0x" + "f" * 90_000 + " }}", "a number this large"),
    "a decimal literal": ("{{ " + "9" * 4000 + " }}", "a number this large"),
    "an infinite literal": ("{{ 1e999 }}", "a number this large"),
    "a hexadecimal text": ("{{ (note.text | replace('', 'f'))[:100000] | int(base=16) }}", ""),
    "a text of digits": ("{% set x = '9' %}{% for i in range(17) %}{% endfor %}{{ x | int }}", ""),
    "a float as a number": ("{{ 1e300 | int }}", BIG),
    "a repeated tuple": ("{{ (0,) * 300000000 }}", NUMBERS),
    "a repeated tuple that is set": ("{% set x = (0,) * 300000000 %}", NUMBERS),
    "a repeated tuple in a condition": ("{% if (0,) * 300000000 %}{% endif %}", NUMBERS),
    "a repeated list": ("{{ [0] * 300000000 }}", NUMBERS),
    "a repeated text": ("{{ 'a' * 300000000 }}", NUMBERS),
    "a text repeated from the left": ("{{ 300000000 * 'a' }}", NUMBERS),
    "a width in gettext": ("{{ _('%(x)300000000s', x=1) }}", WIDE),
    "a precision in gettext": ("{{ _('%(x).300000000f', x=1.5) }}", WIDE),
    "a width from an argument": ("{{ _('%(x)*d', x=9) }}", WIDE),
    "a width in ngettext": ("{{ ngettext('%(num)300000000d', '%(num)300000000d', 3) }}", WIDE),
    "a width behind brackets": ("{{ _('%((x))300000000s', x=1) }}", WIDE),
    "a variable in many places": (
        "{{ _(('%(x)s' ~ note.text[:0]) ~ t, x=note.text) }}".replace(
            "t,", "'" + "%(x)s" * 1000 + "',"
        ),
        LONG,
    ),
    "a width with %": ("{{ '%300000000d' % 1 }}", "use ~"),
    "the filter format": ("{{ '%300000000d' | format(1) }}", NO_FILTER),
    "the method format": ("{{ '{:300000000}'.format(1) }}", UNSAFE),
    "the method format, by item": ("{{ '{:300000000}'['format'](1) }}", UNSAFE),
    "the method format_map": ("{{ '{x:300000000}'.format_map({'x': 1}) }}", UNSAFE),
    "doubling a text": (NS + GROW, LONG),
    "doubling a text line by line": ("{% set a = 'ab' %}" + "{% set a = a ~ a %}" * 60, LONG),
    "doubling a text by +": (NS + twice("{% set ns.x = ns.x + ns.x %}"), LONG),
    "doubling a block": (NS + twice("{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"), LONG),
    "doubling a filtered block": (
        NS + twice("{% set ns.x | upper %}{{ ns.x }}{{ ns.x }}{% endset %}"),
        LONG,
    ),
    "doubling in a macro": (
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}" + NS + twice("{% set ns.x = m(ns.x) %}"),
        LONG,
    ),
    "doubling in a call block": (
        "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}"
        + "{% call m() %}" * 19
        + "x"
        + "{% endcall %}" * 19,
        f"{LONG}|{STEPS_OUT}",
    ),
    "one expression with many parts": ("{{ note.text" + " ~ note.text" * 100 + " }}", LONG),
    "doubling by replace": (NS + twice("{% set ns.x = ns.x | replace('a', 'aa') %}"), LONG),
    "replacing nothing": ("{{ note.text | replace('', note.text) }}", LONG),
    "joining with a text": ("{{ note.text | join(note.text) }}", LONG),
    "joining many texts": (
        NS + times(1000, "{% set ns.l = ns.l + [note.text] %}") + "{{ ns.l | join }}",
        MANY,
    ),
    "doubling a list": (NS + twice("{% set ns.l = ns.l + ns.l %}"), LONG),
    "doubling a tuple": (NS + twice("{% set ns.t = ns.t + ns.t %}"), LONG),
    "lists in lists, written": (DAG + "{{ ns.l }}", MANY),
    "lists in lists, as a text": (DAG + "{{ ns.l | string }}", MANY),
    "lists in lists, put together": (DAG + "{{ ns.l ~ '' }}", MANY),
    "lists in lists, joined": (DAG + "{{ ns.l | join }}", MANY),
    "lists in lists, sorted": (DAG + "{{ [ns.l, ns.l] | sort }}", MANY),
    "lists in lists, compared": (
        DAG
        + "{% set o = namespace(l=[1]) %}"
        + times(60, "{% set o.l = [o.l, o.l] %}")
        + "{{ ns.l == o.l }}",
        MANY,
    ),
    "lists in lists, looked for": (DAG + "{{ ns.l in [ns.l] }}", MANY),
    "lists in lists, by a test": (DAG + "{{ ns.l is in([ns.l]) }}", MANY),
    "tuples in tuples, as a key": (TUPLES + "{{ {ns.t: 1} }}", MANY),
    "tuples in tuples, as an item": (TUPLES + "{{ {}[ns.t] }}", MANY),
    "tuples in tuples, as an argument": (TUPLES + "{{ {}.get(ns.t) }}", MANY),
    "tuples in tuples, made unique": (TUPLES + "{{ [ns.t] | unique }}", MANY),
    "tuples in tuples, in a dict": (TUPLES + "{{ dict([(ns.t, 1)]) }}", MANY),
    "a chain of tuples": (CHAIN + "{{ ns.t }}", "more than 100 lists"),
    "a chain of tuples, as an item": (CHAIN + "{{ {1: 2}[ns.t] }}", "more than 100 lists"),
    "a chain of tuples, compared": (CHAIN + "{{ ns.t == ns.t }}", "more than 100 lists"),
    "a key that collides": ("{{ [(-1, -2), (-2, -1)] | unique }}", "neither a text nor a number"),
    "a namespace in itself": (NS + "{% set ns.l = [ns] %}{{ ns.l }}", "neither a text"),
    "a template as a text": ('{% import "_parts.j2" as p %}{{ p }}', "neither a text"),
    "sorting characters": (twice("{% if note.text | sort %}{% endif %}"), STEPS_OUT),
    "sorting by many attributes": (
        "{{ range(1000) | sort(attribute='," + "," * 9000 + "') }}",
        STEPS_OUT,
    ),
    "a sum of lists": ("{{ [[1], [2]] | sum(start=[]) }}", "only numbers have a sum"),
    "a sum of texts": ("{{ ['a' | e, 'b' | e] | sum(start='' | e) }}", "only numbers have a sum"),
    "stripping many characters": (
        twice("{% if note.text.strip(note.text) %}{% endif %}"),
        STEPS_OUT,
    ),
    "trimming many characters": (
        twice("{% if note.text | trim(note.text) %}{% endif %}"),
        STEPS_OUT,
    ),
    "searching from the right": (
        twice("{% if note.text.rfind(note.text[5000:]) %}{% endif %}"),
        STEPS_OUT,
    ),
    "searching for a long text": (
        NS
        + times(12, "{% set ns.x = ns.x ~ ns.x %}")
        + twice("{% if ns.x[:4000] ~ 'c' in ns.x %}{% endif %}"),
        STEPS_OUT,
    ),
    "searching by a name of the argument": (
        NS
        + times(14, "{% set ns.x = ns.x ~ ns.x %}")
        + twice("{% if ns.x.rsplit(sep='c' ~ ns.x) %}{% endif %}"),
        STEPS_OUT,
    ),
    "chained searches": (twice("{% if 'a' in note.text not in 'b' %}{% endif %}"), STEPS_OUT),
    "many long texts by replace": (
        NS + twice("{% set ns.l = ns.l + [note.text[:900] | replace('', 'x' ~ i)] %}"),
        STEPS_OUT,
    ),
    "many long lists by split": (
        NS + twice("{% set ns.l = ns.l + [note.text.split('*')] %}"),
        STEPS_OUT,
    ),
    "many long lists of characters": (
        NS + twice("{% set ns.l = ns.l + [note.text | list] %}"),
        STEPS_OUT,
    ),
    "the title of a text in a list": (twice("{% if [note.text] | title %}{% endif %}"), STEPS_OUT),
    "steps that are given back": ("{{ [-1000000] | map(' step') | list }}" + twice(""), NO_FILTER),
    "turns that are given back": (
        "{{ [[1]] | map(' turns', -1000000) | list }}" + twice(""),
        NO_FILTER,
    ),
    "decoding names of hosts": (
        twice("{% if ('xn--' ~ note.text ~ i) | readable %}{% endif %}"),
        STEPS_OUT,
    ),
    "a name that Python keeps": ("{{ namespace(__debug__=1) }}", "__debug__"),
    "splitting": (twice("{% if note.text.split('a') %}{% endif %}"), STEPS_OUT),
    "counting words": (twice("{% if note.text | wordcount %}{% endif %}"), STEPS_OUT),
    "reading markup": (twice("{{ note.text | mfm }}"), STEPS_OUT),
    "reading names": (twice("{{ note.text | emoji }}"), STEPS_OUT),
    "telling moments": (twice("{% if note.createdAt | moment %}{% endif %}"), STEPS_OUT),
    "translating": (twice("{% if _('a') %}{% endif %}"), STEPS_OUT),
    "mapping": (twice("{% if range(1000) | map('string') | list %}{% endif %}"), STEPS_OUT),
    "selecting": (twice("{% if range(1000) | select('odd') | list %}{% endif %}"), STEPS_OUT),
    "writing nouns": ("{% set x %}" + twice("{{ note.user }}") + "{% endset %}", STEPS_OUT),
    "slices": (twice("{% if note.text[::-1] %}{% endif %}"), STEPS_OUT),
    "macros": ("{% macro m() %}{% endmacro %}" + twice("{{ m() }}"), STEPS_OUT),
    "a macro with a long body": (
        "{% macro m() %}" + "{% set a = 1 %}" * 2000 + "{% endmacro %}" + twice("{{ m() }}"),
        STEPS_OUT,
    ),
    "a macro with a long default": (
        "{% macro m(a=[" + "1," * 9000 + "]) %}{% endmacro %}" + twice("{{ m() }}"),
        STEPS_OUT,
    ),
    "a macro with many arguments": (
        "{% macro m() %}{{ varargs | length }}{% endmacro %}" + twice("{{ m(*note.text) }}"),
        STEPS_OUT,
    ),
    "a macro that calls itself": ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ENDLESS),
    "a macro that calls itself twice": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
        "{{ m(40) }}",
        STEPS_OUT,
    ),
    "blocks that show each other": (
        "{% block title %}{{ self.body() }}{% endblock %}"
        "{% block body %}{{ self.title() }}{% endblock %}",
        ENDLESS,
    ),
    "a block shown often": (
        "{% block title %}" + "{% set a = 1 %}" * 2000 + "{% endblock %}"
        "{% block body %}" + twice("{{ self.title() }}") + "{% endblock %}",
        STEPS_OUT,
    ),
    "a template that includes itself": ("{% include 'mention.j2' %}", f"{ENDLESS}|{STEPS_OUT}"),
    "a template that imports itself": ("{% import 'mention.j2' as x %}", f"{ENDLESS}|{STEPS_OUT}"),
    "a template that extends itself": ("{% extends 'mention.j2' %}", f"{ENDLESS}|{STEPS_OUT}"),
    "including in a loop": (
        twice("{% include 'default.j2' %}"),
        f"[a-z_]+[.]j2.*({LONG}|{STEPS_OUT})",
    ),
    "importing in a loop": (twice("{% import '_parts.j2' as p with context %}"), STEPS_OUT),
    "looking for many templates": (
        "{% include range(1000) | map('string') | list ignore missing %}" * 9,
        STEPS_OUT,
    ),
    "a wall of text": (twice(WALL), LONG),
    "a wall of text in a macro": (
        "{% macro m() %}" + twice(WALL) + "{% endmacro %}{{ m() }}",
        STEPS_OUT,
    ),
    "a wall of text in a set block": ("{% set x %}" + twice(WALL) + "{% endset %}", STEPS_OUT),
    "a wall of text in a filter": (
        "{% filter upper %}" + twice(WALL) + "{% endfilter %}",
        STEPS_OUT,
    ),
    "markup placed often": (
        "{% set m = note.text | mfm %}{% block body %}" + times(1000, "{{ m }}") + "{% endblock %}",
        "too often",
    ),
    "a hundred fields": (
        "{% block fields %}" + times(101, "<h>a</h>b") + "{% endblock %}",
        "fields",
    ),
    "a hundred pictures": (
        "{% block images %}" + times(201, "<a href='https://a.example'>a</a>") + "{% endblock %}",
        "pictures",
    ),
    "tags without end": (
        "{% block body %}" + times(1000, "<b>x</b>" * 20) + "{% endblock %}",
        "markup",
    ),
    "half a tag": ("{% block body %}" + times(1000, "<a " * 20) + "{% endblock %}", ""),
    "half a comment": ("{% block body %}" + times(1000, "<!--" * 20) + "{% endblock %}", ""),
    "half a declaration": ("{% block body %}" + times(1000, "<![" * 20) + "{% endblock %}", ""),
    "half an attribute": ("{% block body %}" + times(1000, "<a b='" * 15) + "{% endblock %}", ""),
    "brackets": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", NESTED),
    "lists": ("{{ " + "[" * 3000 + "]" * 3000 + " }}", NESTED),
    "not": ("{{ " + "not " * 5000 + "1 }}", NESTED),
    "minus": ("{{ " + "-" * 5000 + "1 }}", NESTED),
    "plus": ("{{ " + "1+" * 5000 + "1 }}", NESTED),
    "attributes": ("{{ note" + ".a" * 5000 + " }}", NESTED),
    "filters": ("{{ note.text" + " | upper" * 5000 + " }}", NESTED),
    "21 loops": ("{% for a in [1] %}" * 21 + "{% endfor %}" * 21, NESTED),
    "200 conditions": ("{% if 1 %}" * 200 + "{% endif %}" * 200, NESTED),
    "an endless source": ("{{ 1 }}" * 30_000, "too large"),
    "a source with too many parts": ("{{ a }}" * 20_000, "too large"),
    "bytes": ("{{ (1).to_bytes(1000000000, 'big') }}", UNSAFE),
    "center": ("{{ 'a'.center(10 ** 9) }}", UNSAFE),
    "zfill": ("{{ 'a'.zfill(10 ** 9) }}", UNSAFE),
    "ljust": ("{{ 'a'.ljust(10 ** 9) }}", UNSAFE),
    "expandtabs": ("{{ '\t'.expandtabs(10 ** 9) }}", UNSAFE),
    "join": ("{{ 'a'.join([]) }}", UNSAFE),
    "translate": ("{{ 'a'.translate({97: 'b'}) }}", UNSAFE),
    "encode": ("{{ 'a'.encode() }}", UNSAFE),
    "fromkeys": ("{{ dict.fromkeys([1]) }}", "has no attribute"),
    "copying a list": ("{{ [1].copy() }}", UNSAFE),
} | {
    f"the filter {name}": ("{{ [note.text] | " + name + " }}", NO_FILTER)
    for name in "attr batch center forceescape indent pprint random safe slice striptags tojson "
    "urlencode urlize wordwrap xmlattr".split()
}
