// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state that each schedule begins with.  It is put back by operations of the kernel's own:
 * unmap, flush, set the cursor, map.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>

#include "kmh_schedule.h"

static struct kmh_history_slot slots_before[LAST_PKMAP];
static int counts_before[LAST_PKMAP];
static u32 cursor_before;
static DECLARE_BITMAP(pinned, LAST_PKMAP); /* pages of the request that are mapped as pins */

static struct page *page_of(unsigned int page)
{
	return kmh_page(kmh_schedule.request->first_page + page);
}

static void set_cursor(void)
{
	WRITE_ONCE(*kmh_symbols.last_pkmap_nr, kmh_schedule.request->cursor);
}

/* ---- pins ---- */

static unsigned int used_slots(void)
{
	unsigned int i, used = 0;

	for (i = 0; i < LAST_PKMAP; i++)
		used += kmh_slot_count(i) != 0;
	return used;
}

static void tag_page(u16 id)
{
	u32 *words = kmap_atomic(kmh_page(id));

	words[0] = KMH_HISTORY_TAG + id;
	kunmap_atomic(words);
}

static void pin(unsigned int i)
{
	kmap(kmh_page(kmh_schedule.request->first_pin + i));
	__set_bit(i, pinned);
}

static void unpin(unsigned int i)
{
	kunmap(kmh_page(kmh_schedule.request->first_pin + i));
	__clear_bit(i, pinned);
}

static bool is_to_be_free(struct page *page)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;
	unsigned int slot = PKMAP_NR((unsigned long)page_address(page));

	return slot - request->first_free < request->slots;
}

/* Map a page in every slot, then unmap those where the slots shall be free. */
static int pin_all(void)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;
	unsigned int i, wanted;

	kmh_schedule_flush();
	wanted = LAST_PKMAP - used_slots();
	if (wanted > request->pins)
		return -ENOSPC;
	for (i = 0; i < wanted; i++)
		pin(i);
	for (i = 0; i < wanted; i++) {
		if (is_to_be_free(kmh_page(request->first_pin + i)))
			unpin(i);
	}
	kmh_schedule_flush();
	return LAST_PKMAP - used_slots() == request->slots ? 0 : -EBUSY;
}

/**
 * kmh_schedule_release_pin() - make one slot free, so that a thread that waits can go on
 *
 * Return: false if no pin is left.
 */
bool kmh_schedule_release_pin(void)
{
	unsigned int i = find_first_bit(pinned, LAST_PKMAP);

	if (i == LAST_PKMAP)
		return false;
	unpin(i);
	return true;
}

/* ---- before each schedule ---- */

static void unmap_all(void)
{
	unsigned int i;

	for (i = 0; i < KMH_SCHEDULE_PAGES; i++) {
		while (atomic_read(&kmh_schedule.held[i]) > 0) {
			kunmap(page_of(i));
			atomic_dec(&kmh_schedule.held[i]);
		}
		atomic_set(&kmh_schedule.held[i], 0);
	}
	kmh_schedule_flush();
}

static void map_initial(void)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;
	unsigned long address;
	unsigned int i, k, t;

	for (i = 0; i < request->pages; i++) {
		for (address = 0, k = 0; k < request->initial[i]; k++) {
			address = (unsigned long)kmap(page_of(i));
			atomic_inc(&kmh_schedule.held[i]);
		}
		for (t = 0; t < kmh_schedule.n_tasks; t++)
			kmh_schedule.tasks[t].mapped[i] = address;
	}
}

static void put_back(void)
{
	unmap_all();
	set_cursor();
	map_initial();
	set_cursor();
}

static void note_slot(struct kmh_history_slot *slot, unsigned int i)
{
	slot->count = kmh_slot_count(i);
	slot->pfn = kmh_pte_pfn(kmh_pte_read(&kmh_pkmap_ptes[i]));
}

static bool slot_differs(unsigned int i)
{
	return kmh_slot_count(i) != slots_before[i].count;
}

/* Once for each schedule: all at once is much faster than one by one. */
static bool any_slot_differs(void)
{
	return memcmp(kmh_symbols.pkmap_count, counts_before, sizeof(counts_before));
}

static bool is_mapped_so_often(struct page *page, int users)
{
	unsigned long address = (unsigned long)page_address(page);

	if (!address)
		return !users;
	return address >= PKMAP_ADDR(0) && address < PKMAP_ADDR(LAST_PKMAP) &&
	       kmh_slot_count(PKMAP_NR(address)) == users + 1;
}

/**
 * kmh_schedule_can_undo() - tell whether the kernel knows the mappings that shall be undone
 *
 * To unmap a page that the kernel takes for unmapped would be the end of the guest.
 *
 * Return: false if the count of a page is not that of its users.
 */
bool kmh_schedule_can_undo(void)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.request->pages; i++) {
		if (!is_mapped_so_often(page_of(i), atomic_read(&kmh_schedule.held[i])))
			return false;
	}
	return true;
}

/**
 * kmh_schedule_undo() - put back the state that the schedules begin with
 *
 * Return: false if a count, the cursor or a page's address is another now.
 */
bool kmh_schedule_undo(void)
{
	unsigned int i;

	put_back();
	if (any_slot_differs())
		return false;
	for (i = 0; i < kmh_schedule.request->pages; i++) {
		if ((unsigned long)page_address(page_of(i)) != kmh_schedule.tasks[0].mapped[i])
			return false;
	}
	return kmh_cursor() == cursor_before;
}

/**
 * kmh_schedule_state_begin() - make the state that the schedules of the request begin with
 *
 * Return: 0, -ENOSPC for too few pins, -EBUSY where somebody else has one of the slots.
 */
int kmh_schedule_state_begin(void)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;
	unsigned int i;
	int error;

	bitmap_zero(pinned, LAST_PKMAP);
	for (i = 0; i < request->pages; i++)
		tag_page(request->first_page + i);
	error = pin_all();
	if (error)
		return error;
	put_back();
	for (i = 0; i < LAST_PKMAP; i++)
		note_slot(&slots_before[i], i);
	memcpy(counts_before, kmh_symbols.pkmap_count, sizeof(counts_before));
	cursor_before = kmh_cursor();
	return 0;
}

/**
 * kmh_schedule_state_end() - unmap all that the request has mapped
 */
void kmh_schedule_state_end(void)
{
	unmap_all();
	while (kmh_schedule_release_pin())
		;
	kmh_schedule_flush();
}

const struct kmh_history_slot *kmh_schedule_before(void)
{
	return slots_before;
}

/**
 * kmh_schedule_changed() - find the slots that a schedule has changed
 * @changed: set to them
 * @room: how many there can be
 *
 * Return: how many there are; more than @room if they are too many.
 */
unsigned int kmh_schedule_changed(struct kmh_changed_slot *changed, unsigned int room)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;
	bool all = any_slot_differs();
	unsigned int i = all ? 0 : request->first_free;
	unsigned int end = all ? LAST_PKMAP : request->first_free + request->slots;
	struct kmh_history_slot now;
	unsigned int n = 0;

	for (; i < end; i++) {
		if (!slot_differs(i) && i - request->first_free >= request->slots)
			continue;
		note_slot(&now, i);
		if (now.count == slots_before[i].count && now.pfn == slots_before[i].pfn)
			continue;
		if (n++ < room)
			changed[n - 1] = (struct kmh_changed_slot) { i, now.count, now.pfn };
	}
	return n;
}
