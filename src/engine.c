/*
 * engine.c - opening an engine: where things lie, and which program is ours; and what frees the
 * values that calls give back.
 *
 * Opening is part of every command, so it opens folders and reads nothing but mcpd.conf. The
 * runroot of a user without a runtime folder is one below /tmp that is only taken when it is a real
 * folder of that user and closed to everybody else.
 */
#include "engine.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/additional.h"

#define SYSTEM_ROOT    "/var/lib/mcpd"
#define SYSTEM_RUNROOT "/run/mcpd"
#define DEFAULT_PATH   "/usr/local/bin:/usr/bin:/bin"

/* --- where things lie ------------------------------------------------------------------------- */

static int own_format(char **ret_path, struct mcpd_error *err, char *path)
{
    *ret_path = path;
    return path ? 0 : error_no_memory(err, "path");
}

/* Everything that starts a process keeps the path, so it must not depend on where that stands. */
static int make_absolute(const char *path, char **ret_path, struct mcpd_error *err)
{
    CLEANUP_FREE char *here = NULL;
    int rc;

    if (*path == '\0')
        return error_set(err, MCPD_E_INVALID, "a path is empty");
    if (*path == '/')
        return own_format(ret_path, err, strdup(path));
    rc = fs_path_of_fd(AT_FDCWD, &here, err);
    return rc < 0 ? rc : own_format(ret_path, err, str_format("%s/%s", here, path));
}

/* An environment variable that names a folder: relative ones are to be ignored (XDG). */
static const char *folder_from_environment(const char *name)
{
    const char *path = getenv(name);

    return path && *path == '/' ? path : NULL;
}

static int choose_root(const char *given, char **ret_root, struct mcpd_error *err)
{
    const char *data_home = folder_from_environment("XDG_DATA_HOME");
    const char *home = folder_from_environment("HOME");

    if (given)
        return make_absolute(given, ret_root, err);
    if (geteuid() == 0)
        return own_format(ret_root, err, strdup(SYSTEM_ROOT));
    if (data_home)
        return own_format(ret_root, err, str_format("%s/mcpd", data_home));
    if (home)
        return own_format(ret_root, err, str_format("%s/.local/share/mcpd", home));
    return error_set(err, MCPD_E_INVALID, "neither HOME nor XDG_DATA_HOME is set; give --root");
}

static bool is_own_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* /tmp is open to everybody: what stands there under our name may be anybody's trap. */
static int make_private_runroot(char **ret_runroot, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = str_format("/tmp/mcpd-run-%u", (unsigned int)geteuid());
    struct stat st;

    if (!path)
        return error_no_memory(err, "path");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_errno(err, "make '%s'", path);
    if (lstat(path, &st) < 0)
        return error_errno(err, "stat '%s'", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 0077) != 0)
        return error_set(err, MCPD_E_DENIED,
                         "'%s' is not a private folder of this user; remove it, or set "
                         "XDG_RUNTIME_DIR or --runroot",
                         path);
    *ret_runroot = TAKE_PTR(path);
    return 0;
}

static int choose_runroot(const char *given, char **ret_runroot, struct mcpd_error *err)
{
    const char *runtime_dir = folder_from_environment("XDG_RUNTIME_DIR");

    if (given)
        return make_absolute(given, ret_runroot, err);
    if (geteuid() == 0)
        return own_format(ret_runroot, err, strdup(SYSTEM_RUNROOT));
    if (runtime_dir && is_own_folder(runtime_dir))
        return own_format(ret_runroot, err, str_format("%s/mcpd", runtime_dir));
    return make_private_runroot(ret_runroot, err);
}

/* --- which program is ours
 * ------------------------------------------------------------------------ */

static bool take_if_executable(char **program, char *candidate)
{
    if (candidate && access(candidate, X_OK) == 0) {
        *program = candidate;
        return true;
    }
    free(candidate);
    return false;
}

/* Beside a file of ours, or where it is installed from there. */
static bool find_near(const char *file, char **program)
{
    CLEANUP_FREE char *folder = strndup(file, (size_t)(strrchr(file, '/') - file));

    return folder && (take_if_executable(program, str_format("%s/mcpd", folder)) ||
                      take_if_executable(program, str_format("%s/../bin/mcpd", folder)) ||
                      take_if_executable(program, str_format("%s/../../bin/mcpd", folder)));
}

static bool find_in_path(char **program)
{
    const char *path = getenv("PATH");
    CLEANUP_STRV char **folders = strv_split(path && *path ? path : DEFAULT_PATH, ':');

    for (size_t i = 0; folders && folders[i]; i++)
        if (folders[i][0] == '/' && take_if_executable(program, str_format("%s/mcpd", folders[i])))
            return true;
    return false;
}

/* We are mcpd, or mcpd-image, or a library in somebody else's program. */
static void find_program(struct mcpd_engine *engine)
{
    static const char anchor;
    char self[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *name = length > 0 ? strrchr(self, '/') : NULL;
    Dl_info library;

    engine->is_program = name && (strcmp(name, "/mcpd") == 0 || strcmp(name, "/mcpd-image") == 0);
    if (name && strcmp(name, "/mcpd") == 0)
        engine->program = strdup(self);
    else if (name && engine->is_program)
        (void)find_near(self, &engine->program);
    else if (dladdr(&anchor, &library) != 0 && library.dli_fname && library.dli_fname[0] == '/')
        (void)find_near(library.dli_fname, &engine->program);
    if (!engine->program)
        (void)find_in_path(&engine->program);
}

int mcpd_image_program(struct mcpd_engine *engine, char **ret_path, struct mcpd_error *err)
{
    const char *slash = engine->program ? strrchr(engine->program, '/') : NULL;
    static const char *const places[] = {"mcpd-image", "../libexec/mcpd/mcpd-image"};
    int length = slash ? (int)(slash - engine->program) : 0;

    for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
        char *candidate = str_format("%.*s/%s", length, engine->program, places[i]);

        if (!candidate)
            return error_no_memory(err, "path");
        if (take_if_executable(ret_path, candidate))
            return 0;
    }
    return error_set(err, MCPD_E_UNSUPPORTED, "mcpd-image is not installed beside %s",
                     engine->program ? engine->program : "mcpd");
}

/* --- opening
 * ------------------------------------------------------------------------------------------ */

static void warn_nobody(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static int name_additional(const char *const *given, bool is_helper, struct mcpd_engine *engine,
                           struct mcpd_error *err)
{
    char **configured = is_helper ? NULL : engine->conf.additional;

    for (; configured && *configured; configured++)
        if (strv_append(&engine->additional_stores, *configured) < 0)
            return error_no_memory(err, "additional stores");
    for (; given && *given; given++) {
        char *path = NULL;
        int rc = make_absolute(*given, &path, err);

        if (rc < 0)
            return error_wrap(err, rc, "additional store");
        if (strv_append_take(&engine->additional_stores, path) < 0)
            return error_no_memory(err, "additional stores");
    }
    return additional_set(&engine->store, engine->additional_stores, err);
}

static int open_engine(const struct mcpd_engine_options *options, bool is_helper,
                       struct mcpd_engine *engine, struct mcpd_error *err)
{
    int rc = storeconf_load(&engine->conf, err);

    if (rc == 0)
        rc = choose_root(options->root, &engine->root, err);
    if (rc == 0)
        rc = choose_runroot(options->runroot, &engine->runroot, err);
    if (rc == 0 && options->program)
        rc = make_absolute(options->program, &engine->program, err);
    else if (rc == 0)
        find_program(engine);
    if (rc == 0)
        rc = store_open(engine->root, &engine->store, err);
    if (rc < 0)
        return rc;
    engine->store.warn = engine->warn;
    engine->store.warn_context = engine->warn_context;
    engine_begin_budget(engine);
    rc = name_additional(options->additional_stores, is_helper, engine, err);
    if (rc < 0)
        return rc;
    return container_root_open(engine->root, engine->runroot, &engine->containers, err);
}

int engine_open(const struct mcpd_engine_options *options, bool is_helper,
                struct mcpd_engine **ret_engine, struct mcpd_error *err)
{
    static const struct mcpd_engine_options defaults;
    struct mcpd_engine *engine = calloc(1, sizeof(*engine));
    int rc;

    if (!engine)
        return error_no_memory(err, "engine");
    if (!options)
        options = &defaults;
    engine->warn = options->warn ? options->warn : warn_nobody;
    engine->warn_context = options->warn_context;
    engine->store = (struct store)STORE_NONE;
    engine->containers.root_fd = engine->containers.containers_fd = -1;
    engine->containers.names_fd = engine->containers.tmp_fd = engine->containers.run_fd = -1;
    rc = open_engine(options, is_helper, engine, err);
    if (rc < 0) {
        mcpd_close(engine);
        return rc;
    }
    *ret_engine = engine;
    return 0;
}

int mcpd_open(const struct mcpd_engine_options *options, struct mcpd_engine **ret_engine,
              struct mcpd_error *err)
{
    return engine_open(options, false, ret_engine, err);
}

void mcpd_close(struct mcpd_engine *engine)
{
    if (!engine)
        return;
    container_root_done(&engine->containers);
    store_done(&engine->store);
    storeconf_done(&engine->conf);
    strv_free(engine->additional_stores);
    free(engine->root);
    free(engine->runroot);
    free(engine->program);
    free(engine);
}

/* --- values
 * ------------------------------------------------------------------------------------------------
 */

int engine_json_text(json_t *json, const char *what, char **ret_text, struct mcpd_error *err)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return error_no_memory(err, what);
    *ret_text = text;
    return 0;
}

void mcpd_strings_free(char **strings)
{
    strv_free(strings);
}

void mcpd_container_info_free(struct mcpd_container_info *info)
{
    if (!info)
        return;
    free(info->name);
    free(info->image);
    free(info->state);
    free(info->network);
    free(info->user);
    free(info->restart);
    strv_free(info->ports);
    strv_free(info->volumes);
    strv_free(info->cmd);
    free(info->version);
    free(info);
}

void mcpd_container_infos_free(struct mcpd_container_info **infos)
{
    for (size_t i = 0; infos && infos[i]; i++)
        mcpd_container_info_free(infos[i]);
    free(infos);
}

char *mcpd_image_version(const char *image)
{
    const char *slash = strrchr(image, '/');
    const char *name = slash ? slash + 1 : image;
    const char *end = strchrnul(name, '@'); /* a digest is no version */
    const char *colon = memchr(name, ':', (size_t)(end - name));

    return colon ? strndup(colon + 1, (size_t)(end - colon - 1)) : strdup("");
}
