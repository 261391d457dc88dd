/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: the instructions of the kernel's text that drop translations. */
#ifndef KMAP_HARNESS_PROTOCOL_FLUSH_H
#define KMAP_HARNESS_PROTOCOL_FLUSH_H

#include <linux/types.h>

/* What an instruction drops, on the CPU that executes it. */
enum kmh_flush_kind {
	KMH_FLUSH_PAGE = 1,	/* the page of its memory operand */
	KMH_FLUSH_ROOT = 2,	/* all but global translations */
	KMH_FLUSH_CONTROL = 3,	/* all, if the value written turns global ones on or off */
	KMH_FLUSH_DESCRIBED = 4, /* what a register and the memory operand say */
};

#define KMH_NO_OPERAND		0xff
#define KMH_MAX_FLUSH_SITES	64
#define KMH_FLUSH_CODE		14

/*
 * One such instruction.  "reg" holds the value written, or the type; base + index * scale +
 * displacement is the address of the memory operand.  Registers have the numbers of the
 * instruction set; KMH_NO_OPERAND: there is none.
 */
struct kmh_flush_site {
	__s32 offset;		/* from kunmap_high */
	__s32 displacement;
	__u8 kind;		/* enum kmh_flush_kind */
	__u8 reg;
	__u8 base;
	__u8 index;
	__u8 scale;
	__u8 length;		/* of code */
	__u8 code[KMH_FLUSH_CODE]; /* which must stand there */
};

#endif
