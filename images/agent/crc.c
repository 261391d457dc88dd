// SPDX-License-Identifier: GPL-2.0-only
/* CRC-32 as zlib computes it (reflected, polynomial 0xedb88320), four bytes at a time. */
#include "agent.h"

static uint32_t crc_table[4][256];

static void fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
		crc_table[0][i] = crc;
	}
	for (int t = 1; t < 4; t++)
		for (int i = 0; i < 256; i++) {
			uint32_t before = crc_table[t - 1][i];

			crc_table[t][i] = before >> 8 ^ crc_table[0][before & 255];
		}
}

uint32_t crc32_of(uint32_t crc, const void *data, size_t length)
{
	const uint8_t *byte = data;

	if (!crc_table[0][1])
		fill();
	crc = ~crc;
	for (; length >= 4; length -= 4, byte += 4) {
		crc ^= byte[0] | byte[1] << 8 | byte[2] << 16 | (uint32_t)byte[3] << 24;
		crc = crc_table[3][crc & 255] ^ crc_table[2][crc >> 8 & 255] ^
		      crc_table[1][crc >> 16 & 255] ^ crc_table[0][crc >> 24];
	}
	while (length--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *byte++) & 255];
	return ~crc;
}
