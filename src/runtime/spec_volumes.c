/*
 * spec_volumes.c - one -v, --mount or --tmpfs as a mount.
 *
 * Grammar: podman-run(1). Named and anonymous volumes come with their own issue and
 * are refused here in one line.
 */
#include "runtime/spec_parts.h"

#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "runtime/pathclean.h"

#define SHARE_MAX       1000 /* percent: more than all memory, with swap */
#define MODE_DIGITS_MAX 5

void spec_mount_done(struct plan_mount *mount)
{
    free(mount->source);
    free(mount->destination);
    free(mount->data);
    *mount = (struct plan_mount){0};
}

/* podman's default: a tmpfs starts with what the image has there. */
static bool take_copy_up(const char *word, struct plan_mount *mount)
{
    bool is_no = strcmp(word, "notmpcopyup") == 0;

    if (!is_no && strcmp(word, "tmpcopyup") != 0)
        return false;
    mount->copy_up = !is_no;
    return true;
}

static struct plan_mount tmpfs_defaults(void)
{
    return (struct plan_mount){.kind = PLAN_MOUNT_TMPFS,
                               .no_suid = true,
                               .no_dev = true,
                               .copy_up = true,
                               .is_user_volume = true};
}

/* "64m": what the kernel's own reader of numbers takes, without what it would silently make of
 * more than fits. "50%" is of all memory. */
static bool is_amount(const char *text, bool may_be_share)
{
    static const char letters[] = "kmgtpe";
    size_t length = strspn(text, "0123456789");
    CLEANUP_FREE char *digits = strndup(text, length);
    const char *letter = text[length] ? strchr(letters, text[length] | 0x20) : NULL;
    unsigned int shift = letter ? 10 * (unsigned int)(letter - letters + 1) : 0;
    uint64_t number;

    if (!digits || str_to_u64(digits, INT64_MAX, &number) < 0)
        return false;
    if (may_be_share && strcmp(text + length, "%") == 0)
        return number <= SHARE_MAX;
    return text[length + (letter ? 1 : 0)] == '\0' && number <= (uint64_t)INT64_MAX >> shift;
}

static bool is_mode(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= MODE_DIGITS_MAX && text[strspn(text, "01234567")] == '\0';
}

/* What this kernel does not know, it refuses itself. */
static bool is_data(const char *key, const char *value)
{
    uint32_t id;

    if (strcmp(key, "size") == 0)
        return is_amount(value, true);
    if (strcmp(key, "nr_inodes") == 0 || strcmp(key, "nr_blocks") == 0)
        return is_amount(value, false);
    if (strcmp(key, "mode") == 0)
        return is_mode(value);
    if (strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0)
        return str_to_u32(value, INT32_MAX, &id) == 0;
    return true;
}

static int add_data(struct plan_mount *mount, const char *key, const char *value,
                    struct mcpd_error *err)
{
    char *data;

    if (!is_data(key, value))
        return error_set(err, MCPD_E_INVALID, "invalid value \"%s\" for the tmpfs option \"%s\"",
                         value, key);
    data =
        str_format("%s%s%s=%s", mount->data ? mount->data : "", mount->data ? "," : "", key, value);
    if (!data)
        return error_no_memory(err, "mount options");
    free(mount->data);
    mount->data = data;
    return 0;
}

static int set_destination(const char *text, struct plan_mount *mount, struct mcpd_error *err)
{
    if (*text != '/')
        return error_set(err, MCPD_E_INVALID,
                         "invalid container path \"%s\", must be an absolute path", text);
    mount->destination = pathclean(text);
    if (!mount->destination)
        return error_no_memory(err, "mount");
    if (strcmp(mount->destination, "/") == 0)
        return error_set(err, MCPD_E_INVALID, "invalid container path \"%s\": it is the root",
                         text);
    return 0;
}

/* podman: what does not begin with '/' or '.' is the name of a volume. */
static int set_bind_source(const char *text, const char *current_dir, struct plan_mount *mount,
                           struct mcpd_error *err)
{
    CLEANUP_FREE char *absolute = NULL;

    if (*text == '\0')
        return error_set(err, MCPD_E_INVALID, "host directory cannot be empty");
    if (*text != '/' && *text != '.')
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "named volumes are not supported yet: \"%s\" (a host directory is written "
                         "with its absolute path)",
                         text);
    absolute =
        *text == '/' ? strdup(text) : str_format("%s/%s", current_dir ? current_dir : "/", text);
    mount->source = absolute ? pathclean(absolute) : NULL;
    return mount->source ? 0 : error_no_memory(err, "mount");
}

static bool take_propagation(const char *word, struct plan_mount *mount)
{
    static const struct {
        char word[9];
        unsigned int propagation;
    } rows[] = {
        {"shared", MS_SHARED}, {"rshared", MS_SHARED},  {"slave", MS_SLAVE},
        {"rslave", MS_SLAVE},  {"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(word, rows[i].word) == 0) {
            mount->propagation = rows[i].propagation;
            return true;
        }
    return false;
}

/* Words that every kind of mount knows. */
static const struct flag {
    char word[9];
    bool value;
    size_t offset;
} flags[] = {
    {"ro", true, offsetof(struct plan_mount, read_only)},
    {"readonly", true, offsetof(struct plan_mount, read_only)},
    {"rw", false, offsetof(struct plan_mount, read_only)},
    {"nosuid", true, offsetof(struct plan_mount, no_suid)},
    {"suid", false, offsetof(struct plan_mount, no_suid)},
    {"nodev", true, offsetof(struct plan_mount, no_dev)},
    {"dev", false, offsetof(struct plan_mount, no_dev)},
    {"noexec", true, offsetof(struct plan_mount, no_exec)},
    {"exec", false, offsetof(struct plan_mount, no_exec)},
};

/* is_meant: false for the opposite, "ro=false". False when the word is none of these. */
static bool take_flag(const char *word, bool is_meant, struct plan_mount *mount)
{
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (strcmp(word, flags[i].word) == 0) {
            *(bool *)((char *)mount + flags[i].offset) = flags[i].value == is_meant;
            return true;
        }
    return is_meant && take_propagation(word, mount);
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static const char *const later[] = {"U", "O", "idmap", NULL};

static int take_bind_word(const char *word, struct plan_mount *mount, struct mcpd_error *err)
{
    /* SELinux labels, docker's consistency words and volume words change nothing here. */
    static const char *const ignored[] = {"z",          "Z",    "cached", "delegated",
                                          "consistent", "copy", "nocopy", NULL};

    if (take_flag(word, true, mount) || is_one_of(word, ignored))
        return 0;
    if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0) {
        mount->recursive = word[0] == 'r';
        return 0;
    }
    if (is_one_of(word, later))
        return error_set(err, MCPD_E_UNSUPPORTED, "mount option \"%s\" is not supported yet", word);
    return error_set(err, MCPD_E_INVALID, "invalid option type \"%s\"", word);
}

static struct plan_mount bind_defaults(void)
{
    return (struct plan_mount){.kind = PLAN_MOUNT_BIND,
                               .recursive = true,
                               .propagation = MS_PRIVATE,
                               .is_user_volume = true};
}

/* "SOURCE:DESTINATION[:OPTIONS]" at its colons. The destination is complained about first. */
static int take_places(const char *text, char *const *parts, size_t count, const char *current_dir,
                       struct plan_mount *mount, struct mcpd_error *err)
{
    int rc;

    if (count > 3)
        return error_set(err, MCPD_E_INVALID,
                         "%s: incorrect volume format, should be [host-dir:]ctr-dir[:option]",
                         text);
    if (count > 1 && parts[0][0] == '\0')
        return error_set(err, MCPD_E_INVALID, "host directory cannot be empty");
    if (parts[count > 1][0] == '\0')
        return error_set(err, MCPD_E_INVALID, "container directory cannot be empty");
    rc = set_destination(parts[count > 1], mount, err);
    if (rc == 0 && count == 1)
        return error_set(err, MCPD_E_UNSUPPORTED, "anonymous volumes are not supported yet: \"%s\"",
                         text);
    return rc < 0 ? rc : set_bind_source(parts[0], current_dir, mount, err);
}

/* Both would be one too many: which is meant? */
static int check_access_words(char *const *words, struct mcpd_error *err)
{
    const char *first = NULL;

    for (; *words; words++) {
        if (strcmp(*words, "ro") != 0 && strcmp(*words, "rw") != 0)
            continue;
        if (first)
            return error_set(err, MCPD_E_INVALID,
                             "invalid options \"%s, %s\", can only specify 1 'rw' or 'ro' option",
                             first, *words);
        first = *words;
    }
    return 0;
}

int spec_volume_parse(const char *text, const char *current_dir, struct plan_mount *ret_mount,
                      struct mcpd_error *err)
{
    CLEANUP_STRV char **parts = strv_split(text, ':');
    CLEANUP_STRV char **words = NULL;
    CLEANUP(spec_mount_done) struct plan_mount mount = bind_defaults();
    size_t count = strv_length(parts);
    int rc;

    if (!parts)
        return error_no_memory(err, "volume");
    rc = take_places(text, parts, count, current_dir, &mount, err);
    words = count == 3 ? strv_split(parts[2], ',') : NULL;
    if (rc == 0 && count == 3 && !words)
        rc = error_no_memory(err, "volume");
    if (rc == 0 && words)
        rc = check_access_words(words, err);
    for (size_t i = 0; rc == 0 && words && words[i]; i++)
        if (words[i][0] != '\0')
            rc = take_bind_word(words[i], &mount, err);
    if (rc < 0)
        return rc;
    *ret_mount = mount;
    mount = (struct plan_mount){0};
    return 0;
}

int spec_tmpfs_parse(const char *text, struct plan_mount *ret_mount, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = strndup(text, strcspn(text, ":"));
    CLEANUP_STRV char **words = strv_split(strchrnul(text, ':'), ',');
    CLEANUP(spec_mount_done) struct plan_mount mount = tmpfs_defaults();
    int rc;

    if (!path || !words)
        return error_no_memory(err, "tmpfs");
    rc = set_destination(path, &mount, err);
    for (size_t i = 0; rc == 0 && words[i]; i++) {
        const char *word = words[i] + (i == 0 && words[i][0] == ':');
        char *value = strchr(word, '=');

        if (*word == '\0' || take_copy_up(word, &mount) || take_flag(word, true, &mount))
            continue;
        if (!value)
            return error_set(err, MCPD_E_INVALID,
                             "unknown mount option \"%s\": invalid mount option", word);
        *value = '\0';
        rc = add_data(&mount, word, value + 1, err);
    }
    if (rc < 0)
        return rc;
    *ret_mount = mount;
    mount = (struct plan_mount){0};
    return 0;
}

/* --- --mount ----------------------------------------------------------------------- */

static int set_mount_type(const char *type, struct plan_mount *mount, struct mcpd_error *err)
{
    if (strcmp(type, "bind") == 0) {
        *mount = bind_defaults();
        return 0;
    }
    if (strcmp(type, "tmpfs") == 0) {
        *mount = tmpfs_defaults();
        return 0;
    }
    if (is_one_of(type, (const char *const[]){"volume", "image", "devpts", "glob", NULL}))
        return error_set(err, MCPD_E_UNSUPPORTED, "mounts of type \"%s\" are not supported yet",
                         type);
    return error_set(err, MCPD_E_INVALID, "invalid filesystem type \"%s\"", type);
}

/* A key alone means yes. */
static int take_bool(const char *key, const char *value, bool *ret_value, struct mcpd_error *err)
{
    *ret_value = true;
    if (value && str_to_bool(value, ret_value) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "invalid value \"%s\" for the mount option \"%s\": must be true or false",
                         value, key);
    return 0;
}

static int refuse_pair(const char *key, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_INVALID, "%s: invalid mount option", key);
}

static int take_tmpfs_pair(const char *key, const char *value, struct plan_mount *mount,
                           struct mcpd_error *err)
{
    if (value && strcmp(key, "tmpfs-size") == 0)
        return add_data(mount, "size", value, err);
    if (value && strcmp(key, "tmpfs-mode") == 0)
        return add_data(mount, "mode", value, err);
    if (!value && take_copy_up(key, mount))
        return 0;
    return refuse_pair(key, err);
}

static int take_bind_pair(const char *key, const char *value, struct plan_mount *mount,
                          struct mcpd_error *err)
{
    bool is_meant = false;
    int rc;

    if (strcmp(key, "bind-propagation") == 0 && value && take_propagation(value, mount))
        return 0;
    if (strcmp(key, "bind-nonrecursive") == 0) {
        rc = take_bool(key, value, &is_meant, err);
        mount->recursive = !is_meant;
        return rc;
    }
    if (strcmp(key, "relabel") == 0 || strcmp(key, "consistency") == 0)
        return 0;
    rc = value && !is_one_of(key, later) ? -MCPD_E_INVALID : take_bind_word(key, mount, err);
    return rc == -MCPD_E_INVALID ? refuse_pair(key, err) : rc;
}

/* Sets one of the flags; *ret_is_taken: it is one. */
static int take_flag_pair(const char *key, const char *value, struct plan_mount *mount,
                          bool *ret_is_taken, struct mcpd_error *err)
{
    bool is_meant = true;

    *ret_is_taken = take_flag(key, true, mount);
    if (!*ret_is_taken)
        return 0;
    if (take_bool(key, value, &is_meant, err) < 0)
        return -MCPD_E_INVALID;
    return is_meant || take_flag(key, false, mount) ? 0 : refuse_pair(key, err);
}

static int take_pair(const char *key, const char *value, const char *current_dir,
                     struct plan_mount *mount, struct mcpd_error *err)
{
    static const char *const sources[] = {"source", "src", NULL};
    static const char *const destinations[] = {"target", "destination", "dst", NULL};
    bool is_bind = mount->kind == PLAN_MOUNT_BIND;
    bool is_taken = false;
    int rc;

    if (strcmp(key, "type") == 0)
        return 0;
    if (value && is_one_of(key, destinations) && !mount->destination)
        return set_destination(value, mount, err);
    if (value && is_bind && is_one_of(key, sources) && !mount->source) {
        bool is_relative = *value != '/' && *value != '.' && *value != '\0';
        CLEANUP_FREE char *path = str_format("%s%s", is_relative ? "./" : "", value);

        return path ? set_bind_source(path, current_dir, mount, err)
                    : error_no_memory(err, "mount");
    }
    rc = take_flag_pair(key, value, mount, &is_taken, err);
    if (rc < 0 || is_taken)
        return rc;
    return is_bind ? take_bind_pair(key, value, mount, err)
                   : take_tmpfs_pair(key, value, mount, err);
}

int spec_mount_parse(const char *text, const char *current_dir, struct plan_mount *ret_mount,
                     struct mcpd_error *err)
{
    CLEANUP_STRV char **pairs = strv_split(text, ',');
    CLEANUP(spec_mount_done) struct plan_mount mount = {0};
    const char *type = pairs ? strv_env_get(pairs, "type") : NULL;
    int rc;

    if (!pairs)
        return error_no_memory(err, "mount");
    if (!type && !strchr(text, '='))
        return error_set(err, MCPD_E_INVALID,
                         "incorrect mount format: should be --mount type=<bind|tmpfs|volume>,"
                         "[src=<host-dir|volume-name>,]target=<ctr-dir>[,options]");
    rc = set_mount_type(type ? type : "volume", &mount, err);
    for (size_t i = 0; rc == 0 && pairs[i]; i++) {
        char *value = strchr(pairs[i], '=');

        if (value)
            *value++ = '\0';
        rc = take_pair(pairs[i], value, current_dir, &mount, err);
    }
    if (rc < 0)
        return rc;
    if (!mount.destination)
        return error_set(err, MCPD_E_INVALID, "must set volume destination");
    if (mount.kind == PLAN_MOUNT_BIND && !mount.source)
        return error_set(err, MCPD_E_INVALID, "must set the source of a bind mount: \"%s\"", text);
    *ret_mount = mount;
    mount = (struct plan_mount){0};
    return 0;
}
