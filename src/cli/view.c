/* view.c - containers and images as people read them. */
#include "cli/view.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "cli/out.h"

#include <string.h>

#define COMMAND_WIDTH 17
#define STEP_WIDTH    42 /* 45 with the dots */
#define NS_PER_SECOND INT64_C(1000000000)
#define CELL_MAX      (1u << 20)

const char *view_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static int64_t number(const json_t *object, const char *member)
{
    return (int64_t)json_integer_value(json_object_get(object, member));
}

static void set_text(json_t *view, const char *member, const char *text)
{
    (void)json_object_set_new(view, member, jsonx_string(text));
}

/* "2 hours ago" */
static void set_age(json_t *view, const char *member, int64_t unix_s)
{
    char age[64];
    char text[72];

    clock_format_age(clock_unix_ns() / NS_PER_SECOND - unix_s, age, sizeof(age));
    (void)snprintf(text, sizeof(text), "%s ago", age);
    set_text(view, member, text);
}

/* "2026-11-23 16:12:24 +0000 UTC" */
static void set_go_time(json_t *view, const char *member, int64_t unix_s)
{
    char text[CLOCK_GO_SIZE];

    clock_format_go(unix_s * NS_PER_SECOND, text);
    set_text(view, member, text);
}

static void set_short(json_t *view, const char *member, const char *text, size_t length)
{
    (void)json_object_set_new(view, member, json_stringn(text, strnlen(text, length)));
}

/* ------------------------------------------------------------------ containers */

static void append_joined(const json_t *list, const char *separator, struct buf *text)
{
    size_t index;
    json_t *word;

    json_array_foreach(list, index, word) {
        if (index > 0)
            (void)buf_append_text(text, separator);
        (void)buf_append_text(text, json_is_string(word) ? json_string_value(word) : "");
    }
}

/* Not through the middle of a UTF-8 character. */
static void cut(struct buf *text, size_t width)
{
    if (text->length <= width)
        return;
    while (width > 0 && ((unsigned char)text->data[width] & 0xc0) == 0x80)
        width--;
    text->length = width;
    text->data[width] = '\0';
    (void)buf_append_text(text, "...");
}

static void set_cut(json_t *view, const char *member, const char *text, size_t width)
{
    CLEANUP_BUF struct buf cell;

    buf_init(&cell, CELL_MAX);
    (void)buf_append_text(&cell, text);
    cut(&cell, width);
    set_text(view, member, buf_text(&cell));
}

static void set_joined(json_t *view, const char *member, const char *separator, size_t width)
{
    CLEANUP_BUF struct buf text;

    buf_init(&text, CELL_MAX);
    append_joined(json_object_get(view, member), separator, &text);
    cut(&text, width);
    set_text(view, member, buf_text(&text));
}

static void append_range(struct buf *text, int64_t first, int64_t count)
{
    if (count > 1)
        (void)buf_append_format(text, "%lld-%lld", (long long)first,
                                (long long)(first + count - 1));
    else
        (void)buf_append_format(text, "%lld", (long long)first);
}

/* "0.0.0.0:18080->8080/tcp, 0.0.0.0:18100-18101->9000-9001/tcp" */
static void set_ports(json_t *view)
{
    CLEANUP_BUF struct buf text;
    size_t index;
    json_t *port;

    buf_init(&text, CELL_MAX);
    json_array_foreach(json_object_get(view, "Ports"), index, port) {
        const char *host_ip = view_text(port, "host_ip");
        int64_t range = number(port, "range");

        (void)buf_append_format(&text, "%s%s:", index > 0 ? ", " : "",
                                *host_ip != '\0' ? host_ip : "0.0.0.0");
        append_range(&text, number(port, "host_port"), range);
        (void)buf_append_text(&text, "->");
        append_range(&text, number(port, "container_port"), range);
        (void)buf_append_format(&text, "/%s", view_text(port, "protocol"));
    }
    set_text(view, "Ports", buf_text(&text));
}

/* Created is a time and CreatedAt its text. Exact where the document has been given the time
 * itself. */
static void set_created(json_t *view, const json_t *container)
{
    const char *exact = view_text(container, VIEW_CREATED_TIME);
    int64_t unix_ns = number(container, "Created") * NS_PER_SECOND;
    char utc[CLOCK_RFC3339_SIZE];
    char go_text[CLOCK_GO_SIZE];

    (void)!clock_parse_rfc3339(exact, &unix_ns);
    clock_format_rfc3339(unix_ns, utc);
    clock_format_go(unix_ns, go_text);
    set_text(view, "Created", utc);
    set_text(view, "CreatedAt", go_text);
}

json_t *view_container(json_t *container, bool full)
{
    json_t *view = json_copy(container);
    int64_t created = number(container, "Created");
    size_t id_length = full ? SIZE_MAX : VIEW_SHORT_ID;

    if (!view)
        return NULL;
    set_short(view, "ID", view_text(container, "Id"), id_length);
    set_short(view, "ImageID", view_text(container, "ImageID"), id_length);
    set_joined(view, "Command", " ", full ? SIZE_MAX : COMMAND_WIDTH);
    set_joined(view, "Names", ",", SIZE_MAX);
    set_joined(view, "Networks", ",", SIZE_MAX);
    set_ports(view);
    set_age(view, "RunningFor", created);
    set_age(view, "CreatedHuman", created);
    set_created(view, container);
    return view;
}

/* ------------------------------------------------------------------ images */

size_t view_repository_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *at = strchr(name, '@');
    const char *colon = strchr(slash ? slash : name, ':');

    if (colon && (!at || colon < at))
        return (size_t)(colon - name);
    return at ? (size_t)(at - name) : strlen(name);
}

/* "<none>" where a dangling image has no name. */
static void set_name(json_t *view, const char *name)
{
    size_t length = name ? view_repository_length(name) : 0;
    const char *tag = name && name[length] == ':' ? name + length + 1 : NULL;

    set_short(view, "Repository", name ? name : "<none>", name ? length : SIZE_MAX);
    set_short(view, "Tag", tag ? tag : "<none>", tag ? strcspn(tag, "@") : SIZE_MAX);
}

/* history: its names in one text, which is put together once for all of them. */
static json_t *view_of_name(json_t *image, const char *name, bool full, json_t *history)
{
    json_t *view = json_copy(image);
    int64_t created = number(image, "Created");
    char size[32];

    if (!view)
        return NULL;
    str_format_bytes((uint64_t)number(image, "Size"), size, sizeof(size));
    set_text(view, "Size", size);
    if (full)
        (void)json_object_set_new(view, "ID", json_sprintf("sha256:%s", view_text(image, "Id")));
    else
        set_short(view, "ID", view_text(image, "Id"), VIEW_SHORT_ID);
    set_name(view, name);
    (void)json_object_set(view, "RepoTags", json_object_get(image, "Names"));
    (void)json_object_set(view, "History", history);
    set_age(view, "Created", created);
    set_age(view, "CreatedSince", created);
    set_go_time(view, "CreatedAt", created);
    set_go_time(view, "CreatedTime", created);
    return view;
}

/* A row for each tag; without one, for the first digest it was pulled by. */
json_t *view_image(json_t *image, bool full)
{
    json_t *views = json_array();
    json_t *names = json_object_get(image, "Names");
    CLEANUP_JSON json_t *joined = json_copy(image);
    json_t *history;
    size_t index;
    json_t *name;

    set_joined(joined, "History", ", ", SIZE_MAX);
    history = json_object_get(joined, "History");

    json_array_foreach(names, index, name) {
        const char *text = json_string_value(name);

        if (text && !strchr(text, '@'))
            (void)json_array_append_new(views, view_of_name(image, text, full, history));
    }
    if (json_array_size(views) == 0)
        (void)json_array_append_new(
            views, view_of_name(image, json_string_value(json_array_get(names, 0)), full, history));
    return views;
}

/* ------------------------------------------------------------------ steps */

json_t *view_step(json_t *step, bool full, bool human)
{
    json_t *view = json_object();
    int64_t created_ns = 0;
    char size[32];

    /* What its maker wrote may be anything. */
    (void)!clock_parse_rfc3339(view_text(step, "created"), &created_ns);
    set_short(view, "ID", view_text(step, "id"), full ? SIZE_MAX : VIEW_SHORT_ID);
    set_age(view, "CreatedSince", created_ns / NS_PER_SECOND);
    set_go_time(view, "CreatedAt", created_ns / NS_PER_SECOND);
    if (human)
        set_age(view, "Created", created_ns / NS_PER_SECOND);
    else
        set_text(view, "Created", view_text(step, "created"));
    set_cut(view, "CreatedBy", view_text(step, "CreatedBy"), full ? SIZE_MAX : STEP_WIDTH);
    str_format_bytes((uint64_t)number(step, "size"), size, sizeof(size));
    set_text(view, "Size", size);
    set_text(view, "Comment", view_text(step, "comment"));
    return view;
}

/* ------------------------------------------------------------------ sorting */

struct sort_item {
    json_t *element; /* borrowed */
    const json_t *key;
    size_t position;
};

static int compare_keys(const json_t *left, const json_t *right)
{
    const char *a = json_string_value(left);
    const char *b = json_string_value(right);

    if (json_is_integer(left) && json_is_integer(right))
        return (json_integer_value(left) > json_integer_value(right)) -
               (json_integer_value(left) < json_integer_value(right));
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_ascending(const void *left, const void *right)
{
    const struct sort_item *a = left;
    const struct sort_item *b = right;
    int order = compare_keys(a->key, b->key);

    return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

static int compare_descending(const void *left, const void *right)
{
    const struct sort_item *a = left;
    const struct sort_item *b = right;
    int order = compare_keys(b->key, a->key);

    return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

json_t *view_sorted(json_t *array, const char *member, bool descending)
{
    size_t count = json_array_size(array);
    CLEANUP_FREE struct sort_item *items = calloc(count + 1, sizeof(*items));
    json_t *sorted = json_array();

    for (size_t i = 0; items && i < count; i++) {
        items[i].element = json_array_get(array, i);
        items[i].key = json_object_get(items[i].element, member);
        items[i].position = i;
    }
    if (items)
        qsort(items, count, sizeof(*items), descending ? compare_descending : compare_ascending);
    for (size_t i = 0; i < count; i++) /* without memory: as it was */
        (void)json_array_append(sorted, items ? items[i].element : json_array_get(array, i));
    return sorted;
}
