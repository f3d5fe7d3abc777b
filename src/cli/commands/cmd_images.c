/* cmd_images.c - images: the list of images in the store. */
#include "cli/commands/commands.h"
#include "cli/filter.h"
#include "cli/out.h"
#include "cli/targets.h"
#include "cli/template.h"
#include "cli/view.h"

#include "base/str.h"

#include <string.h>

#define TABLE "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}"
#define TABLE_DIGESTS \
    "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Created}}\t{{.Size}}"
#define READ_ONLY "\t{{.ReadOnly}}"

struct images_values {
    bool digests;
    bool full;
    bool without_heading;
    bool quiet;
    const char *format;
    const char *sort;
    const char *const *filters;
};

#define AT(member) offsetof(struct images_values, member)

static const struct opt rows[] = {
    OPT_OTHER(OPT_IGNORED, 'a', "all", ""),
    OPT(0, "digests", "", FLAG, AT(digests), "Show the manifests' digests"),
    OPT('f', "filter", "KEY=VALUE", WORDS, AT(filters), "Images that match",
        .takes = OPT_TAKES_IMAGE_FILTER),
    OPT(0, "format", "FORMAT", STRING, AT(format), "A template such as {{.Repository}}, or",
        .accepts = "json|table"),
    OPT(0, "no-trunc", "", FLAG, AT(full), "Do not cut ids", .alias = "notruncate"),
    OPT('n', "noheading", "", FLAG, AT(without_heading), "No heading above the table"),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Ids only"),
    OPT(0, "sort", "FIELD", STRING, AT(sort), "Order by",
        .accepts = "created|id|repository|size|tag", .initial = "created"),
    OPT_OTHER(OPT_LATER, 0, "history", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static const struct template_heading headings[] = {
    {"ID", "IMAGE ID"},
    {"CreatedSince", "CREATED"},
    {"CreatedAt", "CREATED AT"},
    {"ReadOnly", "R/O"},
    {NULL, NULL},
};

/* ------------------------------------------------------------------ selecting */

/* `images NAME` is --filter reference=NAME, or an id. */
static json_t *only_named(json_t *images, const char *name)
{
    json_t *named = json_array();
    size_t index;
    json_t *image;

    json_array_foreach(images, index, image) {
        if (filter_image_matches(image, name) || str_has_prefix(view_text(image, "Id"), name))
            (void)json_array_append(named, image);
    }
    return named;
}

static int select_images(struct cli *cli, const struct images_values *values, const char *name,
                         json_t **ret_selected, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *images = NULL;
    CLEANUP_JSON json_t *passed = NULL;
    CLEANUP_JSON json_t *named = NULL;
    int rc = targets_list_images(cli, &images, err);

    if (rc == 0)
        rc = filter_images(images, values->filters, &passed, err);
    if (rc < 0)
        return rc;
    named = name ? only_named(passed, name) : json_incref(passed);
    *ret_selected = view_sorted(named, "Created", true);
    return *ret_selected ? 0 : error_no_memory(err, "list of images");
}

/* ------------------------------------------------------------------ printing */

static json_t *views_of(json_t *images, const struct images_values *values)
{
    json_t *views = json_array();
    size_t index;
    json_t *image;

    json_array_foreach(images, index, image) {
        CLEANUP_JSON json_t *names = view_image(image, values->full);

        (void)json_array_extend(views, names);
    }
    return views;
}

/* The order by creation and size is that of the images; the views carry texts. */
static json_t *sorted_views(json_t *images, const struct images_values *values)
{
    bool by_size = strcmp(values->sort, "size") == 0;
    CLEANUP_JSON json_t *ordered =
        by_size ? view_sorted(images, "Size", false) : json_incref(images);
    CLEANUP_JSON json_t *views = views_of(ordered, values);

    if (strcmp(values->sort, "repository") == 0)
        return view_sorted(views, "Repository", false);
    if (strcmp(values->sort, "tag") == 0)
        return view_sorted(views, "Tag", false);
    return strcmp(values->sort, "id") == 0 ? view_sorted(views, "ID", false) : json_incref(views);
}

/* Each image once, whatever its number of names. */
static void print_ids(json_t *images, bool full)
{
    size_t index;
    json_t *image;

    json_array_foreach(images, index, image) {
        const char *id = view_text(image, "Id");
        CLEANUP_FREE char *line =
            full ? str_format("sha256:%s", id) : str_format("%.*s", VIEW_SHORT_ID, id);

        out_line(line ? line : "");
    }
}

static bool has_read_only(const json_t *images)
{
    size_t index;
    json_t *image;

    json_array_foreach(images, index, image) {
        if (json_is_true(json_object_get(image, "ReadOnly")))
            return true;
    }
    return false;
}

/* As in podman there is one column more when there is something to say in it. */
static const char *table_of(const json_t *images, const struct images_values *values)
{
    if (has_read_only(images))
        return values->digests ? TABLE_DIGESTS READ_ONLY : TABLE READ_ONLY;
    return values->digests ? TABLE_DIGESTS : TABLE;
}

static int print(json_t *images, const struct images_values *values, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *views = NULL;
    const char *format = values->format;

    if (template_is_json(format)) {
        out_json(images, OUT_INDENT_IMAGES);
        return 0;
    }
    if (values->quiet) {
        print_ids(images, values->full);
        return 0;
    }
    views = sorted_views(images, values);
    if (!views)
        return error_no_memory(err, "list of images");
    if (!format || strcmp(format, "table") == 0)
        format = table_of(images, values);
    return template_print("images", format, views, headings, values->without_heading, err);
}

static bool is_sort_field(const char *name)
{
    static const char *const fields[] = {"created", "id", "repository", "size", "tag"};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (strcmp(fields[i], name) == 0)
            return true;
    return false;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct images_values *values = raw_values;
    CLEANUP_JSON json_t *images = NULL;
    struct mcpd_error err = {0};

    if (!is_sort_field(values->sort))
        return cli_refuse(cli,
                          "\"%s\" is not a valid field for sorting. Choose from: size, tag, "
                          "created, id, repository",
                          values->sort);
    if (select_images(cli, values, arguments[0], &images, &err) < 0 ||
        print(images, values, &err) < 0)
        return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_images = {
    .arguments = "[options] [IMAGE]",
    .summary = "List the images in the store",
    .details =
        "A template prints its fields for each name: {{.Repository}} {{.Tag}} {{.ID}} {{.Digest}} "
        "{{.Created}} {{.CreatedAt}} {{.Size}} {{.Labels}} {{.Containers}}; with \"table \" in "
        "front in "
        "columns.",
    .examples = "images\nimages --format '{{.Repository}}:{{.Tag}} {{.Size}}'\n"
                "images --filter dangling=true -q",
    .groups = groups,
    .values_size = sizeof(struct images_values),
    .run = run,
    .max_arguments = 1,
    .completes = COMPLETES_IMAGES,
};
