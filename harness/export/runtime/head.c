#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <asm/fixmap.h>
#include <asm/iomap.h>
#include <asm/pgtable.h>

#define HM_TASKS	64
#define HM_REGISTERS	4096
#define HM_NESTED	64
#define HM_FAILURES	8
#define HM_WORDS	160
#define HM_ORDER	2	/* of a folio: four pages */
#define HM_PATIENCE	(10 * HZ)
#define HM_HASH_ORDER	7	/* of the table behind page_address(): PA_HASH_ORDER */

/* Entries of one CPU's window, and how many of them one mapping takes. */
#ifdef CONFIG_KMAP_LOCAL
#define HM_WINDOW	KM_MAX_IDX
#define HM_STRIDE	(IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL) ? 2 : 1)
#define HM_DEPTH	((HM_WINDOW - 1) / HM_STRIDE)
#else
#define HM_WINDOW	KM_TYPE_NR
#define HM_STRIDE	1
#define HM_DEPTH	HM_WINDOW
#endif

enum hm_kind { HM_HIGH, HM_LOW, HM_COLLIDING, HM_FOLIO, HM_KINDS };

struct hm_case;
struct hm_task;

/* A page of the case, and the bytes that it must hold. */
struct hm_page {
	struct page *page;
	u8 *bytes;
	char *kaddr;		/* the address that kmap() gave */
	unsigned int users;	/* calls of kmap() without their kunmap() */
	enum hm_kind kind;
};

/* An address that a mapping operation returned. */
struct hm_register {
	char *addr;
	struct hm_page *page;
	struct hm_task *owner;	/* of a mapping in a window; NULL: kmap() */
	pgprot_t prot;
	bool live;
};

/* One operation of a task; the words are those of the scenario. */
struct hm_op {
	void (*fn)(struct hm_task *t, const struct hm_op *op);
	const char *words;
	struct hm_page *page, *other;
	char *addr;
	unsigned int reg, first, second, length, end;
	long offset;
	u32 value;
	u8 byte;
	pgprot_t prot;
	void (*block)(struct hm_case *c);
	bool is_register;	/* the address is that of register reg, plus offset */
	bool faults;		/* it must fault */
	bool blocks;		/* it must wait until another task helps */
};

/* The task's state at the end of its last operation. */
struct hm_seen {
	u32 value;
	int depth, preempt, pagefault, cpu, window;
	int present;		/* the page table entry of the operation's address */
};

struct hm_task {
	struct hm_case *c;
	struct task_struct *thread;
	struct hm_op op;
	struct hm_seen seen;
	struct completion done;
	int cpu;
	bool work, stop, pending;
	unsigned int sections;	/* in which it must not sleep */
	unsigned long flags;
	struct hm_register *nested[HM_NESTED];
	unsigned int depth;
};

struct hm_case {
	const char *name, *lacks;
	struct hm_task tasks[HM_TASKS];
	struct hm_page *pages;
	struct hm_register *registers;
	struct page **kept;	/* what is freed at the end, folios by their first page */
	u8 *bytes;
	unsigned int first[HM_KINDS], count[HM_KINDS];
	unsigned int n_tasks, n_pages, n_kept, step, away;
	char (*failures)[HM_WORDS];
	unsigned int n_failures;
	void *attributes;	/* memory whose attributes a flush changes */
	struct irq_work work;
	struct tasklet_struct tasklet;
	void (*block)(struct hm_case *c);
	bool interrupted, over, stuck;
};

/* A block of its own lets all operations of a case share one place on the stack. */
#define DO(task, sentence, what, ...)						\
	do {									\
		const struct hm_op next = {					\
			.fn = hm_op_##what, .words = sentence, ##__VA_ARGS__	\
		};								\
										\
		hm_do(task, &next);						\
	} while (0)

/* @sentence says what is expected of the operation before. */
#define WANT(task, sentence, field, wanted)					\
	hm_want(task, sentence, #field, offsetof(struct hm_seen, field), wanted)
