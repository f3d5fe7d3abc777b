/* test_view.c - containers and images as people read them. */
#include "cli/cli_test.h"

#include "cli/view.h"

static const char container_text[] =
    "{'Id': 'bb19fe1fbb873afa3aa9b3d82ef5c3a25901c564a9ea392e2dfba2f34ed27a4c', 'Names': ['web'],"
    " 'ImageID': '205d1e849917dc8c3b2ee37fda46c63eb6a3a1c1e17fc79ff0dbf35d7c0d15ee',"
    " 'Command': ['sh', '-c', 'while true; do x; done'], 'Created': 1795450482,"
    " 'Networks': ['a', 'b'], 'Status': 'Up 5 seconds ago', 'Labels': {'a': '1'},"
    " 'Ports': [{'host_ip': '', 'container_port': 8080, 'host_port': 18080, 'range': 1, "
    "'protocol': 'tcp'},"
    "  {'host_ip': '127.0.0.1', 'container_port': 9000, 'host_port': 18100, 'range': 2, "
    "'protocol': 'udp'}]}";

static void test_container(void **state)
{
    CLEANUP_JSON json_t *container = json_of(container_text);
    CLEANUP_JSON json_t *view = view_container(container, false);

    assert_string_equal(view_text(view, "ID"), "bb19fe1fbb87");
    assert_string_equal(view_text(view, "ImageID"), "205d1e849917");
    assert_string_equal(view_text(view, "Command"), "sh -c while true;...");
    assert_string_equal(view_text(view, "Names"), "web");
    assert_string_equal(view_text(view, "Networks"), "a,b");
    assert_string_equal(view_text(view, "Ports"),
                        "0.0.0.0:18080->8080/tcp, 127.0.0.1:18100-18101->9000-9001/udp");
    assert_string_equal(view_text(view, "CreatedAt"), "2026-11-23 16:14:42 +0000 UTC");
    assert_contains(view_text(view, "RunningFor"), " ago");
    assert_string_equal(view_text(view, "Status"), "Up 5 seconds ago");
    assert_true(json_is_array(json_object_get(container, "Command"))); /* untouched */
}

static void test_exact_time_of_a_container(void **state)
{
    CLEANUP_JSON json_t *container = json_of(
        "{'Id': 'ab', 'Created': 1795450482, 'CreatedTime': '2026-11-23T16:14:42.40130028Z'}");
    CLEANUP_JSON json_t *view = view_container(container, false);

    assert_string_equal(view_text(view, "Created"), "2026-11-23T16:14:42.40130028Z");
    assert_string_equal(view_text(view, "CreatedAt"), "2026-11-23 16:14:42.40130028 +0000 UTC");
}

static void test_container_in_full(void **state)
{
    CLEANUP_JSON json_t *container = json_of(container_text);
    CLEANUP_JSON json_t *view = view_container(container, true);

    assert_string_equal(view_text(view, "ID"), view_text(container, "Id"));
    assert_string_equal(view_text(view, "Command"), "sh -c while true; do x; done");
}

static void test_sparse_container(void **state)
{
    CLEANUP_JSON json_t *container = json_of("{'Id': 'ab', 'Command': null, 'Ports': null}");
    CLEANUP_JSON json_t *view = view_container(container, false);

    assert_string_equal(view_text(view, "ID"), "ab");
    assert_string_equal(view_text(view, "Command"), "");
    assert_string_equal(view_text(view, "Ports"), "");
    assert_string_equal(view_text(view, "Names"), "");
}

static void test_command_is_cut_between_characters(void **state)
{
    CLEANUP_JSON json_t *container =
        json_of("{'Id': 'ab', 'Command': ['0123456789012345\xc3\xa4xyz']}");
    CLEANUP_JSON json_t *view = view_container(container, false);

    assert_string_equal(view_text(view, "Command"), "0123456789012345...");
}

static void check_name(const char *name, const char *repository, const char *tag)
{
    CLEANUP_JSON json_t *image = json_pack("{s:s, s:i, s:i, s:[s]}", "Id", "0123456789abcdef",
                                           "Size", 1988765, "Created", 1795450344, "Names", name);
    CLEANUP_JSON json_t *views = view_image(image, false);
    const json_t *view = json_array_get(views, 0);

    assert_int_equal(json_array_size(views), 1);
    assert_string_equal(view_text(view, "Repository"), repository);
    assert_string_equal(view_text(view, "Tag"), tag);
    assert_string_equal(view_text(view, "ID"), "0123456789ab");
    assert_string_equal(view_text(view, "Size"), "1.99 MB");
    assert_string_equal(view_text(view, "CreatedAt"), "2026-11-23 16:12:24 +0000 UTC");
}

static void test_image_names(void **state)
{
    check_name("localhost/tiny:1.2", "localhost/tiny", "1.2");
    check_name("localhost:5000/tiny", "localhost:5000/tiny", "<none>");
    check_name("localhost:5000/a/tiny:x", "localhost:5000/a/tiny", "x");
    check_name("a/b@sha256:00", "a/b", "<none>");
    check_name("a/b:t@sha256:00", "a/b", "t");
}

static void test_images(void **state)
{
    CLEANUP_JSON json_t *named = json_of("{'Id': 'ab', 'Names': ['a:1', 'b:2']}");
    CLEANUP_JSON json_t *dangling = json_of("{'Id': 'ab', 'Names': null}");
    CLEANUP_JSON json_t *pulled = json_of("{'Id': 'ab', 'Names': ['a@sha256:00', 'b:1']}");
    CLEANUP_JSON json_t *bare = json_of("{'Id': 'ab', 'Names': ['a@sha256:00', 'b@sha256:00']}");
    CLEANUP_JSON json_t *two = view_image(named, true);
    CLEANUP_JSON json_t *digest = view_image(pulled, false);
    CLEANUP_JSON json_t *digests = view_image(bare, false);
    CLEANUP_JSON json_t *one = view_image(dangling, false);

    assert_int_equal(json_array_size(two), 2);
    assert_string_equal(view_text(json_array_get(two, 1), "Repository"), "b");
    assert_string_equal(view_text(json_array_get(two, 0), "ID"), "sha256:ab");
    assert_int_equal(json_array_size(digest), 1);
    assert_string_equal(view_text(json_array_get(digest, 0), "Tag"), "1");
    assert_int_equal(json_array_size(digests), 1);
    assert_string_equal(view_text(json_array_get(digests, 0), "Repository"), "a");
    assert_string_equal(view_text(json_array_get(digests, 0), "Tag"), "<none>");
    assert_int_equal(json_array_size(one), 1);
    assert_string_equal(view_text(json_array_get(one, 0), "Repository"), "<none>");
    assert_string_equal(view_text(json_array_get(one, 0), "Tag"), "<none>");
}

static void check_order(json_t *sorted, const char *wanted)
{
    char order[8] = "";

    for (size_t i = 0; i < json_array_size(sorted); i++)
        order[i] = view_text(json_array_get(sorted, i), "k")[0];
    assert_string_equal(order, wanted);
}

static void test_sorting(void **state)
{
    CLEANUP_JSON json_t *array =
        json_of("[{'k': 'a', 'n': 2, 's': 'y'}, {'k': 'b', 'n': 1, 's': 'z'},"
                " {'k': 'c', 'n': 2, 's': 'x'}, {'k': 'd', 'n': 3}]");
    CLEANUP_JSON json_t *up = view_sorted(array, "n", false);
    CLEANUP_JSON json_t *down = view_sorted(array, "n", true);
    CLEANUP_JSON json_t *text = view_sorted(array, "s", false);

    check_order(up, "bacd");
    check_order(down, "dacb");
    check_order(text, "dcab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_exact_time_of_a_container),
        cmocka_unit_test(test_container_in_full),
        cmocka_unit_test(test_sparse_container),
        cmocka_unit_test(test_command_is_cut_between_characters),
        cmocka_unit_test(test_image_names),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_sorting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
