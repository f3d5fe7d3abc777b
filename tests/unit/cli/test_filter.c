/* test_filter.c - ps --filter and images --filter. */
#include "cli/cli_test.h"

#include "base/str.h"
#include "cli/filter.h"

static const char containers_text[] =
    "[{'Id': 'aa11aa11aa11aa11', 'Names': ['web'], 'State': 'running', 'ExitCode': 0,"
    "  'Image': 'docker.io/library/busybox:latest', 'ImageID': 'ff00ff00ff00ff00', 'Created': 5,"
    "  'Labels': {'app': 'web', 'tier': 'front'}, 'Networks': ['podman'], 'Mounts': ['/data'],"
    "  'MountPoints': [{'Source': '/srv', 'Destination': '/data'}],"
    "  'Status': 'Up 5 seconds ago (healthy)'},"
    " {'Id': 'bb22bb22bb22bb22', 'Names': ['web-old'], 'State': 'exited', 'ExitCode': 3,"
    "  'Image': 'localhost:5000/tiny:1.2', 'ImageID': 'ee00ee00ee00ee00', 'Created': 5,"
    "  'Labels': null, 'Networks': [], 'Mounts': [], 'Status': 'Exited (3) 2 seconds ago'},"
    " {'Id': 'cc33cc33cc33cc33', 'Names': ['db'], 'State': 'created', 'ExitCode': 0,"
    "  'Image': 'localhost/db:2', 'ImageID': 'dd00dd00dd00dd00', 'Created': 9,"
    "  'Labels': {'app': 'db'}, 'Networks': [], 'Mounts': ['/var/lib/db'],"
    "  'MountPoints': [{'Name': 'vol', 'Source': '/v/vol', 'Destination': '/var/lib/db'}],"
    "  'Status': 'Created'}]";

static const char images_text[] =
    "[{'Id': 'aa11', 'Names': ['docker.io/library/busybox:latest', 'localhost/bb:1'], 'Created': "
    "30,"
    "  'Labels': {'v': '1'}},"
    " {'Id': 'bb22', 'Names': ['localhost:5000/team/tiny:1.2'], 'Created': 20, 'Labels': null},"
    " {'Id': 'cc33', 'Names': [], 'Created': 10}]";

typedef int (*filter_function)(json_t *, const char *const *, json_t **, struct mcpd_error *);

/* Filters are separated by blanks; the wanted ids are given by their first letters. */
static void check(filter_function filter, const char *documents_text, const char *line,
                  const char *wanted)
{
    CLEANUP_JSON json_t *documents = json_of(documents_text);
    CLEANUP_JSON json_t *passed = NULL;
    CLEANUP_STRV char **filters = strv_split(line, ' ');
    char letters[8] = "";
    struct mcpd_error err = {0};

    if (filter(documents, (const char *const *)filters, &passed, &err) < 0)
        fail_msg("%s: %s", line, err.message);
    for (size_t i = 0; i < json_array_size(passed); i++)
        letters[i] = json_string_value(json_object_get(json_array_get(passed, i), "Id"))[0];
    if (strcmp(letters, wanted) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", line, letters, wanted);
}

static void refuse(filter_function filter, const char *documents_text, const char *line, int code,
                   const char *message)
{
    CLEANUP_JSON json_t *documents = json_of(documents_text);
    const char *const filters[] = {line, NULL};
    json_t *passed = NULL;
    struct mcpd_error err = {0};

    assert_error(filter(documents, filters, &passed, &err), err, code, message);
    assert_null(passed);
}

static void containers(const char *line, const char *wanted)
{
    check(filter_containers, containers_text, line, wanted);
}

static void images(const char *line, const char *wanted)
{
    check(filter_images, images_text, line, wanted);
}

static void test_no_filter(void **state)
{
    CLEANUP_JSON json_t *documents = json_of(containers_text);
    CLEANUP_JSON json_t *passed = NULL;

    assert_int_equal(filter_containers(documents, NULL, &passed, NULL), 0);
    assert_int_equal(json_array_size(passed), 3);
}

static void test_containers(void **state)
{
    containers("name=web", "ab");
    containers("name=^web$", "a");
    containers("name=web name=db", "abc");
    containers("id=bb22", "b");
    containers("id=sha256:x", "");
    containers("id=^c", "c");
    containers("status=exited", "b");
    containers("status=stopped", "b");
    containers("status=exited status=created", "bc");
    containers("status=running name=old", "");
    containers("exited=3", "b");
    containers("exited=0", "");
    containers("network=podman", "a");
    containers("volume=/data", "a");
    containers("volume=/srv", "a");
    containers("volume=/srv:/data", "a");
    containers("volume=/srv:/other", "");
    containers("volume=/srv volume=vol", "ac");
    containers("volume=vol:/var/lib/db", "c");
    containers("volume=", "");
    containers("until=7", "ab");
    containers("until=1h", "abc");
    containers("health=healthy", "a");
}

static void test_labels(void **state)
{
    containers("label=app", "ac");
    containers("label=app=web", "a");
    containers("label=app label=tier", "a");
    containers("label=app=web label=app=db", "");
    containers("label!=app", "b");
    containers("label!=app=web", "bc");
}

static void test_ancestor(void **state)
{
    containers("ancestor=busybox", "a");
    containers("ancestor=docker.io/library/busybox:latest", "a");
    containers("ancestor=localhost:5000/tiny:1.2", "b");
    containers("ancestor=tiny:1.2", "b");
    containers("ancestor=tiny", "");
    containers("ancestor=ff00ff00ff00", "a");
    containers("ancestor=busy", "");
}

static void test_before_and_since(void **state)
{
    containers("before=web-old", "a");
    containers("since=web-old", "c");
    containers("since=aa11", "bc");
    containers("before=web", "");
    refuse(filter_containers, containers_text, "before=nosuch", MCPD_E_NOT_FOUND,
           "no container with name or ID \"nosuch\" found: no such container");
}

static void test_bad_container_filters(void **state)
{
    refuse(filter_containers, containers_text, "foo=bar", MCPD_E_INVALID,
           "foo is an invalid filter");
    refuse(filter_containers, containers_text, "until=x", MCPD_E_INVALID,
           "failed to parse value as time or duration: \"x\"");
    refuse(filter_containers, containers_text, "bogus", MCPD_E_INVALID, "invalid filter \"bogus\"");
    refuse(filter_containers, containers_text, "status=foo", MCPD_E_INVALID,
           "unknown container state: foo: invalid argument");
    refuse(filter_containers, containers_text, "exited=x", MCPD_E_INVALID,
           "exited code out of range \"x\": invalid argument");
    refuse(filter_containers, containers_text, "name=(", MCPD_E_INVALID,
           "filter name: \"(\" is not a regular expression");
}

static void test_images(void **state)
{
    images("reference=busybox", "a");
    images("reference=busybox:latest", "a");
    images("reference=docker.io/library/busybox", "a");
    images("reference=library/busybox:latest", "a");
    images("reference=busy*", "a");
    images("reference=*", "ab");
    images("reference=localhost:5000/team/*", "b");
    images("reference=busybox:1", "");
    images("reference=library", "");
    images("dangling=true", "c");
    images("dangling=false", "ab");
    images("label=v", "a");
    images("label=v=2", "");
    images("before=busybox", "bc");
    images("since=cc33", "ab");
    images("id=bb", "b");
    images("reference=bb reference=tiny", "ab");
    refuse(filter_images, images_text, "dangling=maybe", MCPD_E_INVALID,
           "non-boolean value \"maybe\" for dangling filter");
    refuse(filter_images, images_text, "since=nosuch", MCPD_E_NOT_FOUND,
           "could not find local image for filter filter \"since\"=\"nosuch\": nosuch: image not "
           "known");
    refuse(filter_images, images_text, "status=x", MCPD_E_INVALID,
           "unsupported image filter \"status\"");
    refuse(filter_images, images_text, "dangling", MCPD_E_INVALID,
           "invalid image filter \"dangling\": must be in the format \"filter=value or "
           "filter!=value\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_filter),        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_labels),           cmocka_unit_test(test_ancestor),
        cmocka_unit_test(test_before_and_since), cmocka_unit_test(test_bad_container_filters),
        cmocka_unit_test(test_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
