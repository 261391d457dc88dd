// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the static variables of mm/highmem.c lie.
 *
 * Stock kernels have no KALLSYMS_ALL, so data symbols cannot be looked up.  The
 * operands of the functions that use them can: live text is relocated already, also
 * with KASLR.  Addresses of a real System.map can be given as parameters, together
 * with that map's address of kunmap_high (text_anchor); they win and are compared.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/uaccess.h>
#include <asm/highmem.h>

#include "kmh.h"

#define TEXT_MAX	512	/* bytes of a function that are searched */
#define OPCODE_MOV_LOAD	0x8b	/* mov r/m32, r32 */
#define OPCODE_MOV_STORE 0x89	/* mov r32, r/m32 */
#define OPCODE_MOV_EAX_LOAD 0xa1 /* mov moffs32, eax */
#define OPCODE_MOV_EAX_STORE 0xa3
#define OPCODE_MOV_EAX_IMM 0xb8
#define OPCODE_CALL	0xe8
#define OPCODE_ADD_EAX	0x05
#define HASH_SLOTS	128

/* Addresses of a System.map, as given. */
static struct {
	unsigned long text_anchor;
	unsigned long pkmap_count;
	unsigned long last_pkmap_nr;
	unsigned long pkmap_page_table;
	unsigned long pkmap_map_wait;
	unsigned long page_address_htable;
} map;

module_param_named(text_anchor, map.text_anchor, ulong, 0444);
MODULE_PARM_DESC(text_anchor, "kunmap_high in the System.map that the other addresses come from");
module_param_named(pkmap_count, map.pkmap_count, ulong, 0444);
MODULE_PARM_DESC(pkmap_count, "its System.map address (0: decode)");
module_param_named(last_pkmap_nr, map.last_pkmap_nr, ulong, 0444);
MODULE_PARM_DESC(last_pkmap_nr, "its System.map address (0: decode)");
module_param_named(pkmap_page_table, map.pkmap_page_table, ulong, 0444);
MODULE_PARM_DESC(pkmap_page_table, "its System.map address (0: decode)");
module_param_named(pkmap_map_wait, map.pkmap_map_wait, ulong, 0444);
MODULE_PARM_DESC(pkmap_map_wait, "its System.map address (0: decode)");
module_param_named(page_address_htable, map.page_address_htable, ulong, 0444);
MODULE_PARM_DESC(page_address_htable, "its System.map address (0: decode)");

struct kmh_symbols kmh_symbols;

static u8 text[TEXT_MAX];

static u32 operand(unsigned int at)
{
	u32 value;

	memcpy(&value, text + at, sizeof(value));
	return value;
}

static bool fetch(unsigned long function)
{
	return function && !copy_from_kernel_nofault(text, (void *)function, sizeof(text));
}

static bool readable(u32 address)
{
	u32 word;

	return address >= PAGE_OFFSET && address < (u32)high_memory && !(address & 3) &&
	       !copy_from_kernel_nofault(&word, (void *)address, sizeof(word));
}

/* mov disp32(,%reg,4),%reg: the load of pkmap_count[nr] in kunmap_high() */
static u32 decode_count(void)
{
	unsigned int i;

	if (!fetch((unsigned long)kunmap_high))
		return 0;
	for (i = 0; i + 7 <= TEXT_MAX; i++) {
		if (text[i] == OPCODE_MOV_LOAD && (text[i + 1] & 0xc7) == 0x04 &&
		    (text[i + 2] & 0xc7) == 0x85 && readable(operand(i + 3)))
			return operand(i + 3);
	}
	return 0;
}

/* cmpl $1, disp32(,%reg,4): pkmap_count[i] in flush_all_zero_pkmaps(), a second witness */
static u32 decode_count_in_flush(unsigned long flush)
{
	unsigned int i;

	if (!fetch(flush))
		return 0;
	for (i = 0; i + 8 <= TEXT_MAX; i++) {
		if (text[i] == 0x83 && text[i + 1] == 0x3c && (text[i + 2] & 0xc7) == 0x85 &&
		    text[i + 7] == 1)
			return operand(i + 3);
	}
	return 0;
}

/* The operand of an absolute load at text[i], or 0. */
static u32 absolute_load(unsigned int i)
{
	if (text[i] == OPCODE_MOV_EAX_LOAD)
		return operand(i + 1);
	if (text[i] == OPCODE_MOV_LOAD && (text[i + 1] & 0xc7) == 0x05)
		return operand(i + 2);
	return 0;
}

static u32 absolute_store(unsigned int i)
{
	if (text[i] == OPCODE_MOV_EAX_STORE)
		return operand(i + 1);
	if (text[i] == OPCODE_MOV_STORE && (text[i + 1] & 0xc7) == 0x05)
		return operand(i + 2);
	return 0;
}

/* Whether text[from..to) stores to @address after masking with LAST_PKMAP_MASK. */
static bool masked_store(u32 address, unsigned int from, unsigned int to)
{
	bool masked = false;
	unsigned int i;

	for (i = from; i < to; i++) {
		masked |= operand(i) == LAST_PKMAP_MASK;
		if (masked && absolute_store(i) == address)
			return true;
	}
	return false;
}

/* load x; add 1; and N-1; store x: the cursor, in map_new_virtual() inlined into kmap_high() */
static u32 decode_cursor(void)
{
	unsigned int i;
	u32 address;

	if (!fetch((unsigned long)kmap_high))
		return 0;
	for (i = 0; i + 48 <= TEXT_MAX; i++) {
		address = absolute_load(i);
		if (address && readable(address) && masked_store(address, i + 5, i + 40))
			return address;
	}
	return 0;
}

/* An absolute load whose variable holds what a page walk finds for slot 0. */
static u32 decode_page_table(unsigned long function)
{
	unsigned int i;
	u32 address;

	if (!fetch(function))
		return 0;
	for (i = 0; i + 8 <= TEXT_MAX; i++) {
		address = absolute_load(i);
		if (address && readable(address) && *(pte_t **)address == kmh_pkmap_ptes)
			return address;
	}
	return 0;
}

/* A wait queue head is recognised by its list: the first entry points back at it. */
static bool is_wait_queue(u32 address)
{
	wait_queue_head_t *head = (void *)address;

	return readable(address) && readable((u32)head->head.next) &&
	       head->head.next->prev == &head->head;
}

/* mov $imm,%eax before call __wake_up: &pkmap_map_wait, in kunmap_high() */
static u32 decode_wait_queue(void)
{
	unsigned int i, j;

	if (!fetch((unsigned long)kunmap_high))
		return 0;
	for (i = 0; i + 5 <= TEXT_MAX; i++) {
		if (text[i] != OPCODE_CALL ||
		    (unsigned long)kunmap_high + i + 5 + operand(i + 1) != (unsigned long)__wake_up)
			continue;
		for (j = i; j-- > (i > 40 ? i - 40 : 0);) {
			if (text[j] == OPCODE_MOV_EAX_IMM && is_wait_queue(operand(j + 1)))
				return operand(j + 1);
		}
	}
	return 0;
}

/* A list head at @address that is empty or whose first entry points back at it. */
static bool is_list(u32 address)
{
	struct list_head *head = (void *)address;

	return readable(address) && readable((u32)head->next) && head->next->prev == head;
}

/* add $imm,%reg in page_address(): the bucket array; recognised by its first lists */
static u32 decode_hash_table(void)
{
	unsigned int i;
	u32 address;

	if (!fetch((unsigned long)page_address))
		return 0;
	for (i = 0; i + 8 <= TEXT_MAX; i++) {
		address = 0;
		if (text[i] == OPCODE_ADD_EAX)
			address = operand(i + 1);
		else if (text[i] == 0x81 && (text[i + 1] & 0xf8) == 0xc0)
			address = operand(i + 2);
		else if (text[i] == 0x8d && (text[i + 1] & 0xc0) == 0x80 && (text[i + 1] & 7) != 4)
			address = operand(i + 2);
		if (address && !(address & 63) && is_list(address))
			return address;
	}
	return 0;
}

/* Choose between what was decoded and what a System.map says, and say where they differ. */
static void *settle(const char *name, u32 decoded, unsigned long given)
{
	unsigned long anchor = (unsigned long)kunmap_high;
	unsigned long mapped = 0;

	if (given)
		mapped = given + anchor - (map.text_anchor ?: anchor);
	if (mapped && decoded && mapped != decoded)
		pr_warn("%s: decoded %#x, System.map says %#lx; using the latter\n", name,
			decoded, mapped);
	if (!mapped && !decoded)
		pr_warn("%s: not found; its evidence is missing\n", name);
	return (void *)(mapped ?: decoded);
}

/**
 * kmh_symbols_init() - find the hidden variables; what is not found stays NULL
 *
 * A wrong address would be worse than none: two witnesses that disagree about
 * pkmap_count, or a page table that is not the one a walk finds, are dropped.
 */
void kmh_symbols_init(void)
{
	unsigned long flush = kmh_function("flush_all_zero_pkmaps");
	u32 count = decode_count();
	u32 witness = decode_count_in_flush(flush);
	u32 table = decode_page_table(flush);

	if (count && witness && count != witness) {
		pr_warn("pkmap_count: kunmap_high says %#x, flush_all_zero_pkmaps %#x\n", count,
			witness);
		count = 0;
	}
	kmh_symbols.pkmap_count = settle("pkmap_count", count ?: witness, map.pkmap_count);
	kmh_symbols.last_pkmap_nr = settle("last_pkmap_nr", decode_cursor(), map.last_pkmap_nr);
	if (!table)
		table = decode_page_table((unsigned long)kmap_high);
	kmh_symbols.pkmap_page_table = settle("pkmap_page_table", table, map.pkmap_page_table);
	kmh_symbols.pkmap_map_wait = settle("pkmap_map_wait", decode_wait_queue(),
					    map.pkmap_map_wait);
	kmh_symbols.page_address_htable = settle("page_address_htable", decode_hash_table(),
						 map.page_address_htable);
	if (kmh_symbols.pkmap_page_table && *kmh_symbols.pkmap_page_table != kmh_pkmap_ptes)
		pr_warn("pkmap_page_table holds %#lx, a walk finds %#lx\n",
			(unsigned long)*kmh_symbols.pkmap_page_table,
			(unsigned long)kmh_pkmap_ptes);
}

/*
 * An entry lies on the stack of the task that waits, which takes it out as soon as it is
 * awake: every read may fault where the lock is not held.
 */
static unsigned int walk_entries(const wait_queue_head_t *queue, const struct task_struct *wanted,
				 bool *found)
{
	unsigned long entry = (unsigned long)queue->head.next;
	unsigned int count = 0;
	u32 task, next;

	while (entry != (unsigned long)&queue->head && count < 255) {
		unsigned long start = entry - offsetof(wait_queue_entry_t, entry);

		if (!kmh_load(start + offsetof(wait_queue_entry_t, private), &task) ||
		    !kmh_load(entry, &next))
			break;
		if (task == (u32)wanted)
			*found = true;
		count++;
		entry = next;
	}
	return count;
}

/*
 * Under the queue's lock, since woken tasks of other CPUs leave it meanwhile.  On RT that
 * lock sleeps; in an atomic section, where it may not be taken, no task is being woken.
 */
static unsigned int walk_waiters(const struct task_struct *wanted, bool *found)
{
	wait_queue_head_t *queue = kmh_symbols.pkmap_map_wait;
	unsigned long flags;
	unsigned int count;

	if (!queue)
		return 0;
	if (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible())
		return walk_entries(queue, wanted, found);
	spin_lock_irqsave(&queue->lock, flags);
	count = walk_entries(queue, wanted, found);
	spin_unlock_irqrestore(&queue->lock, flags);
	return count;
}

/**
 * kmh_waiters() - number of tasks in pkmap_map_wait
 *
 * Return: the count, at most 255; 0 where the queue was not found.
 */
unsigned int kmh_waiters(void)
{
	bool found;

	return walk_waiters(NULL, &found);
}

/**
 * kmh_waits() - whether a task is in pkmap_map_wait
 * @task: the task
 *
 * Return: true also where the queue was not found: then only the task's state speaks.
 */
bool kmh_waits(const struct task_struct *task)
{
	bool found = !kmh_symbols.pkmap_map_wait;

	walk_waiters(task, &found);
	return found;
}
