/* test_image_json.c - podman's documents, compared as text: order and absence of members count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/store.h"

#include "base/str.h"
#include "support/fake_store.h"

#include <string.h>

static const char *const two_layers[] = {"base", "top", NULL};

static char *dump(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    assert_non_null(text);
    json_decref(json);
    return text;
}

/* Every @X of the pattern is replaced by what the image says it is. */
static char *expand(const char *pattern, const struct fake_store *fake, const struct image *image)
{
    const struct {
        const char *key;
        const char *value;
    } words[] = {
        {"@ID", digest_hex(&image->id)},
        {"@MANIFEST", image->manifest_digest.text},
        {"@ROOT", fake->path},
        {"@BASE", image->config.diff_id_count > 0 ? digest_hex(&image->config.diff_ids[0]) : ""},
        {"@TOP", image->config.diff_id_count > 1 ? digest_hex(&image->config.diff_ids[1]) : ""},
    };
    char *text = strdup(pattern);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char *found;

        while ((found = strstr(text, words[i].key)) != NULL) {
            char *longer = str_format("%.*s%s%s", (int)(found - text), text, words[i].value,
                                      found + strlen(words[i].key));

            free(text);
            text = longer;
        }
    }
    return text;
}

static void find(struct fake_store *fake, const char *name, struct image *image)
{
    assert_int_equal(store_find_image(&fake->store, name, image, NULL), 0);
    assert_int_equal(store_load_image_names(&fake->store, image, NULL), 0);
}

static void check(char *text, const char *pattern, const struct fake_store *fake,
                  const struct image *image)
{
    CLEANUP_FREE char *actual = text;
    CLEANUP_FREE char *expected = expand(pattern, fake, image);

    assert_string_equal(actual, expected);
}

static void test_list(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {
        .name = "localhost/tiny:1.2",
        .layers = two_layers,
        .config = "{\"Labels\": {\"io.buildah.version\": \"1.28.2\", \"a=b\": \"c=d\"}}"};
    struct image image;

    fake_store_add(fake, &spec, NULL);
    find(fake, "localhost/tiny:1.2", &image);
    check(dump(image_list_json(&fake->store, &image, 9)),
          "{\"Id\":\"@ID\",\"ParentId\":\"\",\"RepoTags\":null,\"RepoDigests\":"
          "[\"localhost/tiny@@MANIFEST\"],\"Size\":2000,\"SharedSize\":0,\"VirtualSize\":2000,"
          "\"Labels\":{\"io.buildah.version\":\"1.28.2\",\"a=b\":\"c=d\"},\"Containers\":9,"
          "\"Names\":[\"localhost/tiny:1.2\"],\"Digest\":\"@MANIFEST\",\"History\":"
          "[\"localhost/tiny:1.2\"],\"Created\":1795450344,\"CreatedAt\":\"2026-11-23T16:12:24Z\"}",
          fake, &image);
    image_done(&image);
}

static void test_list_dangling(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.layers = NULL};
    struct image *images = NULL;
    size_t count = 0;

    fake_store_add(fake, &spec, NULL);
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 1);
    check(dump(image_list_json(&fake->store, &images[0], 0)),
          "{\"Id\":\"@ID\",\"ParentId\":\"\",\"RepoTags\":null,\"RepoDigests\":[],\"Size\":0,"
          "\"SharedSize\":0,\"VirtualSize\":0,\"Labels\":null,\"Containers\":0,\"Dangling\":true,"
          "\"Digest\":\"@MANIFEST\",\"History\":[],\"Created\":1795450344,"
          "\"CreatedAt\":\"2026-11-23T16:12:24Z\"}",
          fake, &images[0]);
    store_free_images(images, count);
}

static void check_created(struct fake_store *fake, const char *created, json_int_t seconds,
                          const char *at)
{
    struct fake_image spec = {.name = "q.io/a:1", .created = created};
    CLEANUP_JSON json_t *json = NULL;
    struct image image;

    fake_store_add(fake, &spec, NULL);
    find(fake, "q.io/a:1", &image);
    json = image_list_json(&fake->store, &image, 0);
    assert_int_equal(json_integer_value(json_object_get(json, "Created")), seconds);
    assert_string_equal(json_string_value(json_object_get(json, "CreatedAt")), at);
    image_done(&image);
}

/* Reproducible builds are from 1970; no date at all is Go's zero time. */
static void test_created(void **state)
{
    check_created(*state, "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z");
    check_created(*state, "1970-01-01T00:00:01Z", 1, "1970-01-01T00:00:01Z");
    check_created(*state, "2026-11-23T17:12:24.9+01:00", 1795450344, "2026-11-23T16:12:24Z");
    check_created(*state, "", -62135596800, "0001-01-01T00:00:00Z");
    check_created(*state, "0001-01-01T00:00:00Z", -62135596800, "0001-01-01T00:00:00Z");
}

static void test_inspect_full(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {
        .name = "localhost/tiny:1.2",
        .layers = two_layers,
        .media_type = MEDIATYPE_DOCKER_MANIFEST,
        .extra = "\"author\": \"me\", \"docker_version\": \"20.10\", \"comment\": \"hello\","
                 "\"history\": [{\"created\": \"2026-11-23T16:12:23.3Z\", \"created_by\": \"ARG\", "
                 "\"empty_layer\": true, \"comment\": \"FROM x\"}, {\"created_by\": \"COPY\", "
                 "\"author\": \"\", \"empty_layer\": false, \"unknown\": 1}],",
        .config =
            "{\"Hostname\": \"x\", \"User\": \"0\", \"ExposedPorts\": {\"53/udp\": {}, "
            "\"8080/tcp\": {}}, \"Env\": [\"PATH=/bin\", \"A=1\"], \"Cmd\": [\"sleep\", "
            "\"1000\"], \"Entrypoint\": [\"/bin/busybox\"], \"Volumes\": {\"/data\": {}}, "
            "\"WorkingDir\": \"/srv\", \"Labels\": {\"k\": \"v\"}, \"StopSignal\": "
            "\"SIGTERM\", \"OnBuild\": null, \"Healthcheck\": {\"Test\": [\"CMD\", \"true\"], "
            "\"Interval\": 5000000000, \"Retries\": 2}}"};
    struct image image;

    fake_store_add(fake, &spec, NULL);
    find(fake, "localhost/tiny:1.2", &image);
    check(
        dump(image_inspect_json(&fake->store, &image)),
        "{\"Id\":\"@ID\",\"Digest\":\"@MANIFEST\",\"RepoTags\":[\"localhost/tiny:1.2\"],"
        "\"RepoDigests\":[\"localhost/tiny@@MANIFEST\"],\"Parent\":\"\",\"Comment\":\"hello\","
        "\"Created\":\"2026-11-23T16:12:24.5Z\",\"Config\":{\"User\":\"0\",\"ExposedPorts\":"
        "{\"53/udp\":{},\"8080/tcp\":{}},\"Env\":[\"PATH=/bin\",\"A=1\"],\"Entrypoint\":"
        "[\"/bin/busybox\"],\"Cmd\":[\"sleep\",\"1000\"],\"Volumes\":{\"/data\":{}},"
        "\"WorkingDir\":\"/srv\",\"Labels\":{\"k\":\"v\"},\"StopSignal\":\"SIGTERM\"},"
        "\"Version\":\"20.10\",\"Author\":\"me\",\"Architecture\":\"amd64\",\"Os\":\"linux\","
        "\"Size\":2000,\"VirtualSize\":2000,\"GraphDriver\":{\"Name\":\"overlay\",\"Data\":"
        "{\"LowerDir\":\"@ROOT/layers/@BASE/fs\",\"UpperDir\":\"@ROOT/layers/@TOP/fs\"}},"
        "\"RootFS\":{\"Type\":\"layers\",\"Layers\":[\"sha256:@BASE\",\"sha256:@TOP\"]},"
        "\"Labels\":{\"k\":\"v\"},\"Annotations\":{},"
        "\"ManifestType\":\"application/vnd.docker.distribution.manifest.v2+json\",\"User\":\"0\","
        "\"History\":[{\"created\":\"2026-11-23T16:12:23.3Z\",\"created_by\":\"ARG\","
        "\"comment\":\"FROM x\",\"empty_layer\":true},{\"created_by\":\"COPY\"}],"
        "\"NamesHistory\":[\"localhost/tiny:1.2\"],\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],"
        "\"Interval\":5000000000,\"Retries\":2}}",
        fake, &image);
    image_done(&image);
}

/* More steps than layers, and what is no step at all: nothing is read beyond the end. */
static void test_history(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {
        .name = "q.io/a:1",
        .layers = two_layers,
        .extra = "\"history\": [{\"created\": \"2026-11-23T16:12:23Z\", \"created_by\": \"COPY\"}, "
                 "{\"created_by\": \"ENV\", \"empty_layer\": true, \"comment\": \"c\"}, "
                 "{\"created_by\": 7}, {}, \"no step\"],"};
    struct image image;

    fake_store_add(fake, &spec, NULL);
    find(fake, "q.io/a:1", &image);
    check(
        dump(image_history_json(&fake->store, &image)),
        "[{\"id\":\"@ID\",\"created\":\"\",\"CreatedBy\":\"\",\"size\":0,\"Created\":\"\"},"
        "{\"id\":\"<missing>\",\"created\":\"\",\"CreatedBy\":\"\",\"size\":0,\"Created\":\"\"},"
        "{\"id\":\"<missing>\",\"created\":\"\",\"CreatedBy\":\"\",\"size\":1000,\"Created\":\"\"},"
        "{\"id\":\"<missing>\",\"created\":\"\",\"CreatedBy\":\"ENV\",\"size\":0,"
        "\"comment\":\"c\",\"Created\":\"\"},"
        "{\"id\":\"<missing>\",\"created\":\"2026-11-23T16:12:23Z\",\"CreatedBy\":\"COPY\","
        "\"size\":1000,\"Created\":\"2026-11-23T16:12:23Z\"}]",
        fake, &image);
    image_done(&image);
}

static void test_inspect_sparse(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1",
                              .extra = "\"history\": [{\"comment\": \"first\"}],",
                              .annotations = "{\"x\": \"y\"}"};
    struct image image;

    fake_store_add(fake, &spec, NULL);
    find(fake, "q.io/a:1", &image);
    check(dump(image_inspect_json(&fake->store, &image)),
          "{\"Id\":\"@ID\",\"Digest\":\"@MANIFEST\",\"RepoTags\":[\"q.io/a:1\"],"
          "\"RepoDigests\":[\"q.io/a@@MANIFEST\"],\"Parent\":\"\",\"Comment\":\"first\","
          "\"Created\":\"2026-11-23T16:12:24.5Z\",\"Config\":{},\"Version\":\"\",\"Author\":\"\","
          "\"Architecture\":\"amd64\",\"Os\":\"linux\",\"Size\":0,\"VirtualSize\":0,"
          "\"GraphDriver\":{\"Name\":\"overlay\",\"Data\":{}},\"RootFS\":{\"Type\":\"layers\","
          "\"Layers\":[]},\"Labels\":null,\"Annotations\":{\"x\":\"y\"},"
          "\"ManifestType\":\"application/vnd.oci.image.manifest.v1+json\",\"User\":\"\","
          "\"History\":[{\"comment\":\"first\"}],\"NamesHistory\":[\"q.io/a:1\"]}",
          fake, &image);
    image_done(&image);
}

/* Found by one name, shown with all. */
static void test_inspect_has_all_names(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1"};
    struct reference name;
    struct digest manifest;
    struct image image;
    CLEANUP_JSON json_t *json = NULL;

    fake_store_add(fake, &spec, &manifest);
    assert_int_equal(reference_parse("q.io/b:2", &name, NULL), 0);
    assert_int_equal(store_tag(&fake->store, &name, &manifest, NULL, NULL), 0);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), 0);
    json = image_inspect_json(&fake->store, &image);
    assert_int_equal(json_array_size(json_object_get(json, "RepoTags")), 2);
    assert_int_equal(json_array_size(json_object_get(json, "RepoDigests")), 2);
    image_done(&image);
}

static void test_missing_layer_is_a_warning(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = two_layers};
    struct digest top = fake_digest("top");
    char path[STORE_LAYER_PATH_SIZE + 16];
    CLEANUP_JSON json_t *json = NULL;
    struct image image;

    fake_store_add(fake, &spec, NULL);
    (void)snprintf(path, sizeof(path), "layers/%s/layer.json", digest_hex(&top));
    fake_store_write(fake, path, "torn");
    find(fake, "q.io/a:1", &image);
    json = image_list_json(&fake->store, &image, 0);
    assert_int_equal(json_integer_value(json_object_get(json, "Size")), 1000);
    assert_true(fake_store_warned(fake, image.id.text));
    image_done(&image);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_list_dangling),
        TEST(test_created),
        TEST(test_inspect_full),
        TEST(test_history),
        TEST(test_inspect_sparse),
        TEST(test_inspect_has_all_names),
        TEST(test_missing_layer_is_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
