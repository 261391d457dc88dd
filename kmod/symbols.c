// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the static variables of mm/highmem.c lie.
 *
 * Stock kernels have no KALLSYMS_ALL, so nobody can look up data symbols.  But the functions
 * that use them can be found, and their instructions name the addresses: live text is
 * relocated already, also with KASLR.  The addresses of a real System.map can be given as
 * parameters, together with that map's address of kunmap_high (text_anchor); they override
 * what was decoded, and a difference is reported.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <asm/highmem.h>

#include "kmh.h"

/* Addresses of a System.map, from the module's parameters. */
static struct {
	unsigned long text_anchor;
	unsigned long pkmap_count;
	unsigned long last_pkmap_nr;
	unsigned long pkmap_page_table;
	unsigned long pkmap_map_wait;
	unsigned long page_address_htable;
} given_address;

module_param_named(text_anchor, given_address.text_anchor, ulong, 0444);
MODULE_PARM_DESC(text_anchor, "kunmap_high in the System.map that the other addresses come from");
module_param_named(pkmap_count, given_address.pkmap_count, ulong, 0444);
MODULE_PARM_DESC(pkmap_count, "its System.map address (0: decode)");
module_param_named(last_pkmap_nr, given_address.last_pkmap_nr, ulong, 0444);
MODULE_PARM_DESC(last_pkmap_nr, "its System.map address (0: decode)");
module_param_named(pkmap_page_table, given_address.pkmap_page_table, ulong, 0444);
MODULE_PARM_DESC(pkmap_page_table, "its System.map address (0: decode)");
module_param_named(pkmap_map_wait, given_address.pkmap_map_wait, ulong, 0444);
MODULE_PARM_DESC(pkmap_map_wait, "its System.map address (0: decode)");
module_param_named(page_address_htable, given_address.page_address_htable, ulong, 0444);
MODULE_PARM_DESC(page_address_htable, "its System.map address (0: decode)");

struct kmh_symbols kmh_symbols;

/**
 * kmh_function() - find a function that may be static
 * @name: its name
 *
 * Return: its address as kprobes resolve it, or 0 if it does not exist out of line.
 */
unsigned long kmh_function(const char *name)
{
	struct kprobe probe = { .symbol_name = name, .flags = KPROBE_FLAG_DISABLED };
	unsigned long address;

	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return address;
}

/* Choose between the decoded address and the System.map's, and report where they differ. */
static void *choose_address(const char *name, u32 decoded, unsigned long given)
{
	unsigned long anchor = (unsigned long)kunmap_high;
	unsigned long mapped = 0;

	if (given)
		mapped = given + anchor - (given_address.text_anchor ?: anchor);
	if (mapped && decoded && mapped != decoded)
		pr_warn("%s: decoded %#x, System.map says %#lx; using the latter\n", name,
			decoded, mapped);
	if (!mapped && !decoded)
		pr_warn("%s: not found; its evidence is missing\n", name);
	return (void *)(mapped ?: decoded);
}

/**
 * kmh_symbols_init() - find the static variables; those that are not found stay NULL
 */
void kmh_symbols_init(void)
{
	struct kmh_decoded found;

	kmh_arch_decode(&found, kmh_function("flush_all_zero_pkmaps"), kmh_pkmap_ptes);
	kmh_symbols.pkmap_count = choose_address("pkmap_count", found.pkmap_count,
						 given_address.pkmap_count);
	kmh_symbols.last_pkmap_nr = choose_address("last_pkmap_nr", found.last_pkmap_nr,
						   given_address.last_pkmap_nr);
	kmh_symbols.pkmap_page_table = choose_address("pkmap_page_table", found.pkmap_page_table,
						      given_address.pkmap_page_table);
	kmh_symbols.pkmap_map_wait = choose_address("pkmap_map_wait", found.pkmap_map_wait,
						    given_address.pkmap_map_wait);
	kmh_symbols.page_address_htable = choose_address("page_address_htable",
							 found.page_address_htable,
							 given_address.page_address_htable);
	if (kmh_symbols.pkmap_page_table && *kmh_symbols.pkmap_page_table != kmh_pkmap_ptes)
		pr_warn("pkmap_page_table holds %#lx, a walk finds %#lx\n",
			(unsigned long)*kmh_symbols.pkmap_page_table,
			(unsigned long)kmh_pkmap_ptes);
}
