/*
 * pack_links.c - see pack_links.h.
 *
 * An entry whose last name has been seen is marked dead (its place must stay taken, or others
 * behind it would not be found) and left out when the table is made anew.
 */
#include "oci/layer/pack_links.h"

#include "oci/layer/unpack_policy.h"

#include <fcntl.h>
#include <string.h>

#define FIRST_CAPACITY 256

void pack_links_init(struct pack_links *links, int tmp_fd)
{
    *links = (struct pack_links){.tmp_fd = tmp_fd, .fd = -1};
}

void pack_links_done(struct pack_links *links)
{
    cleanup_close_fd(&links->fd);
    links->fd = -1;
    free(links->table);
    links->table = NULL;
}

/* ------------------------------------------------------------------ the table */

static size_t place_of(const struct pack_links *links, uint64_t inode, uint16_t device)
{
    uint64_t hash = (inode ^ ((uint64_t)device << 56)) * 0x9e3779b97f4a7c15u;

    return (size_t)(hash >> 20) & (links->capacity - 1);
}

/* Its entry, or the free place where it belongs. */
static struct pack_link *find(const struct pack_links *links, uint64_t inode, uint16_t device)
{
    size_t i = place_of(links, inode, device);

    while (links->table[i].inode != 0 &&
           (links->table[i].inode != inode || links->table[i].device != device))
        i = (i + 1) & (links->capacity - 1);
    return &links->table[i];
}

/* Room for one more; the dead are left out. */
static int make_room(struct pack_links *links, struct mcpd_error *err)
{
    struct pack_links grown = *links;
    size_t alive = 0;

    if (links->used < links->capacity / 4 * 3)
        return 0;
    for (size_t i = 0; i < links->capacity; i++)
        alive += links->table[i].inode != 0 && links->table[i].left > 0;
    grown.capacity = links->capacity > 0 ? links->capacity : FIRST_CAPACITY;
    while (alive >= grown.capacity / 2)
        grown.capacity *= 2;
    grown.table = calloc(grown.capacity, sizeof(*grown.table));
    if (!grown.table)
        return error_no_memory(err, "hard links");
    for (size_t i = 0; i < links->capacity; i++) {
        const struct pack_link *link = &links->table[i];

        if (link->inode != 0 && link->left > 0)
            *find(&grown, link->inode, link->device) = *link;
    }
    grown.used = alive;
    free(links->table);
    *links = grown;
    return 0;
}

static int index_device(struct pack_links *links, dev_t device, uint16_t *ret_index,
                        struct mcpd_error *err)
{
    size_t i = 0;

    while (i < links->device_count && links->devices[i] != device)
        i++;
    if (i == ARRAY_SIZE(links->devices))
        return error_set(err, MCPD_E_LIMIT, "a tree on more than %zu file systems", i);
    links->devices[i] = device;
    links->device_count += i == links->device_count;
    *ret_index = (uint16_t)i;
    return 0;
}

/* ------------------------------------------------------------------ the paths */

static int keep_path(struct pack_links *links, const char *path, size_t length,
                     struct mcpd_error *err)
{
    if (links->fd < 0)
        links->fd = openat(links->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (links->fd < 0)
        return error_errno(err, "make an unnamed file in the store");
    if (pwrite(links->fd, path, length, (off_t)links->end) != (ssize_t)length)
        return error_errno(err, "remember a hard link");
    links->end += length;
    return 0;
}

static int recall_path(const struct pack_links *links, const struct pack_link *link, char *target,
                       struct mcpd_error *err)
{
    if (pread(links->fd, target, link->length, (off_t)link->offset) != link->length)
        return error_errno(err, "recall a hard link");
    target[link->length] = '\0';
    return 0;
}

int pack_links_look(struct pack_links *links, const struct stat *st, const char *path, char *target,
                    bool *ret_is_known, struct mcpd_error *err)
{
    struct pack_link *link;
    uint16_t device = 0;
    size_t length = strlen(path);
    int rc = index_device(links, st->st_dev, &device, err);

    if (rc == 0)
        rc = make_room(links, err);
    if (rc < 0)
        return rc;
    link = find(links, st->st_ino, device);
    /* A dead one with the same number: the inode was freed and used again while we read. */
    *ret_is_known = link->inode != 0 && link->left > 0;
    if (*ret_is_known) {
        link->left--;
        return recall_path(links, link, target, err);
    }
    if (length >= UNPACK_PATH_SIZE || st->st_ino == 0)
        return error_set(err, MCPD_E_LIMIT, "a path of more than %d bytes", UNPACK_PATH_SIZE - 1);
    links->used += link->inode == 0;
    *link = (struct pack_link){
        .inode = st->st_ino,
        .left = st->st_nlink - 1 < UINT32_MAX ? (uint32_t)st->st_nlink - 1 : UINT32_MAX,
        .length = (uint16_t)length,
        .device = device,
        .offset = links->end,
    };
    return keep_path(links, path, length, err);
}
