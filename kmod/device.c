// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device: one request is one write() to /dev/kmap_harness; read() returns its answer.
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

static kmh_handler_fn *request_handler;
static u8 *request_buffer;
static u8 *answer_room;
static struct kmh_response last_response;
static const void *last_body;
static bool device_in_use;

static void handle_request(const struct kmh_request *header)
{
	struct kmh_answer answer = { .body = answer_room };

	WRITE_ONCE(kmh_work.begun, kmh_work.begun + 1);
	request_handler(header, header + 1, answer_room, ANSWER_MAX, &answer);
	WRITE_ONCE(kmh_work.ended, kmh_work.ended + 1);
	last_body = answer.body;
	last_response = (struct kmh_response) {
		.type = header->type,
		.error = answer.error,
		.length = answer.length,
	};
}

static ssize_t take_request(const char __user *from, size_t size)
{
	struct kmh_request *header = (struct kmh_request *)request_buffer;

	kmh_assert_request();
	kmh_back_from_user();
	if (copy_from_user(request_buffer, from, size))
		return -EFAULT;
	if (header->length != size - sizeof(*header))
		return -EMSGSIZE;
	handle_request(header);
	return size;
}

static ssize_t device_write(struct file *file, const char __user *from, size_t size,
			    loff_t *offset)
{
	ssize_t result;

	if (size < sizeof(struct kmh_request) || size > REQUEST_MAX)
		return -EMSGSIZE;
	mutex_lock(&kmh_request_lock);
	result = take_request(from, size);
	mutex_unlock(&kmh_request_lock);
	if (result >= 0)
		*offset = 0;
	return result;
}

/* The response, then the body, as one stream that ends. */
static ssize_t give_answer(char __user *to, size_t size, loff_t *offset)
{
	loff_t body_offset;
	ssize_t head = 0, rest;

	kmh_assert_request();
	kmh_back_from_user();
	if (*offset < sizeof(last_response)) {
		head = simple_read_from_buffer(to, size, offset, &last_response,
					       sizeof(last_response));
		if (head < 0 || head == size || *offset < sizeof(last_response))
			return head;
	}
	body_offset = *offset - sizeof(last_response);
	rest = simple_read_from_buffer(to + head, size - head, &body_offset, last_body,
				       last_response.length);
	if (rest < 0)
		return rest;
	*offset = body_offset + sizeof(last_response);
	return head + rest;
}

static ssize_t device_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	ssize_t result;

	mutex_lock(&kmh_request_lock);
	result = give_answer(to, size, offset);
	mutex_unlock(&kmh_request_lock);
	return result;
}

static int device_open(struct inode *inode, struct file *file)
{
	int error = 0;

	mutex_lock(&kmh_request_lock);
	if (device_in_use)
		error = -EBUSY;
	device_in_use = true;
	mutex_unlock(&kmh_request_lock);
	return error;
}

static int device_release(struct inode *inode, struct file *file)
{
	mutex_lock(&kmh_request_lock);
	device_in_use = false;
	mutex_unlock(&kmh_request_lock);
	return 0;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.write = device_write,
};

static struct miscdevice harness_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KMH_DEVICE,
	.fops = &device_operations,
	.mode = 0600,
};

/**
 * kmh_device_init() - get memory for requests and answers
 * @handler: called for each request, with kmh_request_lock held
 *
 * Return: 0 or -ENOMEM; kmh_device_exit() must be called in both cases.
 */
int kmh_device_init(kmh_handler_fn *handler)
{
	request_handler = handler;
	request_buffer = vzalloc(REQUEST_MAX);
	answer_room = vzalloc(ANSWER_MAX);
	return request_buffer && answer_room ? 0 : -ENOMEM;
}

void kmh_device_exit(void)
{
	vfree(request_buffer);
	vfree(answer_room);
}

int kmh_device_register(void)
{
	return misc_register(&harness_device);
}

void kmh_device_unregister(void)
{
	misc_deregister(&harness_device);
}
