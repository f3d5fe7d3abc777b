/* inode_map.c - open addressing, at most half full. Inode 0 does not exist: a free slot. */
#include "base/inode_map.h"

#include "base/cleanup.h"

#define FIRST_CAPACITY 1024

struct inode_map_slot {
    uint64_t inode;
    uint64_t value;
};

static struct inode_map_slot *find_slot(struct inode_map_slot *slots, size_t capacity,
                                        uint64_t inode)
{
    size_t i = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 20);

    while (slots[i & (capacity - 1)].inode != 0 && slots[i & (capacity - 1)].inode != inode)
        i++;
    return &slots[i & (capacity - 1)];
}

static bool grow(struct inode_map *map)
{
    size_t capacity = map->capacity ? 2 * map->capacity : FIRST_CAPACITY;
    struct inode_map_slot *slots = calloc(capacity, sizeof(*slots));

    if (!slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].inode != 0)
            *find_slot(slots, capacity, map->slots[i].inode) = map->slots[i];
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

bool inode_map_put(struct inode_map *map, uint64_t inode, uint64_t value)
{
    struct inode_map_slot *slot =
        map->count > 0 ? find_slot(map->slots, map->capacity, inode) : NULL;

    if (inode == 0)
        return false;
    if (!slot || slot->inode == 0) {
        if (2 * map->count >= map->capacity && !grow(map))
            return false;
        slot = find_slot(map->slots, map->capacity, inode);
        map->count++;
    }
    *slot = (struct inode_map_slot){.inode = inode, .value = value};
    return true;
}

bool inode_map_get(const struct inode_map *map, uint64_t inode, uint64_t *ret_value)
{
    const struct inode_map_slot *slot;

    if (map->count == 0 || inode == 0)
        return false;
    slot = find_slot(map->slots, map->capacity, inode);
    *ret_value = slot->value;
    return slot->inode == inode;
}

void inode_map_done(struct inode_map *map)
{
    int saved_errno = errno;

    free(map->slots);
    *map = (struct inode_map){0};
    errno = saved_errno;
}
