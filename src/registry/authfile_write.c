/*
 * authfile_write.c - see authfile_write.h.
 *
 * Two logins at the same time: the folder is locked (flock) from before the old file is read until
 * the new one has its name.
 */
#include "registry/authfile_write.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "registry/authfile.h"
#include "registry/credhelper.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* ------------------------------------------------------------------ text to text */

/* As podman indents it: jansson knows blanks only. No string of JSON holds a newline. */
static void indent_with_tabs(char *text)
{
    bool is_start = true;

    for (; *text; text++) {
        if (is_start && *text == ' ')
            *text = '\t';
        else
            is_start = *text == '\n';
    }
}

static int read_text(const char *text, size_t length, json_t **ret_document, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    json_t *auths = NULL;
    int rc = 0;

    if (length == 0)
        document = json_object();
    else
        rc = jsonx_parse(text, length, AUTHFILE_MAX_DEPTH, "auth file", &document, err);
    if (rc == 0)
        rc = jsonx_get_object(document, "auths", "auth file", &auths, err);
    if (rc == 0 && !auths && json_object_set_new(document, "auths", json_object()) < 0)
        return error_no_memory(err, "auth file");
    if (rc == 0)
        *ret_document = TAKE_PTR(document);
    return rc;
}

static int edit(json_t *document, const char *key, const char *auth, bool *ret_was_there,
                struct mcpd_error *err)
{
    json_t *auths = json_object_get(document, "auths");
    json_t *entry;

    *ret_was_there = key ? json_object_get(auths, key) != NULL : json_object_size(auths) > 0;
    if (!key && json_object_clear(auths) < 0)
        return error_no_memory(err, "auth file");
    if (key && !auth && *ret_was_there)
        (void)json_object_del(auths, key);
    if (!key || !auth)
        return 0;
    entry = *auth ? json_pack("{s:s}", "auth", auth) : json_object();
    if (json_object_set_new(auths, key, entry) < 0)
        return error_set(err, MCPD_E_INVALID, "the name of the registry is not UTF-8 text");
    return 0;
}

int authfile_edit(const char *text, size_t length, const char *key, const char *auth,
                  char **ret_text, bool *ret_was_there, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    bool was_there = false;
    char *edited;
    int rc = read_text(text, length, &document, err);

    if (rc == 0)
        rc = edit(document, key, auth, &was_there, err);
    if (rc < 0)
        return rc;
    edited = json_dumps(document, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    if (!edited)
        return error_no_memory(err, "auth file");
    indent_with_tabs(edited);
    *ret_text = edited;
    *ret_was_there = was_there;
    return 0;
}

/* ------------------------------------------------------------------ the file */

struct file {
    int dir_fd; /* with its lock; owned, as all */
    char *name; /* in it */
    char *text; /* "" when there is none yet */
    size_t length;
};

static void file_done(struct file *file)
{
    cleanup_close_fd(&file->dir_fd);
    free(file->name);
    str_free_secret(file->text);
}

/* "/a/b/auth.json" is "auth.json" in "/a/b". */
static int open_folder(const char *path, struct file *file, struct mcpd_error *err)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int rc;

    file->name = strdup(slash ? slash + 1 : path);
    if (!folder || !file->name)
        return error_no_memory(err, "auth file");
    if (!*file->name)
        return error_set(err, MCPD_E_INVALID, "%s is no file", path);
    rc = fs_make_dirs(AT_FDCWD, folder, 0700, &file->dir_fd, err);
    if (rc < 0)
        return rc;
    while (flock(file->dir_fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return error_errno(err, "lock %s", folder);
    return 0;
}

static int file_open(const char *path, struct file *file, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    int rc = open_folder(path, file, err);

    if (rc < 0)
        return rc;
    fd =
        openat(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        file->text = strdup("");
        return file->text ? 0 : error_no_memory(err, "auth file");
    }
    if (fd < 0 && errno == ELOOP)
        return error_set(err, MCPD_E_INVALID, "%s is a symbolic link: it is not written to", path);
    if (fd < 0)
        return error_errno(err, "open %s", path);
    return fs_read_fd(fd, path, AUTHFILE_MAX_BYTES, &file->text, &file->length, err);
}

static int file_edit(const struct file *file, const char *key, const char *auth,
                     bool *ret_was_there, struct mcpd_error *err)
{
    CLEANUP_SECRET char *text = NULL;
    int rc = authfile_edit(file->text, file->length, key, auth, &text, ret_was_there, err);

    if (rc < 0 || (!auth && !*ret_was_there))
        return rc;
    return fs_write_file(file->dir_fd, file->name, text, strlen(text), 0600, FS_WRITE_SYNC, err);
}

int authfile_store(const char *path, const char *key, const struct credentials *credentials,
                   struct mcpd_error *err)
{
    CLEANUP(file_done) struct file file = {.dir_fd = -1};
    CLEANUP_SECRET char *auth = NULL;
    CLEANUP_FREE char *helper = NULL;
    CLEANUP_FREE char *server = authfile_server_of(key);
    bool was_there = false;
    int rc = file_open(path, &file, err);

    if (rc == 0 && file.length > 0)
        rc = authfile_find_helper(file.text, file.length, key, &helper, err);
    if (rc == 0 && helper)
        rc = server ? credhelper_store(helper, server, credentials, err)
                    : error_no_memory(err, "auth file");
    if (rc == 0) {
        auth = helper ? strdup("") : credentials_encode(credentials);
        rc =
            auth ? file_edit(&file, key, auth, &was_there, err) : error_no_memory(err, "auth file");
    }
    return rc < 0 ? error_wrap(err, rc, "auth file %s", path) : 0;
}

/* By whom the file has it kept; an entry with a secret of its own goes before a helper for all. */
static int erase_elsewhere(const struct file *file, const char *key, bool *ret_was_there,
                           struct mcpd_error *err)
{
    CLEANUP(authfile_answer_done) struct authfile_answer answer = {0};
    CLEANUP_FREE char *server = authfile_server_of(key);
    struct mcpd_error problem = {0};
    int rc = authfile_lookup(file->text, file->length, key, &answer, err);

    if (rc < 0 || !answer.helper)
        return rc;
    if (!server)
        return error_no_memory(err, "auth file");
    rc = credhelper_erase(answer.helper, server, &problem);
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND)
        return error_copy(err, &problem);
    *ret_was_there = rc == 0;
    return 0;
}

int authfile_erase(const char *path, const char *key, struct mcpd_error *err)
{
    CLEANUP(file_done) struct file file = {.dir_fd = -1};
    bool was_there = false, was_elsewhere = false;
    int rc = file_open(path, &file, err);

    if (rc == 0 && key && file.length > 0)
        rc = erase_elsewhere(&file, key, &was_elsewhere, err);
    if (rc == 0)
        rc = file_edit(&file, key, NULL, &was_there, err);
    if (rc < 0)
        return error_wrap(err, rc, "auth file %s", path);
    if (key && !was_there && !was_elsewhere)
        return error_set(err, MCPD_E_NOT_FOUND, "not logged into %s", key);
    return 0;
}
