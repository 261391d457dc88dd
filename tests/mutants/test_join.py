import re
import subprocess

import pytest

from harness.mutants.join import join

SOURCE = """\
#include <linux/vmalloc.h>

static inline unsigned int next_nr(unsigned int color)
{
	static unsigned int last;

	last = (last + 1) & 7;
	return last;
}

#ifdef CONFIG_A
static int bound(void)
{
	return 1;
}
#else
static int bound(void)
{
	return 2;
}
#endif

void *map(struct page *page, int (*how)(int))
{
	return page + next_nr(0) + bound();
}
EXPORT_SYMBOL(map);

void unmap(const void *at)
{
	drop(at);
}
"""


def bodies(text, name):
    return re.findall(rf"{name}\(.*\)\n(\{{\n(?:.*\n)*?\}})", text)


def test_a_function_is_there_once_for_each_mutant_of_it_and_chosen_by_number():
    one, two = SOURCE.replace("drop(at)", ""), SOURCE.replace("drop(at)", "drop(at + 1)")
    text = join(SOURCE, {3: one, 7: two}).text
    assert "static __always_inline void unmap__0(const void *at)\n{\n\tdrop(at);\n}" in text
    assert "static noinline void unmap__3(const void *at)\n{\n\t;\n}" in text
    assert "static noinline void unmap__7(const void *at)\n{\n\tdrop(at + 1);\n}" in text
    assert bodies(text, "unmap") == [
        "{\n\tif (likely(!kmap_mutant))\n\t\t{ unmap__0(at); return; }\n\tswitch (kmap_mutant) {\n"
        "\tcase 3:\n\t\t{ unmap__3(at); return; }\n\tcase 7:\n\t\t{ unmap__7(at); return; }\n"
        "\tdefault:\n\t\t{ unmap__0(at); return; }\n\t}\n}"
    ]
    assert text.startswith(SOURCE[: SOURCE.index("void unmap")])


def test_a_static_variable_of_a_function_is_one_for_all_of_it():
    text = join(SOURCE, {1: SOURCE.replace("last + 1", "last + 2")}).text
    assert text.count("static unsigned int last;") == 1
    assert text.index("static unsigned int last;") < text.index("next_nr__0")
    assert "static inline unsigned int next_nr(unsigned int color)\n{\n\tif (likely" in text


def test_of_two_functions_of_one_name_the_right_one_is_changed():
    text = join(SOURCE, {1: SOURCE.replace("return 2", "return 3")}).text
    assert (
        text.index("return 1")
        < text.index("#else")
        < text.index("bound__1")
        < text.index("#endif")
    )


def test_pointers_and_pointers_to_functions_are_passed_on():
    text = join(SOURCE, {1: SOURCE.replace("next_nr(0)", "0")}).text
    assert "static noinline void *map__1(struct page *page, int (*how)(int))" in text
    assert "return map__1(page, how);" in text
    assert "\n}\n\nEXPORT_SYMBOL(map);" in text.replace("}\n\n\n", "}\n\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("unmap(const", "drop_it(const"),
        ("static int bound", "static inline int bound"),
        ("_A\n", "_B\n"),
    ],
)
def test_what_changes_more_than_bodies_stays_apart(old, new):
    joined = join(SOURCE, {1: SOURCE.replace(old, new), 2: SOURCE.replace("drop(at)", "")})
    assert joined.apart == {1}
    assert "unmap__2" in joined.text


def test_the_choice_does_what_the_mutant_does(tmp_path):
    source = """\
static int cursor(int step)
{
	static int at;

	at += step;
	return at;
}

int main(void)
{
	cursor(1);
	return cursor(1);
}
"""
    head = "#define likely(x) (x)\n#define noinline\n#define __always_inline inline\n"
    joined = join(
        source, {1: source.replace("at += step", "at -= step"), 2: source.replace("step;", "9;")}
    )
    (tmp_path / "joined.c").write_text(f"{head}int kmap_mutant = NUMBER;\n{joined.text}")
    ended = []
    for number in (0, 1, 2):
        program = tmp_path / f"joined{number}"
        subprocess.run(
            ["gcc", f"-DNUMBER={number}", "-o", program, tmp_path / "joined.c"], check=True
        )
        ended.append(subprocess.run([program], check=False).returncode)
    assert ended == [2, 254, 18]
