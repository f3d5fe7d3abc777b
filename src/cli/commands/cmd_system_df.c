/*
 * cmd_system_df.c - system df: what takes how much of the disk.
 *
 * The tables are podman's. Its sizes are file lengths, with what images share counted for each of
 * them; ours are what the disk holds, each object once, with the compressed layers that are kept
 * and half downloads. --verbose ends with a table of our own that tells these apart.
 */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/template.h"
#include "cli/view.h"

#include "base/clock.h"
#include "base/jsonx.h"
#include "base/str.h"

#include <string.h>

#define TABLE "table {{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
#define IMAGES_TABLE                                                        \
    "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}\t{{" \
    ".SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}"
#define CONTAINERS_TABLE                                                      \
    "table {{.ID}}\t{{.ImageID}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}" \
    "\t{{.Created}}\t{{.State}}\t{{.Names}}"
#define VOLUMES_TABLE "table {{.VolumeName}}\t{{.Links}}\t{{.Size}}"
#define STORE_TABLE   "table {{.Kind}}\t{{.Size}}"

struct df_values {
    bool verbose;
    const char *format;
};

#define AT(member) offsetof(struct df_values, member)

static const struct opt rows[] = {
    OPT(0, "format", "FORMAT", STRING, AT(format), "A template such as {{.Size}}, or",
        .accepts = "json"),
    OPT('v', "verbose", "", FLAG, AT(verbose), "Each image and container"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static const struct template_heading headings[] = {
    {"ID", "IMAGE ID"},
    {"SharedSize", "SHARED SIZE"},
    {"UniqueSize", "UNIQUE SIZE"},
    {NULL, NULL},
};

static const struct template_heading container_headings[] = {
    {"ID", "CONTAINER ID"}, {"ImageID", "IMAGE"}, {"LocalVolumes", "LOCAL VOLUMES"},
    {"State", "STATUS"},    {NULL, NULL},
};

static const struct template_heading volume_headings[] = {
    {"VolumeName", "VOLUME NAME"},
    {NULL, NULL},
};

/* ------------------------------------------------------------------ in short */

static json_int_t number(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static json_t *summary(const char *type, json_int_t total, json_int_t active, json_int_t bytes,
                       json_int_t reclaimable_bytes)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "Type", type, "Total", total, "Active", active,
                     "Size", bytes, "Reclaimable", reclaimable_bytes);
}

static json_t *summary_of_images(const json_t *usage)
{
    const json_t *images = json_object_get(usage, "Images");
    json_int_t active = 0;
    size_t index;
    json_t *image;

    json_array_foreach(images, index, image) {
        active += number(image, "Containers") > 0;
    }
    return summary("Images", (json_int_t)json_array_size(images), active,
                   number(usage, "ImagesSize"), number(usage, "ImagesReclaimable"));
}

static json_t *summary_of_containers(const json_t *usage)
{
    const json_t *containers = json_object_get(usage, "Containers");
    json_int_t active = 0, bytes = 0, reclaimable_bytes = 0;
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container) {
        bool is_active = strcmp(view_text(container, "State"), "running") == 0;

        active += is_active;
        bytes += number(container, "SizeRw");
        reclaimable_bytes += is_active ? 0 : number(container, "SizeRw");
    }
    return summary("Containers", (json_int_t)json_array_size(containers), active, bytes,
                   reclaimable_bytes);
}

static json_t *summaries(const json_t *usage)
{
    return json_pack("[o, o, o]", summary_of_images(usage), summary_of_containers(usage),
                     summary("Local Volumes", 0, 0, 0, 0));
}

static void set_size(json_t *view, const char *member, json_int_t bytes)
{
    char text[32];

    str_format_bytes_tight((uint64_t)bytes, text, sizeof(text));
    (void)json_object_set_new(view, member, json_string(text));
}

/* "1.988MB (33%)", and the numbers under the names that podman's templates know them by. */
static void make_readable(json_t *row)
{
    json_int_t bytes = number(row, "Size"), reclaimable_bytes = number(row, "Reclaimable");
    char text[32];
    int percent = bytes > 0 ? (int)((double)reclaimable_bytes * 100 / (double)bytes + 0.5) : 0;

    str_format_bytes_tight((uint64_t)reclaimable_bytes, text, sizeof(text));
    (void)json_object_set_new(row, "RawSize", json_integer(bytes));
    (void)json_object_set_new(row, "RawReclaimable", json_integer(reclaimable_bytes));
    (void)json_object_set_new(row, "Reclaimable", json_sprintf("%s (%d%%)", text, percent));
    set_size(row, "Size", bytes);
}

static int print_summary(json_t *usage, const char *format, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *table = summaries(usage);
    size_t index;
    json_t *row;

    if (!table)
        return error_no_memory(err, "disk usage");
    if (template_is_json(format)) {
        out_json(table, OUT_INDENT_IMAGES);
        return 0;
    }
    json_array_foreach(table, index, row) {
        make_readable(row);
    }
    return template_print("df", format ? format : TABLE, table, NULL, false, err);
}

/* ------------------------------------------------------------------ in full */

static void set_age(json_t *view, json_int_t created_s)
{
    char age[64];

    clock_format_age(clock_unix_ns() / INT64_C(1000000000) - created_s, age, sizeof(age));
    (void)json_object_set_new(view, "Created", json_string(age));
}

static json_t *views_of_images(const json_t *images)
{
    json_t *views = json_array();
    size_t index, name_index;
    json_t *image, *view;

    json_array_foreach(images, index, image) {
        CLEANUP_JSON json_t *names = view_image(image, false);

        json_array_foreach(names, name_index, view) {
            set_size(view, "Size", number(image, "Size"));
            set_size(view, "SharedSize", number(image, "SharedSize"));
            set_size(view, "UniqueSize", number(image, "UniqueSize"));
            set_age(view, number(image, "Created"));
        }
        (void)json_array_extend(views, names);
    }
    return views;
}

static json_t *views_of_containers(const json_t *containers)
{
    json_t *views = json_array();
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container) {
        json_t *view = view_container(container, false);

        (void)json_object_set_new(
            view, "ImageID",
            json_stringn(view_text(container, "ImageID"),
                         strnlen(view_text(container, "ImageID"), VIEW_SHORT_ID)));
        (void)json_object_set_new(view, "LocalVolumes", json_integer(0));
        set_size(view, "Size", number(container, "SizeRw"));
        set_age(view, number(container, "Created"));
        (void)json_array_append_new(views, view);
    }
    return views;
}

static void add_kind(json_t *views, const char *kind, json_int_t bytes)
{
    json_t *view = json_pack("{s:s}", "Kind", kind);

    set_size(view, "Size", bytes);
    (void)json_array_append_new(views, view);
}

static json_t *views_of_store(const json_t *store)
{
    json_t *views = json_array();

    add_kind(views, "Unpacked layers", number(store, "Layers"));
    add_kind(views, "Compressed layers", number(store, "Blobs"));
    add_kind(views, "Manifests, configs", number(store, "Documents"));
    add_kind(views, "Half downloads", number(store, "Partial"));
    if (number(store, "Budget") > 0)
        add_kind(views, "Budget", number(store, "Budget"));
    return views;
}

/* Takes the views over. */
static int print_table(const char *title, const char *format, json_t *views,
                       const struct template_heading *names, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *owned = views;

    if (!owned)
        return error_no_memory(err, "disk usage");
    out_text(title);
    return template_print("df", format, owned, names, false, err);
}

static int print_all(json_t *usage, struct mcpd_error *err)
{
    int rc = print_table("Images space usage:\n\n", IMAGES_TABLE,
                         views_of_images(json_object_get(usage, "Images")), headings, err);

    if (rc == 0)
        rc = print_table("\nContainers space usage:\n\n", CONTAINERS_TABLE,
                         views_of_containers(json_object_get(usage, "Containers")),
                         container_headings, err);
    if (rc == 0)
        rc = print_table("\nLocal Volumes space usage:\n\n", VOLUMES_TABLE, json_array(),
                         volume_headings, err);
    if (rc == 0)
        rc = print_table("\nStore space usage:\n\n", STORE_TABLE,
                         views_of_store(json_object_get(usage, "Store")), NULL, err);
    return rc;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct df_values *values = raw_values;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *usage = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc = cli_engine(cli, &engine, &err);

    (void)arguments;
    if (rc == 0)
        rc = mcpd_disk_usage_json(engine, &text, &err);
    if (rc == 0)
        rc = jsonx_parse_own(text, "disk usage", &usage, &err);
    if (rc == 0 && values->verbose && template_is_json(values->format))
        out_json(usage, OUT_INDENT_IMAGES);
    else if (rc == 0)
        rc = values->verbose ? print_all(usage, &err) : print_summary(usage, values->format, &err);
    return rc < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_system_df = {
    .arguments = "[options]",
    .summary = "Show what images and containers take on the disk",
    .details =
        "What images share counts once. SIZE of the images holds their unpacked layers, the "
        "compressed ones that are kept, and half downloads; --verbose tells these apart in a last "
        "table, with the budget ([store] max_size of mcpd.conf). RECLAIMABLE is what images take "
        "that no container uses, and what containers have "
        "written that do not run. A template's fields: {{.Type}} {{.Total}} {{.Active}} {{.Size}} "
        "{{.Reclaimable}} {{.RawSize}} "
        "{{.RawReclaimable}}.",
    .examples = "system df\nsystem df -v\nsystem df --format '{{.Type}}: {{.Size}}'",
    .groups = groups,
    .values_size = sizeof(struct df_values),
    .run = run,
};
