/*
 * save_docker.c - docker-archive and docker-dir.
 *
 * A docker-archive is what `docker save` has written since 1.10: each layer as a plain tar, each
 * config, and manifest.json, which lists images. In front of 1.10 there were a folder for each
 * layer and `repositories`; readers of that time still find them here, as podman writes them: the
 * folder's layer.tar is a link to the layer. Its id is the digest of its description.
 */
#include "oci/layer/archive_save_parts.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "oci/layer/sha256.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MEMBER_MODE    0444
#define FILE_MODE      0644
#define VERSION_NAME   "version"
#define VERSION_TEXT   "Directory Transport Version: 1.1\n"
#define HEX_DIGITS     64
#define MANIFEST_NAME  "manifest.json"
#define LEGACY_VERSION "1.0"

/* ------------------------------------------------------------------ the old folders */

struct legacy {
    struct archive_save *save;
    struct digest chain; /* of the layers so far; unset: none */
    struct digest id;    /* of the layer below; unset: none */
    struct save_seen written;
};

static int next_chain(struct legacy *legacy, const struct digest *diff_id, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;

    if (!digest_is_set(&legacy->chain)) {
        legacy->chain = *diff_id;
        return 0;
    }
    text = str_format("%s %s", legacy->chain.text, diff_id->text);
    return text ? sha256_of_bytes(text, strlen(text), &legacy->chain, err)
                : error_no_memory(err, "a layer's id");
}

/* Members in the order of their names, as Go writes maps. of: the image's config for its last
 * layer, else NULL. id: the folder's name, NULL while it is still to be computed from this. */
static char *describe(const struct legacy *legacy, const json_t *of, const char *id)
{
    static const char *const first[] = {"architecture",     "config",  "container",
                                        "container_config", "created", "docker_version"};
    CLEANUP_JSON json_t *json = json_object();
    int failed = 0;

    for (size_t i = 0; of && i < ARRAY_SIZE(first); i++) {
        json_t *value = json_object_get(of, first[i]);

        failed |= json_object_set_new(json, first[i], value ? json_incref(value) : json_null());
    }
    if (id)
        failed |= json_object_set_new(json, "id", json_string(id));
    else
        failed |= json_object_set_new(json, "layer_id", json_string(legacy->chain.text));
    if (of) {
        json_t *os = json_object_get(of, "os");

        failed |= json_object_set_new(json, "os", os ? json_incref(os) : json_null());
    }
    if (digest_is_set(&legacy->id))
        failed |= json_object_set_new(json, "parent", json_string(digest_hex(&legacy->id)));
    return failed ? NULL : json_dumps(json, JSON_COMPACT);
}

static int put_folder(struct legacy *legacy, const char *id, const struct digest *diff_id,
                      const char *description, struct mcpd_error *err)
{
    struct save_output *output = legacy->save->output;
    CLEANUP_FREE char *layer = str_format("%s/layer.tar", id);
    CLEANUP_FREE char *target = str_format("../%s.tar", digest_hex(diff_id));
    CLEANUP_FREE char *version = str_format("%s/VERSION", id);
    CLEANUP_FREE char *json = str_format("%s/json", id);
    int rc;

    if (!layer || !target || !version || !json)
        return error_no_memory(err, "an archive");
    rc = save_output_symlink(output, layer, target, err);
    if (rc == 0)
        rc = save_output_text(output, version, MEMBER_MODE, LEGACY_VERSION, strlen(LEGACY_VERSION),
                              err);
    if (rc == 0)
        rc = save_output_text(output, json, MEMBER_MODE, description, strlen(description), err);
    return rc;
}

static int put_legacy_layer(struct legacy *legacy, const struct digest *diff_id, const json_t *of,
                            struct mcpd_error *err)
{
    CLEANUP_FREE char *seed = NULL;
    CLEANUP_FREE char *description = NULL;
    struct digest id;
    bool is_new = false;
    int rc = next_chain(legacy, diff_id, err);

    if (rc < 0)
        return rc;
    seed = describe(legacy, of, NULL);
    if (!seed)
        return error_no_memory(err, "a layer's id");
    rc = sha256_of_bytes(seed, strlen(seed), &id, err);
    if (rc < 0)
        return rc;
    description = describe(legacy, of, digest_hex(&id));
    if (!description)
        return error_no_memory(err, "a layer's id");
    rc = save_seen_add(&legacy->written, &id, &is_new, err);
    if (rc == 0 && is_new)
        rc = put_folder(legacy, digest_hex(&id), diff_id, description, err);
    legacy->id = id;
    return rc;
}

static int put_legacy(struct legacy *legacy, const struct save_image *item, struct mcpd_error *err)
{
    const struct imageconfig *config = &item->image.config;

    legacy->chain = (struct digest){0};
    legacy->id = (struct digest){0};
    for (size_t i = 0; i < config->diff_id_count; i++) {
        bool is_last = i + 1 == config->diff_id_count;
        int rc =
            put_legacy_layer(legacy, &config->diff_ids[i], is_last ? config->document : NULL, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* "host/path:tag" -> repositories["host/path"]["tag"] = id */
static int add_repository(json_t *repositories, const char *name, const char *id)
{
    const char *colon = strrchr(name, ':');
    CLEANUP_FREE char *path = colon ? strndup(name, (size_t)(colon - name)) : NULL;
    json_t *tags = path ? json_object_get(repositories, path) : NULL;

    if (!path)
        return -MCPD_E_NO_MEMORY;
    if (!tags) {
        tags = json_object();
        if (json_object_set_new(repositories, path, tags) < 0)
            return -MCPD_E_NO_MEMORY;
    }
    return json_object_set_new(tags, colon + 1, json_string(id)) < 0 ? -MCPD_E_NO_MEMORY : 0;
}

/* ------------------------------------------------------------------ docker-archive */

static json_t *list_entry(const struct save_image *item)
{
    const struct imageconfig *config = &item->image.config;
    json_t *layers = json_array();
    int failed = layers ? 0 : 1;

    for (size_t i = 0; i < config->diff_id_count; i++)
        failed |=
            json_array_append_new(layers, json_sprintf("%s.tar", digest_hex(&config->diff_ids[i])));
    if (failed) {
        json_decref(layers);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:o}", "Config",
                     json_sprintf("%s.json", digest_hex(&item->image.id)), "RepoTags",
                     jsonx_strv(item->names), "Layers", layers);
}

static int put_image(struct legacy *legacy, const struct save_image *item, json_t *list,
                     json_t *repositories, struct mcpd_error *err)
{
    struct archive_save *save = legacy->save;
    CLEANUP_FREE char *config = str_format("%s.json", digest_hex(&item->image.id));
    int rc = config ? 0 : error_no_memory(err, "an archive");

    for (size_t i = 0; rc == 0 && i < item->image.config.diff_id_count; i++) {
        const struct layer_source *source = &item->sources[i];
        CLEANUP_FREE char *name = str_format("%s.tar", digest_hex(&source->digest));

        rc = name ? archive_save_layer(save, source, name, MEMBER_MODE, err)
                  : error_no_memory(err, "an archive");
    }
    if (rc < 0)
        return rc;
    progress_report(save->progress, "config", item->image.id.text, 0, item->config_length);
    rc = save_output_text(save->output, config, MEMBER_MODE, item->config_text, item->config_length,
                          err);
    if (rc == 0)
        rc = put_legacy(legacy, item, err);
    if (rc < 0)
        return rc;
    if (json_array_append_new(list, list_entry(item)) < 0)
        return error_no_memory(err, "an archive");
    for (size_t i = 0; item->names && item->names[i] && digest_is_set(&legacy->id); i++)
        if (add_repository(repositories, item->names[i], digest_hex(&legacy->id)) < 0)
            return error_no_memory(err, "an archive");
    return 0;
}

static int put_json(struct archive_save *save, const char *name, const json_t *json, size_t flags,
                    struct mcpd_error *err)
{
    CLEANUP_FREE char *text = json_dumps(json, flags | JSON_COMPACT);

    if (!text)
        return error_no_memory(err, name);
    return save_output_text(save->output, name, MEMBER_MODE, text, strlen(text), err);
}

int archive_save_docker(struct archive_save *save, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *list = json_array();
    CLEANUP_JSON json_t *repositories = json_object();
    struct legacy legacy = {.save = save};
    int rc = 0;

    for (size_t i = 0; i < save->images.count && rc == 0; i++)
        rc = put_image(&legacy, &save->images.items[i], list, repositories, err);
    save_seen_done(&legacy.written);
    if (rc == 0)
        rc = put_json(save, MANIFEST_NAME, list, 0, err);
    if (rc == 0)
        rc = put_json(save, "repositories", repositories, JSON_SORT_KEYS, err);
    return rc;
}

/* ------------------------------------------------------------------ docker-dir */

static bool is_ours(const char *name)
{
    return strcmp(name, MANIFEST_NAME) == 0 || strcmp(name, VERSION_NAME) == 0 ||
           (strlen(name) == HEX_DIGITS && str_is_hex(name, HEX_DIGITS));
}

static int find_any(int dir_fd, const char *name, unsigned char type, void *context,
                    struct mcpd_error *err)
{
    bool *is_empty = context;

    (void)dir_fd;
    (void)name;
    (void)type;
    (void)err;
    *is_empty = false;
    return 0;
}

static int remove_ours(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    (void)type;
    (void)context;
    return is_ours(name) ? fs_unlink_if_exists(dir_fd, name, err) : 0;
}

/* A folder with something else in it is not ours to write to. */
static int empty_folder(int dir_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    bool is_empty = true;
    size_t length = 0;
    int rc = fs_visit_dir(dir_fd, ".", find_any, &is_empty, err);

    if (rc < 0 || is_empty)
        return rc;
    if (fs_read_file(dir_fd, VERSION_NAME, sizeof(VERSION_TEXT), &text, &length, NULL) < 0 ||
        strcmp(text, VERSION_TEXT) != 0)
        return error_set(
            err, MCPD_E_CONFLICT,
            "not a containers image directory, don't want to overwrite important data");
    return fs_visit_dir(dir_fd, ".", remove_ours, NULL, err);
}

static int put_blobs(struct archive_save *save, const struct save_image *item,
                     struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < item->image.config.diff_id_count; i++)
        rc = archive_save_layer(save, &item->sources[i], digest_hex(&item->sources[i].digest),
                                FILE_MODE, err);
    if (rc < 0)
        return rc;
    progress_report(save->progress, "config", item->image.id.text, 0, item->config_length);
    return save_output_text(save->output, digest_hex(&item->image.id), FILE_MODE, item->config_text,
                            item->config_length, err);
}

int archive_save_docker_dir(struct archive_save *save, struct mcpd_error *err)
{
    const struct save_image *item = &save->images.items[0];
    struct save_manifest manifest = {0};
    int rc;

    if (save->images.count > 1)
        return error_set(err, MCPD_E_UNSUPPORTED, "a docker-dir holds one image");
    rc = empty_folder(save_output_dir_fd(save->output), err);
    if (rc == 0)
        rc = save_manifest_make(item, SAVE_MANIFEST_DOCKER, &manifest, err);
    if (rc == 0)
        rc = save_output_text(save->output, VERSION_NAME, FILE_MODE, VERSION_TEXT,
                              strlen(VERSION_TEXT), err);
    if (rc == 0)
        rc = put_blobs(save, item, err);
    if (rc == 0)
        rc = save_output_text(save->output, MANIFEST_NAME, FILE_MODE, manifest.text,
                              manifest.length, err);
    free(manifest.text);
    return rc;
}
