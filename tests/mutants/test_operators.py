from harness.mutants.operators import schemata

SOURCE = """\
#include <linux/vmalloc.h>

static inline unsigned int get_next_pkmap_nr(unsigned int color)
{
	last_pkmap_nr = (last_pkmap_nr + 1) & LAST_PKMAP_MASK;
	return last_pkmap_nr;
}

void kunmap_high(struct page *page)
{
	int need_wakeup = 0;

	switch (--pkmap_count[nr]) {
	case 0:
		BUG();
	case 1:
		need_wakeup = !!IS_ENABLED(CONFIG_X + 1);
	}
	if (a)
		b();
	else
		c();
}

void another(void)
{
	a = b + 1;
}
"""


def shown(found):
    return [f"{one.before} -> {one.after or 'nothing'}" for one in found.mutants]


def test_every_expression_has_its_mutants_and_labels_and_opaque_macros_have_none():
    assert shown(schemata(SOURCE)) == [
        "1 -> 1 + 1",
        "last_pkmap_nr + 1 -> last_pkmap_nr - 1",
        "(last_pkmap_nr + 1) & LAST_PKMAP_MASK -> (last_pkmap_nr + 1) | LAST_PKMAP_MASK",
        "last_pkmap_nr = (last_pkmap_nr + 1) & LAST_PKMAP_MASK; -> nothing",
        "--pkmap_count[nr] -> ++pkmap_count[nr]",
        "BUG(); -> nothing",
        "!IS_ENABLED(CONFIG_X + 1) -> IS_ENABLED(CONFIG_X + 1)",
        "!!IS_ENABLED(CONFIG_X + 1) -> !IS_ENABLED(CONFIG_X + 1)",
        "need_wakeup = !!IS_ENABLED(CONFIG_X + 1); -> nothing",
        "b(); -> nothing",
        "c(); -> nothing",
    ]


def test_the_text_chooses_by_the_number_on_the_command_line():
    text = schemata(SOURCE).text
    assert "{ if (kmap_mutant != 10) b(); }\n\telse" in text
    assert "switch ((kmap_mutant == 5 ? (++pkmap_count[nr]) : (--pkmap_count[nr])))" in text
    assert 'early_param("kmap_mutant", kmap_mutant_setup);' in text
    assert text.index("kmap_mutant_setup") < text.index("get_next_pkmap_nr")


def test_mutants_are_numbered_in_order_and_say_where_they_are():
    mutants = schemata(SOURCE).mutants
    assert [one.number for one in mutants] == list(range(1, len(mutants) + 1))
    assert mutants[4].name == "kunmap_high:13: --pkmap_count[nr] -> ++pkmap_count[nr]"
    assert {one.function for one in mutants} == {"get_next_pkmap_nr", "kunmap_high"}
