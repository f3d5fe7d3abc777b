/*
 * unpack_tree.c - see unpack_tree.h.
 *
 * Theory of operation: `levels` is a stack of open folders, from the layer's root to the folder of
 * the entry at hand; `path` is the way to the last one. Tars list a folder's contents together, so
 * for most entries the stack already stands right and creating a file costs openat, write,
 * futimens and close. A level that is left gets its modification time back (what was in its own
 * entry, or what it had before we wrote into it), so no list of folders is kept until the end and
 * memory does not grow with the layer.
 *
 * Names are used only directly below a level's descriptor, with O_NOFOLLOW and its like. What
 * exists already (an earlier entry of the same layer) is replaced, except that a folder stays a
 * folder. An object of this layer hides the one below without help; only a folder must be marked
 * opaque for that, which a whiteout and a folder of the same name in one layer ask for.
 */
#include "oci/layer/unpack_tree.h"

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/saferoot.h"
#include "oci/layer/unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define IMPLICIT_DIR_MODE 0755 /* a folder that no entry describes */
#define SPECIAL_BITS      07000
#define SHOWN_SIZE        128

struct level {
    int fd;
    size_t path_length; /* of tree->path up to and with this folder */
    struct timespec mtime;
    gid_t gid;
    bool is_setgid; /* gives its group to what is made in it */
    bool is_dirty;  /* mtime must be set when it is left */
};

struct unpack_tree {
    struct unpack_tree_options options;
    uid_t own_uid;
    gid_t own_gid;
    size_t top; /* index of the last level */
    struct level levels[UNPACK_MAX_DEPTH + 2];
    char path[UNPACK_PATH_SIZE];
    struct buf implied;
};

/* ------------------------------------------------------------------ messages */

static int corrupt(const char *path, const char *why, struct mcpd_error *err)
{
    char shown[SHOWN_SIZE];

    unpack_policy_show(path, shown, sizeof(shown));
    return error_set(err, MCPD_E_CORRUPT, "entry '%s' %s", shown, why);
}

/* ------------------------------------------------------------------ the stack */

static int level_look(struct level *level, const char *path, struct mcpd_error *err)
{
    struct stat st;

    if (fstat(level->fd, &st) < 0)
        return unpack_policy_errno("stat", path, err);
    level->mtime = st.st_mtim;
    level->gid = st.st_gid;
    level->is_setgid = (st.st_mode & S_ISGID) != 0;
    level->is_dirty = false;
    return 0;
}

int unpack_tree_new(int layer_fd, const struct unpack_tree_options *options,
                    struct unpack_tree **ret_tree, struct mcpd_error *err)
{
    CLEANUP_UNPACK_TREE struct unpack_tree *tree = malloc(sizeof(*tree));
    int rc;

    if (!tree)
        return error_no_memory(err, "unpacking");
    tree->options = *options;
    tree->own_uid = geteuid();
    tree->own_gid = getegid();
    tree->top = 0;
    tree->path[0] = '\0';
    buf_init(&tree->implied, UNPACK_MAX_IMPLIED_BYTES);
    tree->levels[0] = (struct level){.fd = fcntl(layer_fd, F_DUPFD_CLOEXEC, 0)};
    if (tree->levels[0].fd < 0)
        return error_errno(err, "duplicate the descriptor of a layer");
    rc = level_look(&tree->levels[0], "/", err);
    if (rc < 0)
        return rc;
    *ret_tree = TAKE_PTR(tree);
    return 0;
}

void unpack_tree_free(struct unpack_tree *tree)
{
    if (!tree)
        return;
    for (size_t i = 0; i <= tree->top; i++)
        cleanup_close_fd(&tree->levels[i].fd);
    buf_done(&tree->implied);
    free(tree);
}

static struct level *top_level(struct unpack_tree *tree)
{
    return &tree->levels[tree->top];
}

int unpack_tree_folder_fd(const struct unpack_tree *tree)
{
    return tree->levels[tree->top].fd;
}

static int level_restore_time(const struct level *level, const char *path, struct mcpd_error *err)
{
    const struct timespec times[2] = {level->mtime, level->mtime};

    if (level->is_dirty && futimens(level->fd, times) < 0)
        return unpack_policy_errno("set the time of", path, err);
    return 0;
}

static int pop(struct unpack_tree *tree, struct mcpd_error *err)
{
    struct level *level = top_level(tree);
    int rc = level_restore_time(level, tree->path, err);

    (void)close(level->fd);
    level->fd = -1;
    tree->top--;
    tree->path[top_level(tree)->path_length] = '\0';
    return rc;
}

/* ------------------------------------------------------------------ implied folders */

const char *unpack_tree_implied(const struct unpack_tree *tree, size_t *ret_bytes)
{
    *ret_bytes = tree->implied.length;
    return buf_text(&tree->implied);
}

/* Too many of them is no failure: those keep the attributes they were made with. */
static void remember_implied(struct unpack_tree *tree)
{
    size_t count = strlen(tree->path) + 1;

    if (count <= tree->implied.maximum - tree->implied.length)
        (void)buf_append(&tree->implied, tree->path, count);
}

/* An entry describes it after all. */
static void forget_implied(struct unpack_tree *tree, const char *path)
{
    char *data = tree->implied.data;
    size_t length;

    for (size_t at = 0; at < tree->implied.length; at += length) {
        length = strlen(data + at) + 1;
        if (strcmp(data + at, path) != 0)
            continue;
        memmove(data + at, data + at + length, tree->implied.length - at - length);
        tree->implied.length -= length;
        return;
    }
}

/* ------------------------------------------------------------------ going there */

/* A folder on the way is a link: follow it inside the layer, and make what is missing. */
static int open_through_link(struct unpack_tree *tree, const char *path, struct mcpd_error *err)
{
    int fd = saferoot_open(tree->levels[0].fd, path, O_RDONLY | O_DIRECTORY, 0, NULL);

    if (fd >= 0)
        return fd;
    if (errno == ENOTDIR)
        return corrupt(path, "is needed as a folder but is something else", err);
    fd = saferoot_make_dirs(tree->levels[0].fd, path, IMPLICIT_DIR_MODE, err);
    if (fd < 0)
        return fd;
    (void)close(fd);
    fd = saferoot_open(tree->levels[0].fd, path, O_RDONLY | O_DIRECTORY, 0, err);
    return fd;
}

static int open_folder(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Appends one component to the stack; the folder is made when no entry did. */
static int push(struct unpack_tree *tree, const char *name, size_t name_length,
                struct mcpd_error *err)
{
    struct level *above = top_level(tree);
    struct level *level = above + 1;
    size_t start = above->path_length + (above->path_length > 0 ? 1 : 0);
    int rc;

    if (tree->top + 1 >= ARRAY_SIZE(tree->levels) || start + name_length >= sizeof(tree->path))
        return corrupt(tree->path, "is followed by one that lies too deep", err);
    if (start > 0)
        tree->path[start - 1] = '/';
    memcpy(tree->path + start, name, name_length);
    tree->path[start + name_length] = '\0';
    level->fd = open_folder(above->fd, tree->path + start);
    if (level->fd < 0 && errno == ENOENT) {
        above->is_dirty = true;
        if (mkdirat(above->fd, tree->path + start, IMPLICIT_DIR_MODE) == 0) {
            level->fd = open_folder(above->fd, tree->path + start);
            remember_implied(tree);
        }
    } else if (level->fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        rc = open_through_link(tree, tree->path, err);
        if (rc < 0)
            return rc;
        level->fd = rc;
    }
    if (level->fd < 0)
        return unpack_policy_errno("open folder", tree->path, err);
    tree->top++;
    level->path_length = start + name_length;
    return level_look(level, tree->path, err);
}

/* Does the level lie on the way to the first `length` bytes of path? */
static bool is_on_the_way(const struct unpack_tree *tree, const struct level *level,
                          const char *path, size_t length)
{
    size_t count = level->path_length;

    if (count == 0)
        return true;
    return count <= length && (count == length || path[count] == '/') &&
           memcmp(tree->path, path, count) == 0;
}

/* Makes the stack end in the folder path[0..length]. */
static int enter(struct unpack_tree *tree, const char *path, size_t length, struct mcpd_error *err)
{
    size_t done;
    int rc;

    while (!is_on_the_way(tree, top_level(tree), path, length)) {
        rc = pop(tree, err);
        if (rc < 0)
            return rc;
    }
    done = top_level(tree)->path_length;
    while (done < length) {
        const char *name = path + done + (done > 0 ? 1 : 0);
        size_t name_length = strcspn(name, "/");

        rc = push(tree, name, name_length, err);
        if (rc < 0)
            return rc;
        done = top_level(tree)->path_length;
    }
    return 0;
}

/* Enters the folder of an entry that is about to be made and gives its name. */
static int enter_parent(struct unpack_tree *tree, const char *path, const char **ret_name,
                        struct mcpd_error *err)
{
    const char *slash = strrchr(path, '/');
    int rc = enter(tree, path, slash ? (size_t)(slash - path) : 0, err);

    if (rc < 0)
        return rc;
    *ret_name = slash ? slash + 1 : path;
    top_level(tree)->is_dirty = true;
    return 0;
}

int unpack_tree_finish(struct unpack_tree *tree, struct mcpd_error *err)
{
    while (tree->top > 0) {
        int rc = pop(tree, err);

        if (rc < 0)
            return rc;
    }
    return level_restore_time(top_level(tree), "/", err);
}

/* ------------------------------------------------------------------ what an object is */

/* Who would own something new in the folder at hand? */
static bool owner_differs(struct unpack_tree *tree, const struct unpack_decision *decision)
{
    const struct level *level = top_level(tree);

    if (tree->options.ignore_owners)
        return false;
    return decision->uid != tree->own_uid ||
           decision->gid != (level->is_setgid ? level->gid : tree->own_gid);
}

static int fail_owner(const struct unpack_decision *decision, struct mcpd_error *err)
{
    char shown[SHOWN_SIZE];

    unpack_policy_show(decision->path, shown, sizeof(shown));
    if (errno == EINVAL)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "'%s' belongs to %u:%u, which this user's ranges in /etc/subuid and "
                         "/etc/subgid do not reach",
                         shown, decision->uid, decision->gid);
    return error_errno(err, "set the owner of '%s' to %u:%u", shown, decision->uid, decision->gid);
}

/* Owner first: changing it takes setuid bits and capabilities away. */
int unpack_tree_set_owner(struct unpack_tree *tree, const struct unpack_decision *decision, int fd,
                          struct mcpd_error *err)
{
    if (owner_differs(tree, decision) && fchown(fd, decision->uid, decision->gid) < 0)
        return fail_owner(decision, err);
    if ((decision->mode & SPECIAL_BITS) != 0 && fchmod(fd, decision->mode & 07777) < 0)
        return unpack_policy_errno("set the mode of", decision->path, err);
    return 0;
}

int unpack_tree_set_time(const struct unpack_decision *decision, int fd, struct mcpd_error *err)
{
    const struct timespec times[2] = {decision->mtime, decision->mtime};

    if (futimens(fd, times) < 0)
        return unpack_policy_errno("set the time of", decision->path, err);
    return 0;
}

/* The same by name, for what cannot be opened: links, devices, pipes. It was made by us just now.
 */
static int set_metadata_by_name(struct unpack_tree *tree, const struct unpack_decision *decision,
                                const char *name, struct mcpd_error *err)
{
    const struct timespec times[2] = {decision->mtime, decision->mtime};
    int dir_fd = top_level(tree)->fd;

    if (owner_differs(tree, decision) &&
        fchownat(dir_fd, name, decision->uid, decision->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_owner(decision, err);
    if (decision->action == UNPACK_ACTION_NODE && (decision->mode & SPECIAL_BITS) != 0 &&
        fchmodat(dir_fd, name, decision->mode & 07777, 0) < 0)
        return unpack_policy_errno("set the mode of", decision->path, err);
    if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return unpack_policy_errno("set the time of", decision->path, err);
    return 0;
}

static int mark_opaque(const struct unpack_tree *tree, int fd, const char *path,
                       struct mcpd_error *err)
{
    const char *name =
        tree->options.use_user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";

    if (fsetxattr(fd, name, "y", 1, 0) < 0)
        return unpack_policy_errno("mark as opaque", path, err);
    return 0;
}

/* ------------------------------------------------------------------ one kind of entry each */

int unpack_tree_create_file(struct unpack_tree *tree, const struct unpack_decision *decision,
                            int *ret_fd, struct mcpd_error *err)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const char *name = NULL;
    int rc = enter_parent(tree, decision->path, &name, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = openat(top_level(tree)->fd, name, flags, decision->mode & 0777);
    if (fd < 0 && errno == EEXIST) {
        rc = fs_remove_tree(top_level(tree)->fd, name, err);
        if (rc < 0)
            return rc;
        fd = openat(top_level(tree)->fd, name, flags, decision->mode & 0777);
    }
    if (fd < 0)
        return unpack_policy_errno("create", decision->path, err);
    *ret_fd = fd;
    return 0;
}

/* Makes a link or a node once. Returns as the system call. */
static int make_once(struct unpack_tree *tree, const struct unpack_decision *decision,
                     const char *name)
{
    int dir_fd = top_level(tree)->fd;

    if (decision->action == UNPACK_ACTION_SYMLINK)
        return symlinkat(decision->target, dir_fd, name);
    return mknodat(dir_fd, name, decision->mode & ~(mode_t)SPECIAL_BITS, decision->device);
}

static int make_symlink_or_node(struct unpack_tree *tree, const struct unpack_decision *decision,
                                struct mcpd_error *err)
{
    const char *name = NULL;
    int rc = enter_parent(tree, decision->path, &name, err);

    if (rc < 0)
        return rc;
    if (make_once(tree, decision, name) < 0) {
        if (errno != EEXIST)
            return unpack_policy_errno("create", decision->path, err);
        rc = fs_remove_tree(top_level(tree)->fd, name, err);
        if (rc < 0)
            return rc;
        if (make_once(tree, decision, name) < 0)
            return unpack_policy_errno("create", decision->path, err);
    }
    return set_metadata_by_name(tree, decision, name, err);
}

/* The folder that holds a hard link's target, opened for a look-up only. */
static int open_target_folder(struct unpack_tree *tree, const char *target, const char **ret_name)
{
    const char *slash = strrchr(target, '/');
    char folder[UNPACK_PATH_SIZE];

    *ret_name = slash ? slash + 1 : target;
    if (!slash)
        return fcntl(tree->levels[0].fd, F_DUPFD_CLOEXEC, 0);
    memcpy(folder, target, (size_t)(slash - target));
    folder[slash - target] = '\0';
    return saferoot_open(tree->levels[0].fd, folder, O_PATH | O_DIRECTORY, 0, NULL);
}

static bool is_same_object(int a_dir_fd, const char *a_name, int b_dir_fd, const char *b_name)
{
    struct stat a, b;

    return fstatat(a_dir_fd, a_name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(b_dir_fd, b_name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static int make_hardlink(struct unpack_tree *tree, const struct unpack_decision *decision,
                         struct mcpd_error *err)
{
    CLEANUP_FD int target_fd = -1;
    const char *target_name = NULL;
    const char *name = NULL;
    int rc = enter_parent(tree, decision->path, &name, err);

    if (rc < 0)
        return rc;
    target_fd = open_target_folder(tree, decision->target, &target_name);
    if (target_fd < 0)
        return corrupt(decision->path, "is a hard link to something that is not in the layer", err);
    rc = linkat(target_fd, target_name, top_level(tree)->fd, name, 0);
    if (rc < 0 && errno == EEXIST) {
        if (is_same_object(target_fd, target_name, top_level(tree)->fd, name))
            return 0;
        rc = fs_remove_tree(top_level(tree)->fd, name, err);
        if (rc < 0)
            return rc;
        rc = linkat(target_fd, target_name, top_level(tree)->fd, name, 0);
    }
    if (rc < 0 && (errno == ENOENT || errno == EPERM))
        return corrupt(decision->path,
                       errno == EPERM ? "is a hard link to a folder"
                                      : "is a hard link to something that is not in the layer",
                       err);
    return rc < 0 ? unpack_policy_errno("link", decision->path, err) : 0;
}

/* Is there room for a folder? A folder stays; anything else goes, and a whiteout leaves its meaning
 * behind. */
static int prepare_folder(struct unpack_tree *tree, const char *path, const char *name,
                          bool *ret_is_old, bool *ret_was_whiteout, struct mcpd_error *err)
{
    int dir_fd = top_level(tree)->fd;
    struct stat st;

    *ret_is_old = false;
    *ret_was_whiteout = false;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return unpack_policy_errno("stat", path, err);
    if (S_ISDIR(st.st_mode)) {
        *ret_is_old = true;
        return 0;
    }
    *ret_was_whiteout = S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
    if (unlinkat(dir_fd, name, 0) < 0)
        return unpack_policy_errno("replace", path, err);
    return 0;
}

/* Owner, mode and (when it is left) time of the folder at the top of the stack. */
static int describe_folder(struct unpack_tree *tree, const struct unpack_decision *decision,
                           bool is_old, struct mcpd_error *err)
{
    struct level *level = top_level(tree);
    bool has_heir = tree->top > 0 && level[-1].is_setgid;

    if (!tree->options.ignore_owners &&
        (is_old || has_heir || decision->uid != tree->own_uid || decision->gid != tree->own_gid) &&
        fchown(level->fd, decision->uid, decision->gid) < 0)
        return fail_owner(decision, err);
    if ((is_old || has_heir || (decision->mode & SPECIAL_BITS) != 0) &&
        fchmod(level->fd, decision->mode & 07777) < 0)
        return unpack_policy_errno("set the mode of", decision->path, err);
    level->mtime = decision->mtime;
    level->is_dirty = true;
    level->is_setgid = (decision->mode & S_ISGID) != 0;
    level->gid = tree->options.ignore_owners ? tree->own_gid : decision->gid;
    return 0;
}

static int make_folder(struct unpack_tree *tree, const struct unpack_decision *decision,
                       struct mcpd_error *err)
{
    bool is_old = false, was_whiteout = false;
    const char *name = NULL;
    int rc;

    if (!*decision->path) {
        rc = enter(tree, "", 0, err);
        return rc < 0 ? rc : describe_folder(tree, decision, true, err);
    }
    rc = enter_parent(tree, decision->path, &name, err);
    if (rc < 0)
        return rc;
    if (mkdirat(top_level(tree)->fd, name, decision->mode & 0777) < 0) {
        if (errno != EEXIST)
            return unpack_policy_errno("create folder", decision->path, err);
        rc = prepare_folder(tree, decision->path, name, &is_old, &was_whiteout, err);
        if (rc < 0)
            return rc;
        if (!is_old && mkdirat(top_level(tree)->fd, name, decision->mode & 0777) < 0)
            return unpack_policy_errno("create folder", decision->path, err);
    }
    rc = push(tree, name, strlen(name), err);
    if (rc < 0)
        return rc;
    if (is_old)
        forget_implied(tree, decision->path);
    if (was_whiteout) {
        rc = mark_opaque(tree, top_level(tree)->fd, decision->path, err);
        if (rc < 0)
            return rc;
    }
    return describe_folder(tree, decision, is_old, err);
}

static int make_whiteout(struct unpack_tree *tree, const struct unpack_decision *decision,
                         struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    const char *name = NULL;
    int rc = enter_parent(tree, decision->path, &name, err);

    if (rc < 0)
        return rc;
    if (mknodat(top_level(tree)->fd, name, S_IFCHR, makedev(0, 0)) == 0)
        return 0;
    if (errno == EPERM) /* of an overlay, to everybody */
        return error_wrap(err, unpack_policy_errno("create a whiteout for", decision->path, err),
                          "the file system of the store cannot note what is hidden (--root names a "
                          "folder that is not on an overlay)");
    if (errno != EEXIST)
        return unpack_policy_errno("create a whiteout for", decision->path, err);
    fd = open_folder(top_level(tree)->fd, name);
    if (fd < 0)
        return 0; /* this layer's own file, which hides the one below */
    return mark_opaque(tree, fd, decision->path, err);
}

static int make_opaque(struct unpack_tree *tree, const struct unpack_decision *decision,
                       struct mcpd_error *err)
{
    int rc = enter(tree, decision->path, strlen(decision->path), err);

    return rc < 0 ? rc : mark_opaque(tree, top_level(tree)->fd, decision->path, err);
}

int unpack_tree_apply(struct unpack_tree *tree, const struct unpack_decision *decision,
                      struct mcpd_error *err)
{
    switch (decision->action) {
    case UNPACK_ACTION_DIR:
        return make_folder(tree, decision, err);
    case UNPACK_ACTION_SYMLINK:
    case UNPACK_ACTION_NODE:
        return make_symlink_or_node(tree, decision, err);
    case UNPACK_ACTION_HARDLINK:
        return make_hardlink(tree, decision, err);
    case UNPACK_ACTION_WHITEOUT:
        return make_whiteout(tree, decision, err);
    case UNPACK_ACTION_OPAQUE:
        return make_opaque(tree, decision, err);
    case UNPACK_ACTION_FILE:
    case UNPACK_ACTION_SKIP:
        break;
    }
    return error_set(err, MCPD_E_INTERNAL, "an entry that cannot be applied");
}
