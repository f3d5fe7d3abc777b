/*
 * template_zero.c - what podman's structures hold where its documents hold nothing.
 *
 * Theory of operation. podman's templates run over Go's structures, ours over its JSON. That
 * leaves out what is empty (omitempty), writes null for a list, a map and a pointer alike, and
 * some names differ. The table says of each such field what Go prints. It is asked only for a
 * member that is absent or null, and nothing is put into the document: {{json .Config}} and JSON
 * output stay as they are. A row belongs to one object of the document; that object is recognized
 * by being the same one, so it is found through with, range and variables too.
 */
#include "cli/template_tree.h"

#include "base/str.h"

#include <string.h>

#define NAME_SIZE 64

enum zero {
    ZERO_TEXT,
    ZERO_NUMBER,
    ZERO_FALSE,
    ZERO_LIST,
    ZERO_MAP,
    ZERO_NIL, /* a pointer */
};

struct row {
    const char *document; /* the command's name; inspect has two */
    const char *owner;    /* "" is the document itself, "A.B" an object, "A[]" a list's elements */
    enum zero zero;
    const char *fields; /* "A B"; "A=b": its name in the document is b */
};

static const struct row rows[] = {
    {"container", "", ZERO_NIL, "SizeRw"},
    {"container", "", ZERO_NUMBER, "SizeRootFs"},
    {"container", "", ZERO_LIST, "EffectiveCaps BoundingCaps"},
    {"container", "", ZERO_TEXT, "OCIConfigPath OCIRuntime"},
    {"container", "State", ZERO_NUMBER, "ConmonPid"},
    {"container", "State", ZERO_FALSE, "Checkpointed Restored"},
    {"container", "State", ZERO_TEXT, "CgroupPath CheckpointLog CheckpointPath RestoreLog"},
    {"container", "State", ZERO_NIL, "Healthcheck=Health"},
    {"container", "State.Health", ZERO_LIST, "Log"},
    {"container", "GraphDriver", ZERO_MAP, "Data"},
    {"container", "Mounts[]", ZERO_TEXT, "Name"},
    {"container", "NetworkSettings", ZERO_MAP, "Networks Ports"},
    {"container", "NetworkSettings", ZERO_LIST,
     "AdditionalMacAddresses SecondaryIPAddresses SecondaryIPv6Addresses"},
    {"container", "Config", ZERO_NIL, "Healthcheck OnBuild"},
    {"container", "Config", ZERO_FALSE, "SystemdMode"},
    {"container", "Config", ZERO_MAP, "Annotations Labels Volumes"},
    {"container", "Config", ZERO_LIST, "ChrootDirs Cmd CreateCommand Env Secrets"},
    {"container", "Config", ZERO_TEXT, "HealthcheckOnFailureAction Timezone Umask"},
    {"container", "HostConfig", ZERO_NIL, "IDMappings"},
    {"container", "HostConfig", ZERO_FALSE, "Init"},
    {"container", "HostConfig", ZERO_MAP, "CgroupConf"},
    {"container", "HostConfig", ZERO_LIST, "Links VolumesFrom BlkioWeightDevice"},
    {"container", "HostConfig", ZERO_LIST,
     "BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps"},
    {"container", "HostConfig.LogConfig", ZERO_MAP, "Config"},

    {"image", "", ZERO_NIL, "Healthcheck"},
    {"image", "", ZERO_MAP, "Annotations Labels"},
    {"image", "", ZERO_LIST, "History NamesHistory RepoDigests RepoTags"},
    {"image", "Config", ZERO_NIL, "Healthcheck"},
    {"image", "Config", ZERO_FALSE, "ArgsEscaped"},
    {"image", "Config", ZERO_MAP, "ExposedPorts Labels Volumes"},
    {"image", "Config", ZERO_LIST, "Cmd Entrypoint Env"},
    {"image", "Config", ZERO_TEXT, "StopSignal User WorkingDir"},
    {"image", "GraphDriver", ZERO_MAP, "Data"},
    {"image", "RootFS", ZERO_LIST, "Layers"},
    {"image", "History[]", ZERO_NIL, "Created"},
    {"image", "History[]", ZERO_FALSE, "EmptyLayer=empty_layer"},
    {"image", "History[]", ZERO_TEXT, "Author Comment CreatedBy=created_by"},

    {"images", "", ZERO_FALSE, "Dangling ReadOnly"},
    {"images", "", ZERO_MAP, "Labels"},
    {"images", "", ZERO_LIST, "Names RepoDigests RepoTags"},

    {"history", "", ZERO_LIST, "Tags"},

    {"ps", "", ZERO_MAP, "Labels"},
    {"ps", "", ZERO_LIST, "Mounts"},
    {"ps", "", ZERO_TEXT, "CGROUPNS Cgroup IPC MNT NET PIDNS Pod PodName Size USERNS UTS"},
    {"ps", "Namespaces", ZERO_TEXT, "Cgroup IPC MNT NET PIDNS User UTS"},

    {"version", "", ZERO_NIL, "Server"},

    {"info", "host", ZERO_TEXT, "BuildahVersion CgroupsVersion=cgroupVersion"},
    {"info", "host", ZERO_MAP, "RuntimeInfo"},
    {"info", "host.idMappings", ZERO_LIST, "GIDMap UIDMap"},
    {"info", "plugins", ZERO_LIST, "Authorization Log Network Volume"},
};

/* ------------------------------------------------------------------ which row */

static const char *document_kind(const char *command, const json_t *root)
{
    if (strcmp(command, "inspect") != 0)
        return command;
    return json_object_get(root, "RootFS") ? "image" : "container";
}

static bool is_at(const json_t *from, const char *path, const json_t *object);

static bool is_element(const json_t *list, const char *rest, const json_t *object)
{
    size_t index;
    json_t *element;

    json_array_foreach(list, index, element) {
        if (is_at(element, rest, object))
            return true;
    }
    return false;
}

/* Does the path lead from there to this very object? */
static bool is_at(const json_t *from, const char *path, const json_t *object)
{
    while (*path != '\0') {
        char name[NAME_SIZE];
        size_t length = strcspn(path, ".[");

        if (str_has_prefix(path, "[]"))
            return is_element(from, path + 2, object);
        (void)snprintf(name, sizeof(name), "%.*s", (int)length, path);
        from = json_object_get(from, name);
        path += length + (path[length] == '.');
    }
    return from == object;
}

/* Is it among "A B=c", without case? The name in the document then. */
static bool has_field(const char *fields, const char *name, char ret_member[NAME_SIZE])
{
    size_t name_length = strlen(name);

    while (*fields != '\0') {
        size_t length = strcspn(fields, " ");
        size_t field_length = strcspn(fields, "= ");

        if (field_length == name_length && strncasecmp(fields, name, name_length) == 0) {
            size_t skipped = field_length < length ? field_length + 1 : 0;

            (void)snprintf(ret_member, NAME_SIZE, "%.*s", (int)(length - skipped),
                           fields + skipped);
            return true;
        }
        fields += length;
        fields += *fields == ' ';
    }
    return false;
}

/* ------------------------------------------------------------------ the value */

/* Go writes a list, a map and a pointer that are nil as null. */
static json_t *zero_value(enum zero zero, bool for_json)
{
    switch (zero) {
    case ZERO_TEXT:
        return json_string("");
    case ZERO_NUMBER:
        return json_integer(0);
    case ZERO_FALSE:
        return json_false();
    case ZERO_LIST:
        return for_json ? json_null() : json_array();
    case ZERO_MAP:
        return for_json ? json_null() : json_object();
    case ZERO_NIL:
        break;
    }
    return json_null();
}

json_t *template_zero(const struct template_document *document, const json_t *object,
                      const char *name, bool for_json)
{
    const char *kind = document_kind(document->command, document->root);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char member[NAME_SIZE];
        json_t *value;

        if (strcmp(rows[i].document, kind) != 0 || !has_field(rows[i].fields, name, member) ||
            !is_at(document->root, rows[i].owner, object))
            continue;
        value = json_object_get(object, member);
        return value && !json_is_null(value) ? json_incref(value)
                                             : zero_value(rows[i].zero, for_json);
    }
    return NULL;
}
