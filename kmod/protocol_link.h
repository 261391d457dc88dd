/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: frames between the host and the agent, and the requests that they carry. */
#ifndef KMAP_HARNESS_PROTOCOL_LINK_H
#define KMAP_HARNESS_PROTOCOL_LINK_H

#include <linux/types.h>

enum kmh_frame_type {
	KMH_FRAME_REQUEST = 1,	/* host to guest: one struct kmh_request */
	KMH_FRAME_RESPONSE = 2,	/* guest to host: part of the answer to seq */
	KMH_FRAME_NAK = 3,	/* guest to host: send again from seq on */
	KMH_FRAME_RESEND = 4,	/* host to guest: send the answer to seq again, from part on */
	KMH_FRAME_READY = 5,	/* guest to host: the agent is up; seq is the next it expects */
};

#define KMH_FRAME_LAST	0x8000u	/* in .part: the last part of an answer */

struct kmh_frame {
	__u32 magic;		/* KMH_MAGIC */
	__u32 seq;		/* of the request; answers carry the same */
	__u16 type;		/* enum kmh_frame_type */
	__u16 part;		/* counts the frames of one answer from 0, | KMH_FRAME_LAST */
	__u32 length;		/* of the payload that follows, bytes */
	__u32 crc;		/* CRC-32 (zlib) of the header with crc = 0, then the payload */
};

/* ---- requests: what the agent hands to the module (or does itself) ------- */

enum kmh_request_type {
	KMH_REQ_INFO = 1,	/* -> struct kmh_info */
	KMH_REQ_POOL = 2,	/* struct kmh_pool_request -> struct kmh_page[] */
	KMH_REQ_TASKS = 3,	/* struct kmh_task_request[] -> nothing */
	KMH_REQ_RUN = 4,	/* struct kmh_op[] -> observations */
	KMH_REQ_SNAPSHOT = 5,	/* nothing -> struct kmh_snapshot and its tables */
	KMH_REQ_RESET = 6,	/* release every mapping, task and page -> nothing */
	KMH_REQ_PROBES = 7,	/* u32 mask of KMH_EV_* probes to arm -> u32 armed */
	KMH_REQ_HISTORY = 8,	/* struct kmh_history_request -> struct kmh_history */
	KMH_REQ_HISTORY_LOG = 9, /* nothing -> u32 address of the log, u32 bytes */
	KMH_REQ_FLUSHES = 10,	/* struct kmh_flush_site[] -> s32 error of each */
	KMH_REQ_SCHEDULES = 11,	/* struct kmh_schedules_request -> struct kmh_schedules */
	KMH_REQ_GATES = 12,	/* struct kmh_gate[] -> s32 error of each; places none */
	KMH_REQ_AREAS = 13,	/* nothing -> struct kmh_area[] */
	KMH_REQ_FRAMES = 14,	/* struct kmh_frame_range[] -> struct kmh_frame_run[] */
	/* the agent's own */
	KMH_REQ_PING = 100,	/* bytes -> the same bytes */
	KMH_REQ_UNLOAD = 101,	/* remove the module */
	KMH_REQ_LOAD = 102,	/* load the module: of the image, or the bytes given */
	KMH_REQ_POWEROFF = 103,	/* leave QEMU (reboot with -no-reboot) */
	KMH_REQ_ANSWER = 104,	/* u32 n -> the answer to request n of the script */
	KMH_REQ_STOP = 105,	/* stop the machine until the host has looked at it */
	KMH_REQ_FILE = 106,	/* path -> the contents of that file of the guest */
};

struct kmh_request {
	__u16 type;		/* enum kmh_request_type */
	__u16 reserved;
	__u32 length;		/* of the body that follows, bytes */
};

/*
 * A script is a file of requests, one after the other, which the agent executes before it
 * opens the link: nothing from the host reaches the guest while they run.
 */
#define KMH_SCRIPT		"/lib/kmh/script"

/* Every answer begins with this. */
struct kmh_response {
	__u16 type;		/* of the request */
	__u16 reserved;
	__s32 error;		/* 0 or a negative errno */
	__u32 length;		/* of the body that follows, bytes */
};

#endif
