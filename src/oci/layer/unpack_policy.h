/*
 * unpack_policy.h - what one entry of a layer's tar may do. Pure: no system call, no memory of
 * earlier entries; fuzzed.
 *
 * Names are normalised as podman and docker do (filepath.Clean: a leading '/', "." and inner ".."
 * disappear); what would leave the layer's root is refused. The result is a relative path whose
 * components are none of "", "." and "..". Following links on the way is the writer's business
 * (unpack_tree.h).
 * Source for whiteouts: OCI image-spec layer.md; aufs' own names (.wh..wh.*) are skipped.
 */
#ifndef OCI_LAYER_UNPACK_POLICY_H
#define OCI_LAYER_UNPACK_POLICY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define UNPACK_PATH_SIZE      4096
#define UNPACK_NAME_MAX       255
#define UNPACK_MAX_DEPTH      256     /* folders above an entry: each costs a descriptor */
#define UNPACK_MAX_ENTRIES    1000000 /* of one layer */
#define UNPACK_MAX_FILE_BYTES (1ll << 40)
#define UNPACK_MAX_XATTRS     64 /* of one entry */
#define UNPACK_MAX_XATTR_SIZE (64u << 10)

/* An entry as the tar tells it. */
enum unpack_type {
    UNPACK_TYPE_FILE,
    UNPACK_TYPE_DIR,
    UNPACK_TYPE_SYMLINK,
    UNPACK_TYPE_HARDLINK,
    UNPACK_TYPE_CHAR,
    UNPACK_TYPE_BLOCK,
    UNPACK_TYPE_FIFO,
    UNPACK_TYPE_OTHER,
};

struct unpack_entry {
    enum unpack_type type;
    const char *path;
    const char *target; /* of a link; NULL otherwise */
    int64_t uid;
    int64_t gid;
    int64_t size;
    uint32_t mode; /* permission bits */
    int64_t device_major;
    int64_t device_minor;
    int64_t mtime_s;
    int64_t mtime_ns;
};

/* What is to be done. */
enum unpack_action {
    UNPACK_ACTION_SKIP, /* nothing is written: aufs' own names, sockets, devices in a user namespace
                         */
    UNPACK_ACTION_FILE,
    UNPACK_ACTION_DIR, /* path "" is the root of the layer */
    UNPACK_ACTION_SYMLINK,
    UNPACK_ACTION_HARDLINK,
    UNPACK_ACTION_NODE,     /* device or pipe */
    UNPACK_ACTION_WHITEOUT, /* hides `path` of the layers below */
    UNPACK_ACTION_OPAQUE,   /* hides everything that the layers below have in the folder `path` */
};

struct unpack_rules {
    bool is_in_userns; /* devices cannot be made */
};

struct unpack_decision {
    enum unpack_action action;
    mode_t mode; /* with the type bits for NODE, else permission bits */
    uid_t uid;
    gid_t gid;
    dev_t device;
    struct timespec mtime;
    uint64_t size;
    char path[UNPACK_PATH_SIZE];
    char target[UNPACK_PATH_SIZE]; /* HARDLINK: normalised like path; SYMLINK: as it is */
};

/* CORRUPT: the entry tries to leave the layer or makes no sense; LIMIT: too much of something. */
int unpack_policy_decide(const struct unpack_rules *rules, const struct unpack_entry *entry,
                         struct unpack_decision *ret_decision, struct mcpd_error *err) MUST_CHECK;

/* May this extended attribute be set? overlayfs' own ones would let a layer lie to the kernel about
 * the layers below; security labels belong to the host. */
bool unpack_policy_allows_xattr(const char *name, size_t size);

/* A name from an archive, made fit for a message (control characters become '?', cut to size). */
void unpack_policy_show(const char *path, char *buffer, size_t size);
/* error_errno with such a name: "VERB 'PATH': ...". */
int unpack_policy_errno(const char *verb, const char *path, struct mcpd_error *err) MUST_CHECK;

#endif
