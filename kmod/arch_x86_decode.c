// SPDX-License-Identifier: GPL-2.0-only
/*
 * 32-bit x86: addresses of variables, decoded from the instructions that use them.
 *
 * A wrong address would be worse than none.  So each pattern is checked with what the
 * variable must hold, and where two functions name different addresses neither is used.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/highmem.h>

#include "kmh.h"

#define TEXT_MAX	512	/* bytes of a function to search */
#define OPCODE_MOV_LOAD	0x8b	/* mov r/m32, r32 */
#define OPCODE_MOV_STORE 0x89	/* mov r32, r/m32 */
#define OPCODE_MOV_EAX_LOAD 0xa1 /* mov moffs32, eax */
#define OPCODE_MOV_EAX_STORE 0xa3
#define OPCODE_MOV_EAX_IMM 0xb8
#define OPCODE_CALL	0xe8
#define PREFIX_FS	0x64
#define PREFIX_GS	0x65
#define OPCODE_ADD_EAX	0x05

static u8 code_bytes[TEXT_MAX];

static u32 code_operand(unsigned int offset)
{
	u32 value;

	memcpy(&value, code_bytes + offset, sizeof(value));
	return value;
}

static bool fetch_function(unsigned long function)
{
	return function &&
	       !copy_from_kernel_nofault(code_bytes, (void *)function, sizeof(code_bytes));
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

	if (!fetch_function((unsigned long)kunmap_high))
		return 0;
	for (i = 0; i + 7 <= TEXT_MAX; i++) {
		if (code_bytes[i] == OPCODE_MOV_LOAD && (code_bytes[i + 1] & 0xc7) == 0x04 &&
		    (code_bytes[i + 2] & 0xc7) == 0x85 && readable(code_operand(i + 3)))
			return code_operand(i + 3);
	}
	return 0;
}

/* cmpl $1, disp32(,%reg,4): pkmap_count[i] in flush_all_zero_pkmaps(), a second witness */
static u32 decode_count_in_flush(unsigned long flush)
{
	unsigned int i;

	if (!fetch_function(flush))
		return 0;
	for (i = 0; i + 8 <= TEXT_MAX; i++) {
		if (code_bytes[i] == 0x83 && code_bytes[i + 1] == 0x3c &&
		    (code_bytes[i + 2] & 0xc7) == 0x85 && code_bytes[i + 7] == 1)
			return code_operand(i + 3);
	}
	return 0;
}

/*
 * Whether code_bytes[i] stands behind a segment prefix: the operand is then an offset in the
 * CPU's own area.  Where the byte belongs to the instruction before, evidence is lost for nothing.
 */
static bool of_segment(unsigned int i)
{
	return i && (code_bytes[i - 1] == PREFIX_FS || code_bytes[i - 1] == PREFIX_GS);
}

/* The operand of an absolute load at code_bytes[i], or 0. */
static u32 absolute_load(unsigned int i)
{
	if (of_segment(i))
		return 0;
	if (code_bytes[i] == OPCODE_MOV_EAX_LOAD)
		return code_operand(i + 1);
	if (code_bytes[i] == OPCODE_MOV_LOAD && (code_bytes[i + 1] & 0xc7) == 0x05)
		return code_operand(i + 2);
	return 0;
}

static u32 absolute_store(unsigned int i)
{
	if (of_segment(i))
		return 0;
	if (code_bytes[i] == OPCODE_MOV_EAX_STORE)
		return code_operand(i + 1);
	if (code_bytes[i] == OPCODE_MOV_STORE && (code_bytes[i + 1] & 0xc7) == 0x05)
		return code_operand(i + 2);
	return 0;
}

/* Whether code_bytes[from..to) masks with LAST_PKMAP_MASK and then stores to @address. */
static bool masked_store(u32 address, unsigned int from, unsigned int to)
{
	bool masked = false;
	unsigned int i;

	for (i = from; i < to; i++) {
		masked |= code_operand(i) == LAST_PKMAP_MASK;
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

	if (!fetch_function((unsigned long)kmap_high))
		return 0;
	for (i = 0; i + 48 <= TEXT_MAX; i++) {
		address = absolute_load(i);
		if (address && readable(address) && masked_store(address, i + 5, i + 40))
			return address;
	}
	return 0;
}

/* An absolute load of a variable that holds what a page walk finds for slot 0. */
static u32 decode_page_table(unsigned long function, const pte_t *pkmap_ptes)
{
	unsigned int i;
	u32 address;

	if (!fetch_function(function))
		return 0;
	for (i = 0; i + 8 <= TEXT_MAX; i++) {
		address = absolute_load(i);
		if (address && readable(address) && *(pte_t **)address == pkmap_ptes)
			return address;
	}
	return 0;
}

/* A wait queue head shows itself by its list: the first entry points back at the head. */
static bool is_wait_queue(u32 address)
{
	wait_queue_head_t *head = (void *)address;

	return readable(address) && readable((u32)head->head.next) &&
	       head->head.next->prev == &head->head;
}

/* mov $imm,%eax before call __wake_up: &pkmap_map_wait, in kunmap_high() */
static u32 decode_wait_queue(void)
{
	unsigned long called;
	unsigned int i, j;

	if (!fetch_function((unsigned long)kunmap_high))
		return 0;
	for (i = 0; i + 5 <= TEXT_MAX; i++) {
		called = (unsigned long)kunmap_high + i + 5 + code_operand(i + 1);
		if (code_bytes[i] != OPCODE_CALL || called != (unsigned long)__wake_up)
			continue;
		for (j = i; j-- > (i > 40 ? i - 40 : 0);) {
			if (code_bytes[j] == OPCODE_MOV_EAX_IMM &&
			    is_wait_queue(code_operand(j + 1)))
				return code_operand(j + 1);
		}
	}
	return 0;
}

/* A list head that is empty, or whose first entry points back at it. */
static bool is_list(u32 address)
{
	struct list_head *head = (void *)address;

	return readable(address) && readable((u32)head->next) && head->next->prev == head;
}

/* add $imm,%reg in page_address(): the bucket array, whose first lists must be lists */
static u32 decode_hash_table(void)
{
	unsigned int i;
	u32 address;

	if (!fetch_function((unsigned long)page_address))
		return 0;
	for (i = 0; i + 8 <= TEXT_MAX; i++) {
		address = 0;
		if (code_bytes[i] == OPCODE_ADD_EAX)
			address = code_operand(i + 1);
		else if (code_bytes[i] == 0x81 && (code_bytes[i + 1] & 0xf8) == 0xc0)
			address = code_operand(i + 2);
		else if (code_bytes[i] == 0x8d && (code_bytes[i + 1] & 0xc0) == 0x80 &&
			 (code_bytes[i + 1] & 7) != 4)
			address = code_operand(i + 2);
		if (address && !(address & 63) && is_list(address))
			return address;
	}
	return 0;
}

/* The address of pkmap_count, unless the two functions that name it disagree. */
static u32 decode_pkmap_count(unsigned long flush_all_zero_pkmaps)
{
	u32 count = decode_count();
	u32 witness = decode_count_in_flush(flush_all_zero_pkmaps);

	if (count && witness && count != witness) {
		pr_warn("pkmap_count: kunmap_high says %#x, flush_all_zero_pkmaps %#x\n", count,
			witness);
		return 0;
	}
	return count ?: witness;
}

/**
 * kmh_arch_decode() - find the static variables of mm/highmem.c
 * @found: this function fills it in; 0 for each variable that was not found
 * @flush_all_zero_pkmaps: address of that function, or 0
 * @pkmap_ptes: the entry that a page walk finds for slot 0
 */
void kmh_arch_decode(struct kmh_decoded *found, unsigned long flush_all_zero_pkmaps,
		     const pte_t *pkmap_ptes)
{
	found->pkmap_count = decode_pkmap_count(flush_all_zero_pkmaps);
	found->last_pkmap_nr = decode_cursor();
	found->pkmap_page_table = decode_page_table(flush_all_zero_pkmaps, pkmap_ptes) ?:
				  decode_page_table((unsigned long)kmap_high, pkmap_ptes);
	found->pkmap_map_wait = decode_wait_queue();
	found->page_address_htable = decode_hash_table();
}
