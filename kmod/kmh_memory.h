/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses, page tables, pages, and the kernel's variables about them; one section a file. */
#ifndef KMAP_HARNESS_KMH_MEMORY_H
#define KMAP_HARNESS_KMH_MEMORY_H

#define KMH_NO_CPU		0xffffu
#define KMH_NEIGHBOURS		4	/* fixmap entries watched above and below the windows */
#define KMH_MAX_PAGES		(KMH_NO_PAGE - 1)
#define KMH_HASH_ORDER		7	/* PA_HASH_ORDER of mm/highmem.c, 2.6.12 to 7.3 */

/* ---- layout.c: where the watched page tables lie ---- */

extern pte_t *kmh_pkmap_ptes;		/* PTE of pkmap slot 0; the others ascend */
extern pte_t *kmh_window_ptes;		/* PTE of fixmap index kmh_window_first; they descend */
extern unsigned int kmh_window_first;
extern unsigned int kmh_window_count;

/*
 * The entry n of the window of CPU c has the fixmap index first + n * entry + c * cpu.  Kernels
 * from 2.6.12 to 7.3 lay out window by window; one that does it otherwise is loaded with the
 * module's parameters window_*.
 */
struct kmh_windows {
	int first;
	int entry;
	int cpu;
};

extern struct kmh_windows kmh_windows;

static __always_inline unsigned int kmh_window_index(int cpu, int entry)
{
	return kmh_windows.first + entry * kmh_windows.entry + cpu * kmh_windows.cpu;
}

static __always_inline unsigned long kmh_window_address(int cpu, int entry)
{
	return __fix_to_virt(kmh_window_index(cpu, entry));
}

/* The entry that has a fixmap index in the window of a CPU; negative where there is none. */
static __always_inline int kmh_window_entry(int cpu, unsigned int index)
{
	int beyond = (int)index - (int)kmh_window_index(cpu, 0);

	return beyond % kmh_windows.entry ? -1 : beyond / kmh_windows.entry;
}

int kmh_layout_init(void);
unsigned int kmh_window_owner(unsigned int index);

/* ---- symbols.c: static variables and functions of mm/highmem.c ---- */

struct kmh_symbols {
	int *pkmap_count;
	unsigned int *last_pkmap_nr;
	pte_t **pkmap_page_table;
	wait_queue_head_t *pkmap_map_wait;
	void *page_address_htable;
};

extern struct kmh_symbols kmh_symbols;

void kmh_symbols_init(void);
unsigned long kmh_function(const char *name);

static inline int kmh_slot_count(unsigned int slot)
{
	return kmh_symbols.pkmap_count ? READ_ONCE(kmh_symbols.pkmap_count[slot]) : 0;
}

static inline u32 kmh_cursor(void)
{
	return kmh_symbols.last_pkmap_nr ? READ_ONCE(*kmh_symbols.last_pkmap_nr) : 0;
}

/* ---- pages.c: pools of pages, and where the kernel says they are mapped ---- */

struct kmh_pool_page {
	struct page *page;
	u32 pfn;
	atomic_t kmaps;		/* kmap() calls less kunmap() calls of this page by the module */
	u8 kind;
	u8 bucket;
};

extern struct kmh_pool_page *kmh_pages;
extern unsigned int kmh_n_pages;

int kmh_pages_init(void);
void kmh_pages_exit(void);
int kmh_pool(const struct kmh_pool_request *request, void *out, size_t room);
void kmh_pages_unmap(void);
void kmh_pages_release(bool leak);
bool kmh_page_address_allowed(void);
u32 kmh_page_address(struct page *page);

static inline struct page *kmh_page(u16 id)
{
	return id < kmh_n_pages ? kmh_pages[id].page : NULL;
}

/* ---- address.c: operands, page walks, accesses whose faults are caught ---- */

extern u32 kmh_registers[KMH_MAX_REGISTERS];

bool kmh_operand(const struct kmh_op *op, unsigned long *address);
u64 kmh_walk(unsigned long address);
bool kmh_load(unsigned long address, u32 *value);
bool kmh_store(unsigned long address, u32 value);
bool kmh_set_pte(unsigned long address, struct page *page, pgprot_t prot);
bool kmh_in_window(unsigned long address);

/* ---- contents.c: what a page holds ---- */

int kmh_contents_init(void);
void kmh_contents_exit(void);
u32 kmh_contents_crc(u32 crc, struct page *page);

/* ---- typed.c: the typed window ---- */

struct kmh_outcome;

extern unsigned int kmh_typed_count;
extern unsigned long kmh_typed_top;
extern bool kmh_typed_used;	/* since the last reset */

int kmh_typed_init(void);
void kmh_typed_exit(void);
void kmh_typed_reset(void);
void kmh_typed(const struct kmh_op *op, struct kmh_outcome *out);
u64 kmh_typed_pte(unsigned int index);

#endif
