/* unpack_policy.c - see unpack_policy.h. */
#include "oci/layer/unpack_policy.h"

#include "base/str.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define WHITEOUT_PREFIX ".wh."
#define AUFS_PREFIX     ".wh..wh."
#define OPAQUE_NAME     ".wh..wh..opq"
#define SHOWN_SIZE      128

void unpack_policy_show(const char *path, char *buffer, size_t size)
{
    size_t i = 0;

    for (; path[i] && i + 1 < size; i++) {
        buffer[i] = path[i];
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            buffer[i] = '?';
    }
    buffer[i] = '\0';
    if (path[i] && i >= 3)
        memcpy(buffer + i - 3, "...", 3);
}

int unpack_policy_errno(const char *verb, const char *path, struct mcpd_error *err)
{
    int saved_errno = errno;
    char shown[SHOWN_SIZE];

    unpack_policy_show(path, shown, sizeof(shown));
    errno = saved_errno;
    return error_errno(err, "%s '%s'", verb, shown);
}

static int refuse(const char *path, enum mcpd_error_code code, const char *why,
                  struct mcpd_error *err)
{
    char shown[SHOWN_SIZE];

    unpack_policy_show(path, shown, sizeof(shown));
    return error_set(err, code, "entry '%s' %s", shown, why);
}

/* The path being normalised: components are put behind one another, ".." takes one away. */
struct cleaned {
    char *text;
    size_t length;
    size_t depth;
};

static int clean_component(struct cleaned *cleaned, const char *path, const char *name,
                           size_t length, struct mcpd_error *err)
{
    if (length == 0 || (length == 1 && name[0] == '.'))
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.') {
        if (cleaned->depth == 0)
            return refuse(path, MCPD_E_CORRUPT, "is outside of the layer", err);
        cleaned->depth--;
        while (cleaned->length > 0 && cleaned->text[--cleaned->length] != '/')
            ;
        cleaned->text[cleaned->length] = '\0';
        return 0;
    }
    if (length > UNPACK_NAME_MAX)
        return refuse(path, MCPD_E_LIMIT, "has a name of more than 255 bytes", err);
    if (cleaned->depth > UNPACK_MAX_DEPTH)
        return refuse(path, MCPD_E_LIMIT, "lies too deep", err);
    if (cleaned->length + 1 + length >= UNPACK_PATH_SIZE)
        return refuse(path, MCPD_E_LIMIT, "has a path of more than 4095 bytes", err);
    if (cleaned->length > 0)
        cleaned->text[cleaned->length++] = '/';
    memcpy(cleaned->text + cleaned->length, name, length);
    cleaned->length += length;
    cleaned->text[cleaned->length] = '\0';
    cleaned->depth++;
    return 0;
}

static int clean_path(const char *path, char buffer[UNPACK_PATH_SIZE], struct mcpd_error *err)
{
    struct cleaned cleaned = {.text = buffer};
    const char *next = path;

    buffer[0] = '\0';
    while (*next) {
        size_t length = strcspn(next, "/");
        int rc = clean_component(&cleaned, path, next, length, err);

        if (rc < 0)
            return rc;
        next += length;
        next += strspn(next, "/");
    }
    return 0;
}

/* Is one of the folders above the last component named as a whiteout? */
enum above {
    ABOVE_PLAIN,
    ABOVE_AUFS,
    ABOVE_WHITEOUT,
};

static enum above look_above(const char *path)
{
    const char *slash;

    for (; (slash = strchr(path, '/')); path = slash + 1) {
        if (str_has_prefix(path, AUFS_PREFIX))
            return ABOVE_AUFS;
        if (str_has_prefix(path, WHITEOUT_PREFIX))
            return ABOVE_WHITEOUT;
    }
    return ABOVE_PLAIN;
}

/* Names decide about whiteouts, whatever the entry's type is. Leaves action SKIP, WHITEOUT or
 * OPAQUE with the path it is about, or sets *ret_is_plain. */
static int decide_name(struct unpack_decision *decision, bool *ret_is_plain, struct mcpd_error *err)
{
    char *slash = strrchr(decision->path, '/');
    char *name = slash ? slash + 1 : decision->path;
    enum above above = look_above(decision->path);

    *ret_is_plain = false;
    decision->action = UNPACK_ACTION_SKIP;
    if (above == ABOVE_AUFS)
        return 0;
    if (above == ABOVE_WHITEOUT)
        return refuse(decision->path, MCPD_E_CORRUPT, "lies below a whiteout", err);
    if (!str_has_prefix(name, WHITEOUT_PREFIX)) {
        *ret_is_plain = true;
        return 0;
    }
    if (strcmp(name, OPAQUE_NAME) == 0) {
        decision->action = UNPACK_ACTION_OPAQUE;
        *(slash ? slash : name) = '\0';
        return 0;
    }
    if (str_has_prefix(name, AUFS_PREFIX))
        return 0;
    name += strlen(WHITEOUT_PREFIX);
    if (strcmp(name, "") == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return refuse(decision->path, MCPD_E_CORRUPT, "is a whiteout of no name", err);
    decision->action = UNPACK_ACTION_WHITEOUT;
    memmove(name - strlen(WHITEOUT_PREFIX), name, strlen(name) + 1);
    return 0;
}

static int decide_link(const struct unpack_entry *entry, struct unpack_decision *decision,
                       struct mcpd_error *err)
{
    const char *target = entry->target;

    if (!target || !*target)
        return refuse(entry->path, MCPD_E_CORRUPT, "is a link to nothing", err);
    if (entry->type == UNPACK_TYPE_SYMLINK) {
        decision->action = UNPACK_ACTION_SYMLINK;
        if (str_copy(decision->target, sizeof(decision->target), target) < 0)
            return refuse(entry->path, MCPD_E_LIMIT, "links to a path of more than 4095 bytes",
                          err);
        return 0;
    }
    decision->action = UNPACK_ACTION_HARDLINK;
    if (clean_path(target, decision->target, err) < 0)
        return refuse(entry->path, MCPD_E_CORRUPT, "is a hard link that leaves the layer", err);
    if (!*decision->target)
        return refuse(entry->path, MCPD_E_CORRUPT, "is a hard link to the layer's root", err);
    return 0;
}

static int decide_node(const struct unpack_rules *rules, const struct unpack_entry *entry,
                       struct unpack_decision *decision, struct mcpd_error *err)
{
    bool is_whiteout =
        entry->type == UNPACK_TYPE_CHAR && entry->device_major == 0 && entry->device_minor == 0;

    decision->action = UNPACK_ACTION_NODE;
    if (entry->type == UNPACK_TYPE_FIFO) {
        decision->mode |= S_IFIFO;
        return 0;
    }
    /* overlayfs' own form of a whiteout: treated as one, so that it has one meaning only. */
    if (is_whiteout) {
        decision->action = UNPACK_ACTION_WHITEOUT;
        return 0;
    }
    if (rules->is_in_userns) {
        decision->action = UNPACK_ACTION_SKIP;
        return 0;
    }
    if (entry->device_major < 0 || entry->device_major > 0xfff || entry->device_minor < 0 ||
        entry->device_minor > 0xfffff)
        return refuse(entry->path, MCPD_E_CORRUPT, "has a device number out of range", err);
    decision->mode |= entry->type == UNPACK_TYPE_CHAR ? S_IFCHR : S_IFBLK;
    decision->device =
        makedev((unsigned int)entry->device_major, (unsigned int)entry->device_minor);
    return 0;
}

static int decide_type(const struct unpack_rules *rules, const struct unpack_entry *entry,
                       struct unpack_decision *decision, struct mcpd_error *err)
{
    if (!*decision->path && entry->type != UNPACK_TYPE_DIR)
        return refuse(entry->path, MCPD_E_CORRUPT, "is the layer's root but no folder", err);
    switch (entry->type) {
    case UNPACK_TYPE_FILE:
        if (entry->size < 0 || entry->size > UNPACK_MAX_FILE_BYTES)
            return refuse(entry->path, MCPD_E_LIMIT, "is larger than 1 TiB", err);
        decision->action = UNPACK_ACTION_FILE;
        decision->size = (uint64_t)entry->size;
        return 0;
    case UNPACK_TYPE_DIR:
        decision->action = UNPACK_ACTION_DIR;
        return 0;
    case UNPACK_TYPE_SYMLINK:
    case UNPACK_TYPE_HARDLINK:
        return decide_link(entry, decision, err);
    case UNPACK_TYPE_CHAR:
    case UNPACK_TYPE_BLOCK:
    case UNPACK_TYPE_FIFO:
        return decide_node(rules, entry, decision, err);
    case UNPACK_TYPE_OTHER:
        decision->action = UNPACK_ACTION_SKIP;
        return 0;
    }
    return refuse(entry->path, MCPD_E_CORRUPT, "is of an unknown type", err);
}

int unpack_policy_decide(const struct unpack_rules *rules, const struct unpack_entry *entry,
                         struct unpack_decision *ret_decision, struct mcpd_error *err)
{
    struct unpack_decision *decision = ret_decision;
    bool is_plain = false;
    int rc;

    /* Not the whole value: two pages of path would be cleared for every file. */
    decision->device = 0;
    decision->size = 0;
    decision->target[0] = '\0';
    if (!entry->path || !*entry->path)
        return error_set(err, MCPD_E_CORRUPT, "an entry without a name");
    rc = clean_path(entry->path, decision->path, err);
    if (rc < 0)
        return rc;
    rc = decide_name(decision, &is_plain, err);
    if (rc < 0 || !is_plain)
        return rc;
    /* 4294967295 means "leave it" to chown. */
    if (entry->uid < 0 || entry->uid >= UINT32_MAX || entry->gid < 0 || entry->gid >= UINT32_MAX)
        return refuse(entry->path, MCPD_E_CORRUPT, "has an owner out of range", err);
    decision->uid = (uid_t)entry->uid;
    decision->gid = (gid_t)entry->gid;
    if (entry->mtime_ns < 0 || entry->mtime_ns > 999999999)
        return refuse(entry->path, MCPD_E_CORRUPT, "has a time out of range", err);
    decision->mtime = (struct timespec){.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns};
    decision->mode = entry->mode & 07777;
    return decide_type(rules, entry, decision, err);
}

bool unpack_policy_allows_xattr(const char *name, size_t size)
{
    if (size > UNPACK_MAX_XATTR_SIZE || strlen(name) > UNPACK_NAME_MAX)
        return false;
    if (strcmp(name, "security.capability") == 0)
        return true;
    return str_has_prefix(name, "user.") && !str_has_prefix(name, "user.overlay.");
}
