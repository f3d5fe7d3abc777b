/*
 * filter.c - ps --filter and images --filter over podman's documents.
 *
 * Each kind of object has a table of keys. A key may have a `prepare` step that checks its value
 * once (and finds the object behind before/since); `matches` then looks at one document.
 */
#include "cli/filter.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/values.h"
#include "cli/view.h"

#include <fnmatch.h>
#include <regex.h>
#include <string.h>

struct filter {
    const struct filter_key *key;
    const char *value; /* borrowed: behind the '=' */
    size_t position;   /* before, since: of the object in the documents */
    int64_t number;    /* exited; before, since of images: creation time */
};

struct filter_key {
    const char *name;
    bool wants_all; /* every value must match, not just one */
    bool (*matches)(const json_t *document, size_t position, const struct filter *filter);
    int (*prepare)(struct filter *filter, json_t *documents, struct mcpd_error *err); /* or NULL */
};

/* ------------------------------------------------------------------ shared by both kinds */

static const char *first_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_array_get(json_object_get(object, member), 0));

    return text ? text : "";
}

/* "key" or "key=value" */
static bool has_label(const json_t *document, const char *wanted)
{
    const json_t *labels = json_object_get(document, "Labels");
    size_t length = strcspn(wanted, "=");
    CLEANUP_FREE char *key = str_format("%.*s", (int)length, wanted);
    const json_t *label = key ? json_object_get(labels, key) : NULL;

    if (!label)
        return false;
    return wanted[length] == '\0' || str_equal(json_string_value(label), wanted + length + 1);
}

static bool match_label(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return has_label(document, filter->value);
}

static bool match_no_label(const json_t *document, size_t position, const struct filter *filter)
{
    return !match_label(document, position, filter);
}

static bool is_id_prefix(const json_t *document, const char *member, const char *text)
{
    const char *id = view_text(document, member);

    text += str_has_prefix(text, "sha256:") ? strlen("sha256:") : 0;
    return *text != '\0' && str_has_prefix(id, text);
}

static bool matches_pattern(const char *pattern, const char *text)
{
    regex_t regex;
    bool matches = false;

    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0) {
        matches = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
    }
    return matches;
}

static bool match_id(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    if (str_is_hex(filter->value, strlen(filter->value)))
        return is_id_prefix(document, "Id", filter->value);
    return matches_pattern(filter->value, view_text(document, "Id"));
}

static int prepare_pattern(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    regex_t regex;

    (void)documents;
    if (regcomp(&regex, filter->value, REG_EXTENDED | REG_NOSUB) != 0)
        return error_set(err, MCPD_E_INVALID, "filter %s: \"%s\" is not a regular expression",
                         filter->key->name, filter->value);
    regfree(&regex);
    return 0;
}

static bool match_before(const json_t *document, size_t position, const struct filter *filter)
{
    (void)document;
    return position < filter->position;
}

static bool match_since(const json_t *document, size_t position, const struct filter *filter)
{
    (void)document;
    return position > filter->position;
}

/* ------------------------------------------------------------------ containers */

/* The list is ordered by creation, so the position says what is older. */
static int prepare_container(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    json_t *document;
    size_t index;

    json_array_foreach(documents, index, document) {
        if (str_equal(first_text(document, "Names"), filter->value) ||
            is_id_prefix(document, "Id", filter->value)) {
            filter->position = index;
            return 0;
        }
    }
    return error_set(err, MCPD_E_NOT_FOUND,
                     "no container with name or ID \"%s\" found: no such container", filter->value);
}

static bool match_name(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return matches_pattern(filter->value, first_text(document, "Names"));
}

static int prepare_status(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    static const char *const states[] = {"created",  "initialized", "running",    "stopped",
                                         "paused",   "exited",      "unknown",    "removing",
                                         "stopping", "configured",  "restarting", "dead"};

    (void)documents;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (strcmp(states[i], filter->value) == 0)
            return 0;
    return error_set(err, MCPD_E_INVALID, "unknown container state: %s: invalid argument",
                     filter->value);
}

static bool match_status(const json_t *document, size_t position, const struct filter *filter)
{
    const char *state = view_text(document, "State");

    (void)position;
    if (strcmp(filter->value, "stopped") == 0 && strcmp(state, "exited") == 0)
        return true;
    return strcmp(state, filter->value) == 0;
}

/* By id, by name with or without tag and host. */
static bool match_ancestor(const json_t *document, size_t position, const struct filter *filter)
{
    const char *name = view_text(document, "Image");
    CLEANUP_JSON json_t *image = json_pack("{s:[s]}", "Names", name);

    (void)position;
    if (strlen(filter->value) >= VIEW_SHORT_ID && is_id_prefix(document, "ImageID", filter->value))
        return true;
    return image && strpbrk(filter->value, "*?[") == NULL &&
           filter_image_matches(image, filter->value) &&
           (str_equal(filter->value, name) || strchr(filter->value, ':') ||
            str_has_suffix(name, ":latest") || name[view_repository_length(name)] == '\0');
}

static int prepare_exited(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    (void)documents;
    if (value_parse_int(filter->value, &filter->number) == 0)
        return 0;
    return error_set(err, MCPD_E_INVALID, "exited code out of range \"%s\": invalid argument",
                     filter->value);
}

static bool match_exited(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return strcmp(view_text(document, "State"), "exited") == 0 &&
           json_integer_value(json_object_get(document, "ExitCode")) == filter->number;
}

static bool list_has(const json_t *list, const char *text)
{
    size_t index;
    json_t *word;

    json_array_foreach(list, index, word) {
        if (str_equal(json_string_value(word), text))
            return true;
    }
    return false;
}

static bool match_network(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return list_has(json_object_get(document, "Networks"), filter->value);
}

static bool is_mount(const json_t *mount, const char *member, const char *text, size_t length)
{
    const char *value = view_text(mount, member);

    return length > 0 && strlen(value) == length && memcmp(value, text, length) == 0;
}

/* A directory of the host, the name of a volume, or where it is in the container; "source:place".
 */
static bool match_volume(const json_t *document, size_t position, const struct filter *filter)
{
    const char *wanted = filter->value;
    size_t source_length = strcspn(wanted, ":");
    const char *place = wanted[source_length] == ':' ? wanted + source_length + 1 : NULL;
    size_t index;
    json_t *mount;

    (void)position;
    json_array_foreach(json_object_get(document, FILTER_MOUNTS), index, mount) {
        bool has_source = is_mount(mount, "Source", wanted, source_length) ||
                          is_mount(mount, "Name", wanted, source_length);

        if (place ? has_source && is_mount(mount, "Destination", place, strlen(place))
                  : has_source || is_mount(mount, "Destination", wanted, source_length))
            return true;
    }
    return false;
}

static int prepare_until(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    (void)documents;
    if (value_parse_time(filter->value, clock_unix_ns(), &filter->number) == 0)
        return 0;
    return error_set(err, MCPD_E_INVALID, "failed to parse value as time or duration: \"%s\"",
                     filter->value);
}

static bool match_until(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return json_integer_value(json_object_get(document, "Created")) <
           filter->number / INT64_C(1000000000);
}

/* "Up 5 minutes (healthy)" */
static bool match_health(const json_t *document, size_t position, const struct filter *filter)
{
    CLEANUP_FREE char *suffix = str_format("(%s)", filter->value);

    (void)position;
    return suffix && str_has_suffix(view_text(document, "Status"), suffix);
}

static const struct filter_key container_keys[] = {
    {"ancestor", false, match_ancestor, NULL},
    {"before", false, match_before, prepare_container},
    {"exited", false, match_exited, prepare_exited},
    {"health", false, match_health, NULL},
    {"id", false, match_id, prepare_pattern},
    {"label", true, match_label, NULL},
    {"label!", true, match_no_label, NULL},
    {"name", false, match_name, prepare_pattern},
    {"network", false, match_network, NULL},
    {"since", false, match_since, prepare_container},
    {"status", false, match_status, prepare_status},
    {"until", false, match_until, prepare_until},
    {"volume", false, match_volume, NULL},
    {0},
};

/* ------------------------------------------------------------------ images */

/* `pattern` against one spelling of a name: from `start`, `length` bytes. */
static bool matches_spelling(const char *pattern, const char *start, size_t length)
{
    CLEANUP_FREE char *spelling = str_format("%.*s", (int)length, start);

    return spelling && fnmatch(pattern, spelling, FNM_PATHNAME) == 0;
}

/* host/path:tag, path:tag and the last part, each with and without its tag. */
static bool name_matches(const char *name, const char *pattern)
{
    size_t repository = view_repository_length(name);
    const char *path = memchr(name, '/', repository);
    const char *last = memrchr(name, '/', repository);
    const char *starts[] = {name, path ? path + 1 : name, last ? last + 1 : name};

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        size_t length = repository - (size_t)(starts[i] - name);

        if (matches_spelling(pattern, starts[i], strlen(starts[i])) ||
            matches_spelling(pattern, starts[i], length))
            return true;
    }
    return false;
}

bool filter_image_matches(const json_t *image, const char *pattern)
{
    size_t index;
    json_t *name;

    json_array_foreach(json_object_get(image, "Names"), index, name) {
        if (json_is_string(name) && name_matches(json_string_value(name), pattern))
            return true;
    }
    return false;
}

static bool match_reference(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return filter_image_matches(document, filter->value);
}

static int prepare_bool(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    bool value;

    (void)documents;
    if (str_to_bool(filter->value, &value) < 0)
        return error_set(err, MCPD_E_INVALID, "non-boolean value \"%s\" for %s filter",
                         filter->value, filter->key->name);
    filter->number = value;
    return 0;
}

static bool match_dangling(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return (json_array_size(json_object_get(document, "Names")) == 0) == (filter->number != 0);
}

static bool match_read_only(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return json_is_true(json_object_get(document, "ReadOnly")) == (filter->number != 0);
}

static int prepare_image(struct filter *filter, json_t *documents, struct mcpd_error *err)
{
    json_t *document;
    size_t index;

    json_array_foreach(documents, index, document) {
        if (filter_image_matches(document, filter->value) ||
            is_id_prefix(document, "Id", filter->value)) {
            filter->number = json_integer_value(json_object_get(document, "Created"));
            return 0;
        }
    }
    return error_set(err, MCPD_E_NOT_FOUND,
                     "could not find local image for filter filter \"%s\"=\"%s\": %s: image not "
                     "known",
                     filter->key->name, filter->value, filter->value);
}

static bool match_image_before(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return json_integer_value(json_object_get(document, "Created")) < filter->number;
}

static bool match_image_since(const json_t *document, size_t position, const struct filter *filter)
{
    (void)position;
    return json_integer_value(json_object_get(document, "Created")) > filter->number;
}

static const struct filter_key image_keys[] = {
    {"before", false, match_image_before, prepare_image},
    {"dangling", false, match_dangling, prepare_bool},
    {"id", false, match_id, prepare_pattern},
    {"label", true, match_label, NULL},
    {"label!", true, match_no_label, NULL},
    {"readonly", false, match_read_only, prepare_bool},
    {"reference", false, match_reference, NULL},
    {"since", false, match_image_since, prepare_image},
    {"until", false, match_until, prepare_until},
    {0},
};

/* ------------------------------------------------------------------ all filters of one command */

/* In podman's words, which differ. */
static int refuse_malformed(const struct filter_key *keys, const char *text, struct mcpd_error *err)
{
    if (keys == image_keys)
        return error_set(err, MCPD_E_INVALID,
                         "invalid image filter \"%s\": must be in the format \"filter=value or "
                         "filter!=value\"",
                         text);
    return error_set(err, MCPD_E_INVALID, "invalid filter \"%s\"", text);
}

static int refuse_unknown(const struct filter_key *keys, const char *text, struct mcpd_error *err)
{
    int length = (int)strcspn(text, "=");

    if (keys == image_keys)
        return error_set(err, MCPD_E_INVALID, "unsupported image filter \"%.*s\"", length, text);
    return error_set(err, MCPD_E_INVALID, "%.*s is an invalid filter", length, text);
}

static int parse_filter(const struct filter_key *keys, const char *text, json_t *documents,
                        struct filter *ret_filter, struct mcpd_error *err)
{
    size_t length = strcspn(text, "=");
    struct filter filter = {.value = text + length + 1};

    if (text[length] == '\0')
        return refuse_malformed(keys, text, err);
    for (filter.key = keys; filter.key->name; filter.key++)
        if (strlen(filter.key->name) == length && memcmp(filter.key->name, text, length) == 0)
            break;
    if (!filter.key->name)
        return refuse_unknown(keys, text, err);
    *ret_filter = filter;
    return filter.key->prepare ? filter.key->prepare(ret_filter, documents, err) : 0;
}

/* All filters with one key against one document. */
static bool passes_key(const struct filter *filters, size_t count, const struct filter_key *key,
                       const json_t *document, size_t position)
{
    for (size_t i = 0; i < count; i++) {
        if (filters[i].key != key)
            continue;
        if (key->matches(document, position, &filters[i]) != key->wants_all)
            return !key->wants_all;
    }
    return key->wants_all;
}

static bool passes(const struct filter *filters, size_t count, const json_t *document,
                   size_t position)
{
    for (size_t i = 0; i < count; i++)
        if (!passes_key(filters, count, filters[i].key, document, position))
            return false;
    return true;
}

static int filter_documents(const struct filter_key *keys, json_t *documents,
                            const char *const *texts, json_t **ret_passed, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *passed = json_array();
    CLEANUP_FREE struct filter *filters = NULL;
    size_t count = 0;
    size_t index;
    json_t *document;

    while (texts && texts[count])
        count++;
    filters = calloc(count + 1, sizeof(*filters));
    if (!filters || !passed)
        return error_no_memory(err, "filter");
    for (size_t i = 0; i < count; i++) {
        int rc = parse_filter(keys, texts[i], documents, &filters[i], err);

        if (rc < 0)
            return rc;
    }
    json_array_foreach(documents, index, document) {
        if (passes(filters, count, document, index) && json_array_append(passed, document) < 0)
            return error_no_memory(err, "filter");
    }
    *ret_passed = TAKE_PTR(passed);
    return 0;
}

int filter_containers(json_t *documents, const char *const *filters, json_t **ret_passed,
                      struct mcpd_error *err)
{
    return filter_documents(container_keys, documents, filters, ret_passed, err);
}

int filter_images(json_t *documents, const char *const *filters, json_t **ret_passed,
                  struct mcpd_error *err)
{
    return filter_documents(image_keys, documents, filters, ret_passed, err);
}

const char *filter_container_key(size_t index)
{
    return index < ARRAY_SIZE(container_keys) ? container_keys[index].name : NULL;
}

const char *filter_image_key(size_t index)
{
    return index < ARRAY_SIZE(image_keys) ? image_keys[index].name : NULL;
}
