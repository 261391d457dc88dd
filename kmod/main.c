// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmap-harness: a thin interpreter that executes highmem mapping operations and
 * returns raw observations.  All judging is done elsewhere.
 *
 * One request is one write() to /dev/kmap_harness; its answer is read() back.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "kmh.h"

#define REQUEST_MAX	0x100000u	/* bytes; 65,535 operations */
#define ANSWER_MAX	0x80000u	/* of all requests but RUN, which has its own buffer */

static DEFINE_MUTEX(request_lock);
static u8 *request;
static u8 *answer;
static struct kmh_response response;
static const void *body;
static bool in_use;

static u32 word(const void *at)
{
	u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Handle one request.  Return: bytes of the answer's body, or a negative errno. */
static int handle(const struct kmh_request *header, const void *data)
{
	body = answer;
	switch (header->type) {
	case KMH_REQ_INFO:
		kmh_info((struct kmh_info *)answer);
		return sizeof(struct kmh_info);
	case KMH_REQ_POOL:
		if (header->length != sizeof(struct kmh_pool_request))
			return -EINVAL;
		return kmh_pool(data, answer, ANSWER_MAX);
	case KMH_REQ_TASKS:
		return kmh_tasks_start(data, header->length / sizeof(struct kmh_task_request));
	case KMH_REQ_SNAPSHOT:
		return kmh_snapshot(answer, ANSWER_MAX);
	case KMH_REQ_RESET:
		return kmh_reset();
	case KMH_REQ_PROBES:
		if (header->length != sizeof(u32))
			return -EINVAL;
		*(u32 *)answer = kmh_probes_arm(word(data));
		return sizeof(u32);
	case KMH_REQ_HISTORY:
		return kmh_history(data, header->length, &body);
	case KMH_REQ_HISTORY_LOG:
		return kmh_history_log((u32 *)answer);
	default:
		return -EINVAL;
	}
}

/* The answer of RUN is complete also when an atomic section had to be closed. */
static void handle_run(const struct kmh_request *header, const void *data)
{
	int error = header->length % sizeof(struct kmh_op) ? -EINVAL : 0;

	response.length = 0;
	if (!error)
		error = kmh_run_request(data, header->length / sizeof(struct kmh_op));
	response.error = error;
	if (error && error != -EBUSY)
		return;
	body = kmh_observe_data();
	response.length = kmh_observe_length();
}

static void handle_request(const struct kmh_request *header, const void *data)
{
	int result;

	response.type = header->type;
	response.reserved = 0;
	if (header->type == KMH_REQ_RUN) {
		handle_run(header, data);
		return;
	}
	result = handle(header, data);
	response.error = min(result, 0);
	response.length = max(result, 0);
}

static ssize_t device_write(struct file *file, const char __user *from, size_t size, loff_t *offset)
{
	struct kmh_request *header = (struct kmh_request *)request;

	if (size < sizeof(*header) || size > REQUEST_MAX)
		return -EMSGSIZE;
	mutex_lock(&request_lock);
	kmh_back_from_user();
	if (copy_from_user(request, from, size)) {
		mutex_unlock(&request_lock);
		return -EFAULT;
	}
	if (header->length != size - sizeof(*header)) {
		mutex_unlock(&request_lock);
		return -EMSGSIZE;
	}
	WRITE_ONCE(kmh_work.begun, kmh_work.begun + 1);
	handle_request(header, header + 1);
	WRITE_ONCE(kmh_work.ended, kmh_work.ended + 1);
	mutex_unlock(&request_lock);
	*offset = 0;
	return size;
}

/* The response header, then the body, as one stream that ends. */
static ssize_t device_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	ssize_t head = 0, rest;
	loff_t at;

	kmh_back_from_user();
	if (*offset < sizeof(response)) {
		head = simple_read_from_buffer(to, size, offset, &response, sizeof(response));
		if (head < 0 || head == size || *offset < sizeof(response))
			return head;
	}
	at = *offset - sizeof(response);
	rest = simple_read_from_buffer(to + head, size - head, &at, body, response.length);
	if (rest < 0)
		return rest;
	*offset = at + sizeof(response);
	return head + rest;
}

static int device_open(struct inode *inode, struct file *file)
{
	int error = 0;

	mutex_lock(&request_lock);
	if (in_use)
		error = -EBUSY;
	in_use = true;
	mutex_unlock(&request_lock);
	return error;
}

static int device_release(struct inode *inode, struct file *file)
{
	mutex_lock(&request_lock);
	in_use = false;
	mutex_unlock(&request_lock);
	return 0;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.write = device_write,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KMH_DEVICE,
	.fops = &device_operations,
	.mode = 0600,
};

static int buffers_init(void)
{
	request = vzalloc(REQUEST_MAX);
	answer = vzalloc(ANSWER_MAX);
	return request && answer ? 0 : -ENOMEM;
}

static void buffers_exit(void)
{
	vfree(request);
	vfree(answer);
}

static int parts_init(void)
{
	int error = buffers_init();

	if (error)
		goto no_buffers;
	error = kmh_pages_init();
	if (error)
		goto no_buffers;
	error = kmh_ops_init();
	if (error)
		goto no_ops;
	error = kmh_typed_init();
	if (error)
		goto no_typed;
	error = kmh_observe_init();
	if (error)
		goto no_observe;
	return 0;

no_observe:
	kmh_typed_exit();
no_typed:
	kmh_ops_exit();
no_ops:
	kmh_pages_exit();
no_buffers:
	buffers_exit();
	return error;
}

/* kmh_reset() also puts back what the parts changed. */
static void parts_exit(void)
{
	kmh_reset();
	kmh_probes_exit();
	kmh_history_exit();
	kmh_observe_exit();
	kmh_typed_exit();
	kmh_ops_exit();
	kmh_pages_exit();
	buffers_exit();
}

static int __init harness_init(void)
{
	int error = kmh_layout_init();

	if (error)
		return error;
	kmh_symbols_init();
	kmh_instant_init();
	error = parts_init();
	if (error)
		return error;
	error = misc_register(&device);
	if (error)
		parts_exit();
	else
		pr_info("protocol %u, pkmap at %#lx, %u slots\n", KMH_PROTOCOL_VERSION, PKMAP_BASE,
			LAST_PKMAP);
	return error;
}

static void __exit harness_exit(void)
{
	misc_deregister(&device);
	parts_exit();
}

module_init(harness_init);
module_exit(harness_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("kmap-harness contributors");
MODULE_DESCRIPTION("executes highmem mapping operations and observes the kernel after each");
