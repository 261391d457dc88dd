/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's end of the wire: what the parts of the agent know of each other. */
#ifndef KMH_AGENT_H
#define KMH_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define FRAME_PAYLOAD	32768u		/* bytes of an answer in one frame */
#define REQUEST_MAX	(8u << 20)	/* the longest request has a module to load */
#define MODULE_FOLDER	"/lib/kmh"
#define HARNESS_MODULE	"kmap_harness"

/* ---- console.c ---- */

void console_open(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *what);		/* say what failed, and errno */

/* ---- boot.c: the machine before the first request ---- */

const char *option(const char *name);	/* value of kmh.NAME= on the command line, or NULL */
void mount_all(void);
void load_modules(void);
void set_limits(void);
void shift_frames(void);		/* so that each kmh.variant= has other frames */
int open_port(void);
void power_off(void);
int stop_machine(void);			/* 0 or -errno */

/* ---- rc.c: the start-up script of the guest with SSH ---- */

void run_rc(void);		/* before set_limits(), whose CPU its children would inherit */

/* ---- module.c: the harness module ---- */

int module_insert(const char *path, const char *parameters);	/* 0 or -errno */
int harness_load(const void *image, size_t length);
int harness_unload(void);
int harness_request(const void *request, size_t length);	/* 0 or -errno */
long harness_answer(void *buffer, size_t room);			/* bytes or -errno */

/* ---- crc.c ---- */

uint32_t crc32_of(uint32_t crc, const void *data, size_t length);

/* ---- link.c: frames ---- */

void link_start(int port);
bool link_receive(struct kmh_frame *frame, const uint8_t **payload, int timeout_ms);
void link_send(uint32_t seq, uint16_t type, uint16_t part, const void *payload, uint32_t length);

/* ---- file.c ---- */

#define FILE_PATH_MAX	512

long file_read(const char *path, uint8_t *buffer, size_t room);	/* bytes or -errno */

/* ---- script.c: requests that lie in the image ---- */

bool script_open(void);		/* whether there is a script */
void script_run(void);
const uint8_t *script_answer(uint32_t n, uint32_t *length);

/* ---- serve.c: requests ---- */

void serve_start(void);
uint8_t *request_scratch(void);
uint32_t request_execute(const struct kmh_request *header, const uint8_t *request,
			 uint32_t length);
void serve(void) __attribute__((noreturn));

#endif
