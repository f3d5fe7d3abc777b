/*
 * plan_json.c - spec.json: a plan as JSON and back.
 *
 * One table says where every plain member stands in the document, and both directions
 * read it, so they cannot disagree. What has a shape of its own (mounts, namespaces,
 * limits, layers) has a pair of functions. "process", "root", "mounts" and "linux" are
 * the OCI runtime configuration's; what it has no word for stands below "mcpd".
 */
#include "runtime/plan.h"

#include <string.h>
#include <sys/mount.h>

#include "base/jsonx.h"
#include "base/str.h"
#include "base/utf8.h"
#include "runtime/capset.h"
#include "runtime/ulimit.h"

#define OCI_VERSION "1.0.2"
#define MAX_MOUNTS  1024
#define MAX_LAYERS  512
#define MAX_RLIMITS 64

/* --- plain members ---------------------------------------------------------- */

enum member_kind {
    MEMBER_STRING,
    MEMBER_STRV,
    MEMBER_MAP, /* "K=V" vector as an object */
    MEMBER_BOOL,
    MEMBER_UINT, /* unsigned int */
    MEMBER_INT,
    MEMBER_U64,
    MEMBER_I64,
    MEMBER_DIGEST,
};

/* Names stand in the row itself: no pointers, so the page is shared between all monitors. */
struct member {
    char section[8]; /* "": the document itself */
    char key[20];
    enum member_kind kind;
    size_t offset;
};

#define MEMBER(section_, key_, kind_, member_)                      \
    {                                                               \
        .section = #section_, .key = #key_, .kind = MEMBER_##kind_, \
        .offset = offsetof(struct plan, member_)                    \
    }

static const struct member members[] = {
    MEMBER(, hostname, STRING, hostname),
    MEMBER(, annotations, MAP, annotations),
    MEMBER(process, terminal, BOOL, process.tty),
    MEMBER(process, args, STRV, process.args),
    MEMBER(process, env, STRV, process.env),
    MEMBER(process, cwd, STRING, process.working_dir),
    MEMBER(process, noNewPrivileges, BOOL, process.no_new_privileges),
    MEMBER(root, readonly, BOOL, read_only_root),
    MEMBER(linux, maskedPaths, STRV, masked_paths),
    MEMBER(linux, readonlyPaths, STRV, read_only_paths),
    MEMBER(mcpd, id, STRING, id),
    MEMBER(mcpd, name, STRING, name),
    MEMBER(mcpd, image, STRING, image_name),
    MEMBER(mcpd, imageId, DIGEST, image_id),
    MEMBER(mcpd, imageManifest, DIGEST, image_manifest_digest),
    MEMBER(mcpd, created, I64, created_unix_ns),
    MEMBER(mcpd, labels, MAP, labels),
    MEMBER(mcpd, createCommand, STRV, create_command),
    MEMBER(mcpd, volatileUpper, BOOL, volatile_upper),
    MEMBER(mcpd, requiresWorkdir, BOOL, process.requires_working_dir),
    MEMBER(mcpd, imageVolumes, STRV, image_volumes),
    MEMBER(mcpd, user, STRING, process.user),
    MEMBER(mcpd, passwdOff, BOOL, process.passwd_off),
    MEMBER(mcpd, groups, STRV, process.group_add),
    MEMBER(mcpd, umask, UINT, process.umask),
    MEMBER(mcpd, openStdin, BOOL, process.open_stdin),
    MEMBER(mcpd, init, BOOL, init),
    MEMBER(mcpd, seccomp, STRING, seccomp_profile),
    MEMBER(mcpd, privileged, BOOL, privileged),
    MEMBER(mcpd, addHosts, STRV, add_hosts),
    MEMBER(mcpd, layerStores, STRV, layer_stores),
    MEMBER(mcpd, rootDriver, STRING, root_driver),
    MEMBER(mcpd, shmBytes, U64, shm_size_bytes),
    MEMBER(mcpd, autoRemove, BOOL, auto_remove),
    MEMBER(mcpd, stopSignal, INT, stop_signal),
    MEMBER(mcpd, stopTimeout, UINT, stop_timeout_s),
    MEMBER(mcpd, restart, STRING, restart),
    MEMBER(mcpd, restartMaxRetries, UINT, restart_max_retries),
    MEMBER(mcpd, logDriver, STRING, log_driver),
    MEMBER(mcpd, logMaxBytes, U64, log_max_bytes),
    MEMBER(mcpd, logMaxFiles, UINT, log_max_files),
    MEMBER(mcpd, logPath, STRING, log_path),
    MEMBER(mcpd, logTag, STRING, log_tag),
    MEMBER(mcpd, pidsIsDefault, BOOL, limits.pids_is_default),
    MEMBER(mcpd, networkName, STRING, network_name),
    MEMBER(mcpd, userGiven, STRING, user_given),
    MEMBER(mcpd, portsGiven, STRV, ports_given),
    MEMBER(mcpd, volumesGiven, STRV, volumes_given),
    MEMBER(mcpd, cmdGiven, STRV, cmd_given),
    MEMBER(mcpd, entrypoint, STRING, entrypoint_text),
};

static json_t *member_to_json(const struct member *member, const void *at)
{
    switch (member->kind) {
    case MEMBER_STRING:
        return jsonx_string(*(char *const *)at);
    case MEMBER_STRV:
        return jsonx_strv(*(char **const *)at);
    case MEMBER_MAP:
        return jsonx_string_map(*(char **const *)at);
    case MEMBER_BOOL:
        return json_boolean(*(const bool *)at);
    case MEMBER_UINT:
        return json_integer(*(const unsigned int *)at);
    case MEMBER_INT:
        return json_integer(*(const int *)at);
    case MEMBER_U64:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case MEMBER_I64:
        return json_integer(*(const int64_t *)at);
    case MEMBER_DIGEST:
        return jsonx_string(((const struct digest *)at)->text);
    }
    return NULL;
}

static int integer_from_json(const json_t *section, const struct member *member, int64_t minimum,
                             int64_t maximum, int64_t *value, struct mcpd_error *err)
{
    int rc = jsonx_get_i64(section, member->key, member->section, value, err);

    if (rc == 0 && (*value < minimum || *value > maximum))
        return error_set(err, MCPD_E_CORRUPT, "%s.%s: out of range", member->section, member->key);
    return rc;
}

static int digest_from_json(const json_t *section, const struct member *member, struct digest *at,
                            struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(section, member->key, member->section, &text, err);

    if (rc < 0 || !text || *text == '\0')
        return rc;
    return digest_parse(text, at, err);
}

static int member_from_json(const json_t *section, const struct member *member, void *at,
                            struct mcpd_error *err)
{
    int64_t value = 0;
    int rc = 0;

    switch (member->kind) {
    case MEMBER_STRING:
        return jsonx_dup_string(section, member->key, member->section, at, err);
    case MEMBER_STRV:
        return jsonx_get_strv(section, member->key, member->section, at, err);
    case MEMBER_MAP:
        return jsonx_get_string_map(section, member->key, member->section, at, err);
    case MEMBER_BOOL:
        return jsonx_get_bool(section, member->key, member->section, at, err);
    case MEMBER_UINT:
        rc = integer_from_json(section, member, 0, INT32_MAX, &value, err);
        *(unsigned int *)at = (unsigned int)value;
        return rc;
    case MEMBER_INT:
        rc = integer_from_json(section, member, INT32_MIN, INT32_MAX, &value, err);
        *(int *)at = (int)value;
        return rc;
    case MEMBER_U64:
        return jsonx_get_u64(section, member->key, member->section, at, err);
    case MEMBER_I64:
        return jsonx_get_i64(section, member->key, member->section, at, err);
    case MEMBER_DIGEST:
        return digest_from_json(section, member, at, err);
    }
    return 0;
}

/* Borrowed: the object of that name, made when missing. */
static json_t *section_for_writing(json_t *document, const char *name)
{
    json_t *section;

    if (*name == '\0')
        return document;
    section = json_object_get(document, name);
    if (!section && json_object_set_new(document, name, json_object()) == 0)
        section = json_object_get(document, name);
    return section;
}

static bool put_members(const struct plan *plan, json_t *document)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        json_t *section = section_for_writing(document, members[i].section);
        json_t *value = member_to_json(&members[i], (const char *)plan + members[i].offset);

        if (!section || json_object_set_new(section, members[i].key, value) < 0)
            return false;
    }
    return true;
}

static int get_members(const json_t *document, struct plan *plan, struct mcpd_error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *name = members[i].section;
        const json_t *section = *name == '\0' ? document : json_object_get(document, name);
        int rc;

        if (!json_is_object(section))
            return error_set(err, MCPD_E_CORRUPT, "spec.json: '%s' is missing", name);
        rc = member_from_json(section, &members[i], (char *)plan + members[i].offset, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- mounts ------------------------------------------------------------------ */

static const char *const mount_types[] = {
    [PLAN_MOUNT_BIND] = "bind",     [PLAN_MOUNT_TMPFS] = "tmpfs",   [PLAN_MOUNT_PROC] = "proc",
    [PLAN_MOUNT_SYSFS] = "sysfs",   [PLAN_MOUNT_DEVPTS] = "devpts", [PLAN_MOUNT_MQUEUE] = "mqueue",
    [PLAN_MOUNT_CGROUP] = "cgroup", [PLAN_MOUNT_DEV] = "dev",
};

static const char *propagation_name(const struct plan_mount *mount)
{
    switch (mount->propagation) {
    case MS_SHARED:
        return "rshared";
    case MS_SLAVE:
        return "rslave";
    default:
        return "rprivate";
    }
}

static json_t *mount_options(const struct plan_mount *mount)
{
    json_t *options = json_array();
    CLEANUP_STRV char **data = mount->data ? strv_split(mount->data, ',') : NULL;
    const struct {
        bool is_set;
        const char *word;
    } words[] = {
        {mount->kind == PLAN_MOUNT_BIND, mount->recursive ? "rbind" : "bind"},
        {mount->kind == PLAN_MOUNT_BIND, propagation_name(mount)},
        {mount->read_only, "ro"},
        {mount->no_suid, "nosuid"},
        {mount->no_dev, "nodev"},
        {mount->no_exec, "noexec"},
        {mount->copy_up, "tmpcopyup"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].is_set && json_array_append_new(options, json_string(words[i].word)) < 0)
            break;
    for (size_t i = 0; data && data[i]; i++)
        if (json_array_append_new(options, jsonx_string(data[i])) < 0)
            break;
    return options;
}

static json_t *mounts_to_json(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];
        json_t *object =
            json_pack("{s:o, s:s, s:o, s:o}", "destination", jsonx_string(mount->destination),
                      "type", mount_types[mount->kind], "source", jsonx_string(mount->source),
                      "options", mount_options(mount));

        if (mount->is_file)
            (void)json_object_set_new(object, "mcpdFile", json_true());
        if (mount->is_user_volume)
            (void)json_object_set_new(object, "mcpdVolume", json_true());
        if (mount->is_device)
            (void)json_object_set_new(object, "mcpdDevice", json_true());
        if (json_array_append_new(array, object) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static int kind_from_json(const json_t *object, enum plan_mount_kind *ret_kind,
                          struct mcpd_error *err)
{
    const char *type = NULL;
    int rc = jsonx_get_string(object, "type", "mounts", &type, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ARRAY_SIZE(mount_types); i++)
        if (type && strcmp(type, mount_types[i]) == 0) {
            *ret_kind = (enum plan_mount_kind)i;
            return 0;
        }
    return error_set(err, MCPD_E_CORRUPT, "spec.json: unknown mount type '%s'", type ? type : "");
}

/* One word of "options" that is not data of the file system. */
static bool take_option(struct plan_mount *mount, const char *word)
{
    if (strcmp(word, "ro") == 0)
        mount->read_only = true;
    else if (strcmp(word, "rbind") == 0)
        mount->recursive = true;
    else if (strcmp(word, "nosuid") == 0)
        mount->no_suid = true;
    else if (strcmp(word, "nodev") == 0)
        mount->no_dev = true;
    else if (strcmp(word, "noexec") == 0)
        mount->no_exec = true;
    else if (strcmp(word, "tmpcopyup") == 0)
        mount->copy_up = true;
    else if (strcmp(word, "rshared") == 0)
        mount->propagation = MS_SHARED;
    else if (strcmp(word, "rslave") == 0)
        mount->propagation = MS_SLAVE;
    else if (strcmp(word, "rprivate") == 0)
        mount->propagation = MS_PRIVATE;
    else
        return strcmp(word, "bind") == 0;
    return true;
}

static int options_from_json(const json_t *object, struct plan_mount *mount, struct mcpd_error *err)
{
    CLEANUP_STRV char **words = NULL;
    CLEANUP_STRV char **data = NULL;
    int rc = jsonx_get_strv(object, "options", "mounts", &words, err);

    for (size_t i = 0; rc == 0 && words && words[i]; i++) {
        if (words[i][0] == '\0' || strchr(words[i], ','))
            return error_set(err, MCPD_E_CORRUPT, "spec.json: a mount option is not one word");
        if (!take_option(mount, words[i]) && strv_append(&data, words[i]) < 0)
            return error_no_memory(err, "mount options");
    }
    if (rc < 0 || !data)
        return rc;
    mount->data = strv_join(data, ",");
    return mount->data ? 0 : error_no_memory(err, "mount options");
}

static int mount_from_json(const json_t *object, struct plan_mount *mount, struct mcpd_error *err)
{
    int rc = kind_from_json(object, &mount->kind, err);

    if (rc == 0)
        rc = jsonx_dup_string(object, "destination", "mounts", &mount->destination, err);
    if (rc == 0)
        rc = jsonx_dup_string(object, "source", "mounts", &mount->source, err);
    if (rc == 0)
        rc = options_from_json(object, mount, err);
    if (rc == 0)
        rc = jsonx_get_bool(object, "mcpdFile", "mounts", &mount->is_file, err);
    if (rc == 0)
        rc = jsonx_get_bool(object, "mcpdVolume", "mounts", &mount->is_user_volume, err);
    if (rc == 0)
        rc = jsonx_get_bool(object, "mcpdDevice", "mounts", &mount->is_device, err);
    if (rc < 0)
        return rc;
    if (!mount->destination || (mount->kind == PLAN_MOUNT_BIND && !mount->source))
        return error_set(err, MCPD_E_CORRUPT, "spec.json: a mount without its paths");
    return 0;
}

static int mounts_from_json(const json_t *document, struct plan *plan, struct mcpd_error *err)
{
    json_t *array = NULL;
    size_t count;
    int rc = jsonx_get_array(document, "mounts", "spec.json", &array, err);

    count = json_array_size(array);
    if (rc < 0 || count == 0)
        return rc;
    if (count > MAX_MOUNTS)
        return error_set(err, MCPD_E_CORRUPT, "spec.json: more than %d mounts", MAX_MOUNTS);
    plan->mounts = calloc(count, sizeof(*plan->mounts));
    if (!plan->mounts)
        return error_no_memory(err, "mounts");
    plan->mount_count = count;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = mount_from_json(json_array_get(array, i), &plan->mounts[i], err);
    return rc;
}

/* --- layers, resource limits, capabilities ------------------------------------ */

static json_t *layers_to_json(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->layer_count; i++)
        if (json_array_append_new(array, json_string(plan->layers[i].text)) < 0)
            break;
    return array;
}

static int layers_from_json(const json_t *document, struct plan *plan, struct mcpd_error *err)
{
    CLEANUP_STRV char **texts = NULL;
    size_t count;
    int rc = jsonx_get_strv(json_object_get(document, "mcpd"), "layers", "mcpd", &texts, err);

    count = strv_length(texts);
    if (rc < 0 || count == 0)
        return rc;
    if (count > MAX_LAYERS)
        return error_set(err, MCPD_E_CORRUPT, "spec.json: more than %d layers", MAX_LAYERS);
    plan->layers = calloc(count, sizeof(*plan->layers));
    if (!plan->layers)
        return error_no_memory(err, "layers");
    plan->layer_count = count;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = digest_parse(texts[i], &plan->layers[i], err);
    return rc;
}

static json_t *rlimits_to_json(const struct plan_process *process)
{
    json_t *array = json_array();

    for (size_t i = 0; i < process->rlimit_count; i++) {
        const struct plan_rlimit *limit = &process->rlimits[i];
        char type[32];

        (void)snprintf(type, sizeof(type), "RLIMIT_%s", ulimit_name(limit->resource));
        if (json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "type", type, "soft",
                                                   (json_int_t)limit->soft, "hard",
                                                   (json_int_t)limit->hard)) < 0)
            break;
    }
    return array;
}

static int rlimits_from_json(const json_t *document, struct plan_process *process,
                             struct mcpd_error *err)
{
    json_t *array = NULL;
    size_t count;
    int rc =
        jsonx_get_array(json_object_get(document, "process"), "rlimits", "process", &array, err);

    count = json_array_size(array);
    if (rc < 0 || count == 0)
        return rc;
    if (count > MAX_RLIMITS)
        return error_set(err, MCPD_E_CORRUPT, "spec.json: more than %d rlimits", MAX_RLIMITS);
    process->rlimits = calloc(count, sizeof(*process->rlimits));
    if (!process->rlimits)
        return error_no_memory(err, "rlimits");
    process->rlimit_count = count;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const json_t *object = json_array_get(array, i);
        const char *type = NULL;
        int64_t soft = 0;
        int64_t hard = 0;

        rc = jsonx_get_string(object, "type", "rlimits", &type, err);
        if (rc == 0)
            rc = jsonx_get_i64(object, "soft", "rlimits", &soft, err);
        if (rc == 0)
            rc = jsonx_get_i64(object, "hard", "rlimits", &hard, err);
        process->rlimits[i] = (struct plan_rlimit){.resource = type ? ulimit_find(type) : -1,
                                                   .soft = (uint64_t)soft,
                                                   .hard = (uint64_t)hard};
        if (rc == 0 && process->rlimits[i].resource < 0)
            rc = error_set(err, MCPD_E_CORRUPT, "spec.json: unknown rlimit");
    }
    return rc;
}

/* What a user other than root keeps is the OCI's ambient set. */
static json_t *capabilities_to_json(const struct plan_process *process)
{
    CLEANUP_STRV char **bounding = capset_names(process->capabilities);
    CLEANUP_STRV char **ambient = capset_names(process->capabilities_added);

    return bounding && ambient ? json_pack("{s:o, s:o}", "bounding", jsonx_strv(bounding),
                                           "ambient", jsonx_strv(ambient))
                               : NULL;
}

static int capabilities_from_json(const json_t *document, const char *kind, uint64_t *ret_set,
                                  struct mcpd_error *err)
{
    const json_t *object = json_object_get(json_object_get(document, "process"), "capabilities");
    CLEANUP_STRV char **names = NULL;
    int rc = jsonx_get_strv(object, kind, "capabilities", &names, err);

    *ret_set = 0;
    for (size_t i = 0; rc == 0 && names && names[i]; i++) {
        int value = capset_find(names[i]);

        if (value < 0)
            return error_set(err, MCPD_E_CORRUPT, "spec.json: unknown capability '%s'", names[i]);
        *ret_set |= UINT64_C(1) << value;
    }
    return rc;
}

static json_t *resources_to_json(const struct plan_limits *limits)
{
    return json_pack("{s:{s:I}, s:{s:I, s:I}, s:{s:I}}", "memory", "limit",
                     (json_int_t)limits->memory_bytes, "cpu", "quota",
                     (json_int_t)limits->cpu_quota_us, "period", (json_int_t)limits->cpu_period_us,
                     "pids", "limit", (json_int_t)limits->pids_max);
}

static int resources_from_json(const json_t *document, struct plan_limits *limits,
                               struct mcpd_error *err)
{
    const json_t *object = json_object_get(json_object_get(document, "linux"), "resources");
    const json_t *cpu = json_object_get(object, "cpu");
    int rc = jsonx_get_u64(json_object_get(object, "memory"), "limit", "memory",
                           &limits->memory_bytes, err);

    if (rc == 0)
        rc = jsonx_get_u64(cpu, "quota", "cpu", &limits->cpu_quota_us, err);
    if (rc == 0)
        rc = jsonx_get_u64(cpu, "period", "cpu", &limits->cpu_period_us, err);
    if (rc == 0)
        rc =
            jsonx_get_i64(json_object_get(object, "pids"), "limit", "pids", &limits->pids_max, err);
    return rc;
}

/* --- namespaces: present is private, absent is the host's ---------------------- */

static json_t *namespaces_to_json(const struct plan *plan)
{
    json_t *array = json_pack("[{s:s}]", "type", "mount");
    const struct {
        bool is_private;
        const char *type;
    } rows[] = {
        {plan->network != PLAN_NETWORK_HOST, "network"},
        {plan->pid == PLAN_NAMESPACE_PRIVATE, "pid"},
        {plan->ipc == PLAN_NAMESPACE_PRIVATE, "ipc"},
        {plan->uts == PLAN_NAMESPACE_PRIVATE, "uts"},
        {plan->cgroup == PLAN_NAMESPACE_PRIVATE, "cgroup"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].is_private &&
            json_array_append_new(array, json_pack("{s:s}", "type", rows[i].type)) < 0)
            break;
    return array;
}

static enum plan_namespace find_namespace(const json_t *array, const char *type)
{
    size_t i;
    json_t *object;

    json_array_foreach(array, i, object) {
        const char *text = json_string_value(json_object_get(object, "type"));

        if (text && strcmp(text, type) == 0)
            return PLAN_NAMESPACE_PRIVATE;
    }
    return PLAN_NAMESPACE_HOST;
}

static void namespaces_from_json(const json_t *document, struct plan *plan)
{
    const json_t *array = json_object_get(json_object_get(document, "linux"), "namespaces");

    plan->network = find_namespace(array, "network") == PLAN_NAMESPACE_PRIVATE ? PLAN_NETWORK_NONE
                                                                               : PLAN_NETWORK_HOST;
    plan->pid = find_namespace(array, "pid");
    plan->ipc = find_namespace(array, "ipc");
    plan->uts = find_namespace(array, "uts");
    plan->cgroup = find_namespace(array, "cgroup");
}

/* --- text ------------------------------------------------------------------------ */

static int check_text(const char *text, const char *section, const char *key,
                      struct mcpd_error *err)
{
    if (!text || utf8_is_valid(text))
        return 0;
    return error_set(err, MCPD_E_INVALID, "not UTF-8: %s%s%s \"%s\"", section,
                     *section != '\0' ? "." : "", key, text);
}

static int check_texts(char *const *texts, const char *section, const char *key,
                       struct mcpd_error *err)
{
    int rc = 0;

    for (; rc == 0 && texts && *texts; texts++)
        rc = check_text(*texts, section, key, err);
    return rc;
}

static int check_member(const struct plan *plan, const struct member *member,
                        struct mcpd_error *err)
{
    const void *at = (const char *)plan + member->offset;

    /* Everything in it stands somewhere else too, or is only shown. */
    if (member->offset == offsetof(struct plan, create_command))
        return 0;
    if (member->kind == MEMBER_STRING)
        return check_text(*(char *const *)at, member->section, member->key, err);
    if (member->kind == MEMBER_STRV || member->kind == MEMBER_MAP)
        return check_texts(*(char **const *)at, member->section, member->key, err);
    return 0;
}

int plan_check_text(const struct plan *plan, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(members); i++)
        rc = check_member(plan, &members[i], err);
    for (size_t i = 0; rc == 0 && i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];

        rc = check_text(mount->source, "mounts", "source", err);
        if (rc == 0)
            rc = check_text(mount->destination, "mounts", "destination", err);
        if (rc == 0)
            rc = check_text(mount->data, "mounts", "options", err);
    }
    return rc;
}

/* --- the document --------------------------------------------------------------- */

static bool put(json_t *document, const char *section, const char *key, json_t *value)
{
    return json_object_set_new(section_for_writing(document, section), key, value) == 0;
}

json_t *plan_to_json(const struct plan *plan)
{
    CLEANUP_JSON json_t *document = json_pack("{s:s}", "ociVersion", OCI_VERSION);

    if (!document || !put_members(plan, document) ||
        !put(document, "process", "capabilities", capabilities_to_json(&plan->process)) ||
        !put(document, "process", "rlimits", rlimits_to_json(&plan->process)) ||
        !put(document, "", "mounts", mounts_to_json(plan)) ||
        !put(document, "linux", "namespaces", namespaces_to_json(plan)) ||
        !put(document, "linux", "resources", resources_to_json(&plan->limits)) ||
        !put(document, "mcpd", "layers", layers_to_json(plan)))
        return NULL;
    return TAKE_PTR(document);
}

int plan_from_json(const json_t *json, struct plan *ret_plan, struct mcpd_error *err)
{
    struct plan plan;
    int rc;

    plan_init(&plan);
    rc = get_members(json, &plan, err);
    if (rc == 0)
        rc = capabilities_from_json(json, "bounding", &plan.process.capabilities, err);
    if (rc == 0)
        rc = capabilities_from_json(json, "ambient", &plan.process.capabilities_added, err);
    if (rc == 0)
        rc = rlimits_from_json(json, &plan.process, err);
    if (rc == 0)
        rc = mounts_from_json(json, &plan, err);
    if (rc == 0)
        rc = resources_from_json(json, &plan.limits, err);
    if (rc == 0)
        rc = layers_from_json(json, &plan, err);
    if (rc == 0 && (!plan.id || !plan.name || !plan.process.args || !plan.process.args[0]))
        rc = error_set(err, MCPD_E_CORRUPT, "spec.json: id, name or args are missing");
    if (rc < 0) {
        plan_done(&plan);
        return rc;
    }
    namespaces_from_json(json, &plan);
    *ret_plan = plan;
    return 0;
}
