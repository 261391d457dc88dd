// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checkpoints of a workload: its processes write them to a device of their own, since the
 * lock of the other one is held while the workload is an operation in progress.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "kmh.h"

static DEFINE_SPINLOCK(checkpoint_lock);
static struct {
	struct kmh_checkpoint said;
	u16 left;
} checkpoints[KMH_CHECKPOINTS];
static unsigned int n_checkpoints;
static bool recording;

unsigned long kmh_checkpoint_time = INITIAL_JIFFIES;	/* as if long ago: jiffies begin below 0 */

/**
 * kmh_checkpoints_begin() - take checkpoints from now on
 */
void kmh_checkpoints_begin(void)
{
	spin_lock(&checkpoint_lock);
	n_checkpoints = 0;
	recording = true;
	spin_unlock(&checkpoint_lock);
}

/**
 * kmh_checkpoints_end() - take no more of them
 * @keep: whether those that have come are to be reported
 */
void kmh_checkpoints_end(bool keep)
{
	spin_lock(&checkpoint_lock);
	recording = false;
	if (!keep)
		n_checkpoints = 0;
	spin_unlock(&checkpoint_lock);
}

/**
 * kmh_checkpoints_add() - remember a checkpoint
 * @said: what the process says
 * @left: local mappings that were found where none should be
 *
 * Return: 0; -ENOSPC where there are too many, -EAGAIN where no workload is in progress.
 */
int kmh_checkpoints_add(const struct kmh_checkpoint *said, unsigned int left)
{
	int error = 0;

	spin_lock(&checkpoint_lock);
	if (!recording) {
		error = -EAGAIN;
	} else if (n_checkpoints == KMH_CHECKPOINTS) {
		error = -ENOSPC;
	} else {
		checkpoints[n_checkpoints].said = *said;
		checkpoints[n_checkpoints].left = left;
		n_checkpoints++;
	}
	spin_unlock(&checkpoint_lock);
	WRITE_ONCE(kmh_checkpoint_time, jiffies);
	return error;
}

/**
 * kmh_checkpoints_report() - add the checkpoints of the last workload to an observation
 * @obs: the newest observation
 */
void kmh_checkpoints_report(struct kmh_obs *obs)
{
	unsigned int i;

	for (i = 0; i < n_checkpoints; i++) {
		const struct kmh_checkpoint *said = &checkpoints[i].said;

		kmh_answer_add(obs, KMH_DELTA_CHECKPOINT, said->stage, checkpoints[i].left,
			       said->error, 0, said->crc);
	}
	n_checkpoints = 0;
}

/* What the process that writes has mapped: nothing, since it is about to go back to user mode. */
static unsigned int writers_depth(void)
{
	unsigned int depth;

	preempt_disable();
	depth = (u16)kmh_depth(current, raw_smp_processor_id());
	preempt_enable();
	return depth;
}

static ssize_t checkpoint_write(struct file *file, const char __user *from, size_t size,
				loff_t *offset)
{
	struct kmh_checkpoint said;
	int error;

	if (size != sizeof(said))
		return -EMSGSIZE;
	if (copy_from_user(&said, from, size))
		return -EFAULT;
	error = kmh_checkpoints_add(&said, writers_depth());
	return error ?: (ssize_t)size;
}

static const struct file_operations checkpoint_operations = {
	.owner = THIS_MODULE,
	.write = checkpoint_write,
};

static struct miscdevice checkpoint_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KMH_WORKLOAD_DEVICE,
	.fops = &checkpoint_operations,
	.mode = 0600,
};

int kmh_checkpoints_register(void)
{
	return misc_register(&checkpoint_device);
}

void kmh_checkpoints_unregister(void)
{
	misc_deregister(&checkpoint_device);
}
