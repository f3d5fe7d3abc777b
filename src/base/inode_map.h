/* inode_map.h - numbers about files of one file system, by inode number. */
#ifndef BASE_INODE_MAP_H
#define BASE_INODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode_map {
    struct inode_map_slot *slots; /* owned; NULL while it is empty */
    size_t capacity;              /* a power of two */
    size_t count;
};

/* Replaces what is known of the inode. False without memory (32 bytes a file, or none). */
bool inode_map_put(struct inode_map *map, uint64_t inode, uint64_t value);
bool inode_map_get(const struct inode_map *map, uint64_t inode, uint64_t *ret_value);
void inode_map_done(struct inode_map *map); /* fine on a zeroed one */

#endif
