/* test_unpack_policy.c - names, types, numbers: what an entry may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/unpack_policy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct unpack_rules root_rules;
static const struct unpack_rules userns_rules = {.is_in_userns = true};

static int decide(const struct unpack_rules *rules, const struct unpack_entry *entry,
                  struct unpack_decision *decision)
{
    struct mcpd_error error = {0};
    int rc = unpack_policy_decide(rules, entry, decision, &error);

    if (rc < 0) {
        assert_int_equal(rc, -error.code);
        assert_true(error.message[0] != '\0');
    }
    return rc;
}

static int decide_path(const char *path, struct unpack_decision *decision)
{
    const struct unpack_entry entry = {.type = UNPACK_TYPE_FILE, .path = path, .mode = 0644};

    return decide(&root_rules, &entry, decision);
}

static void test_good_names(void **state)
{
    static const struct {
        const char *path;
        const char *clean;
    } cases[] = {
        {"a", "a"},           {"./a", "a"},           {"/a", "a"},
        {"//a///b//", "a/b"}, {"././a/./b/.", "a/b"}, {"a/../b", "b"},
        {"a/b/../../c", "c"}, {"a/b/../c", "a/c"},    {"..a/b..", "..a/b.."},
        {"...", "..."},       {"a b\nc", "a b\nc"},   {"\xff\xfe", "\xff\xfe"},
        {"wh.x", "wh.x"},     {"x.wh.y", "x.wh.y"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct unpack_decision decision = {0};

        assert_int_equal(decide_path(cases[i].path, &decision), 0);
        assert_int_equal(decision.action, UNPACK_ACTION_FILE);
        assert_string_equal(decision.path, cases[i].clean);
    }
}

static void test_bad_names(void **state)
{
    static const char *const paths[] = {
        "",          "..",       "../a",   "/..",     "/../a",       "a/../..",
        "a/../../b", "./..",     ".wh.",   ".wh..",   ".wh...",      "a/.wh.",
        "a/.wh..",   "a/.wh...", ".wh./x", ".wh.a/b", "x/.wh.a/b/c", ".wh../x",
        "/",         ".",        "./",     "a/..",
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct unpack_decision decision = {0};

        if (decide_path(paths[i], &decision) != -MCPD_E_CORRUPT)
            fail_msg("'%s' was taken", paths[i]);
    }
}

static void test_root(void **state)
{
    static const char *const paths[] = {"/", ".", "./", "a/.."};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        const struct unpack_entry entry = {.type = UNPACK_TYPE_DIR, .path = paths[i], .mode = 0755};
        struct unpack_decision decision = {0};

        assert_int_equal(decide(&root_rules, &entry, &decision), 0);
        assert_int_equal(decision.action, UNPACK_ACTION_DIR);
        assert_string_equal(decision.path, "");
    }
}

static void test_long_names(void **state)
{
    static char path[10000];
    struct unpack_decision decision = {0};

    memset(path, 'n', 255);
    path[255] = '\0';
    assert_int_equal(decide_path(path, &decision), 0);
    path[255] = 'n';
    path[256] = '\0';
    assert_int_equal(decide_path(path, &decision), -MCPD_E_LIMIT);
    for (size_t i = 0; i < 9000; i++)
        path[i] = i % 200 == 199 ? '/' : 'n';
    path[9000] = '\0';
    assert_int_equal(decide_path(path, &decision), -MCPD_E_LIMIT);
    path[4000] = '\0';
    assert_int_equal(decide_path(path, &decision), 0);
    for (size_t i = 0; i < 2 * (UNPACK_MAX_DEPTH + 2); i += 2)
        memcpy(path + i, "d/", 3);
    assert_int_equal(decide_path(path, &decision), -MCPD_E_LIMIT);
    path[2 * UNPACK_MAX_DEPTH] = '\0';
    assert_int_equal(decide_path(path, &decision), 0);
}

static void test_whiteouts(void **state)
{
    static const struct {
        const char *path;
        enum unpack_action action;
        const char *about;
    } cases[] = {
        {".wh.a", UNPACK_ACTION_WHITEOUT, "a"},
        {"./x/.wh.a", UNPACK_ACTION_WHITEOUT, "x/a"},
        {"x/.wh.a/", UNPACK_ACTION_WHITEOUT, "x/a"},
        {"x/.wh..a", UNPACK_ACTION_WHITEOUT, "x/.a"},
        {"x/.wh....", UNPACK_ACTION_WHITEOUT, "x/..."},
        {"y/../x/.wh.a", UNPACK_ACTION_WHITEOUT, "x/a"},
        {".wh..wh..opq", UNPACK_ACTION_OPAQUE, ""},
        {"x/y/.wh..wh..opq", UNPACK_ACTION_OPAQUE, "x/y"},
        {".wh..wh.aufs", UNPACK_ACTION_SKIP, ".wh..wh.aufs"},
        {".wh..wh.plnk/12.34", UNPACK_ACTION_SKIP, ".wh..wh.plnk/12.34"},
        {"x/.wh..wh.orph/", UNPACK_ACTION_SKIP, "x/.wh..wh.orph"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (int type = UNPACK_TYPE_FILE; type <= UNPACK_TYPE_OTHER; type++) {
            const struct unpack_entry entry = {
                .type = (enum unpack_type)type, .path = cases[i].path, .uid = -5, /* nobody asks */
            };
            struct unpack_decision decision = {0};

            assert_int_equal(decide(&root_rules, &entry, &decision), 0);
            assert_int_equal(decision.action, cases[i].action);
            assert_string_equal(decision.path, cases[i].about);
        }
}

static void test_links(void **state)
{
    static char target[5000];
    struct unpack_entry entry = {.type = UNPACK_TYPE_SYMLINK, .path = "a", .target = "../../x"};
    struct unpack_decision decision = {0};

    assert_int_equal(decide(&root_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_SYMLINK);
    assert_string_equal(decision.target, "../../x");
    entry.target = "";
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.target = NULL;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    memset(target, 'x', sizeof(target) - 1);
    entry.target = target;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_LIMIT);
    entry.type = UNPACK_TYPE_HARDLINK;
    entry.target = "/x/./y/../z";
    assert_int_equal(decide(&root_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_HARDLINK);
    assert_string_equal(decision.target, "x/z");
    entry.target = "../x";
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.target = "x/../../y";
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.target = "/";
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
}

static void test_nodes(void **state)
{
    struct unpack_entry entry = {
        .type = UNPACK_TYPE_CHAR,
        .path = "null",
        .mode = 0666,
        .device_major = 1,
        .device_minor = 3,
    };
    struct unpack_decision decision = {0};

    assert_int_equal(decide(&root_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_NODE);
    assert_int_equal(decision.mode, S_IFCHR | 0666);
    assert_true(decision.device == makedev(1, 3));
    assert_int_equal(decide(&userns_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_SKIP);
    entry.device_major = 1 << 20;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.device_major = -1;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    /* overlayfs' own whiteout, also where devices cannot be made. */
    entry.device_major = entry.device_minor = 0;
    assert_int_equal(decide(&userns_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_WHITEOUT);
    entry.type = UNPACK_TYPE_BLOCK;
    assert_int_equal(decide(&root_rules, &entry, &decision), 0);
    assert_int_equal(decision.mode, S_IFBLK | 0666);
    entry.type = UNPACK_TYPE_FIFO;
    assert_int_equal(decide(&userns_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_NODE);
    assert_int_equal(decision.mode, S_IFIFO | 0666);
    entry.type = UNPACK_TYPE_OTHER;
    assert_int_equal(decide(&root_rules, &entry, &decision), 0);
    assert_int_equal(decision.action, UNPACK_ACTION_SKIP);
}

static void test_numbers(void **state)
{
    struct unpack_entry entry = {
        .type = UNPACK_TYPE_FILE,
        .path = "f",
        .mode = 0104755,
        .uid = 4294967294,
        .gid = 3000000,
        .size = 5,
        .mtime_s = -1,
        .mtime_ns = 999999999,
    };
    struct unpack_decision decision = {0};

    assert_int_equal(decide(&root_rules, &entry, &decision), 0);
    assert_int_equal(decision.mode, 04755);
    assert_true(decision.uid == 4294967294u && decision.gid == 3000000u);
    assert_int_equal(decision.size, 5);
    assert_true(decision.mtime.tv_sec == -1 && decision.mtime.tv_nsec == 999999999);
    entry.uid = 4294967295;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.uid = -1;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.uid = 0;
    entry.gid = 1ll << 40;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
    entry.gid = 0;
    entry.size = -1;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_LIMIT);
    entry.size = UNPACK_MAX_FILE_BYTES + 1;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_LIMIT);
    entry.size = 0;
    entry.mtime_ns = 1000000000;
    assert_int_equal(decide(&root_rules, &entry, &decision), -MCPD_E_CORRUPT);
}

static void test_xattrs(void **state)
{
    static const char *const good[] = {"user.x", "user.overlayx", "security.capability"};
    static const char *const bad[] = {
        "user.overlay.opaque", "trusted.overlay.redirect", "trusted.x",    "security.selinux",
        "security.ima",        "system.posix_acl_access",  "security.evm", "",
    };

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(unpack_policy_allows_xattr(good[i], 10));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(unpack_policy_allows_xattr(bad[i], 10));
    assert_false(unpack_policy_allows_xattr("user.x", UNPACK_MAX_XATTR_SIZE + 1));
}

static void test_show(void **state)
{
    char buffer[12];

    unpack_policy_show("a\x1b[31m\nb", buffer, sizeof(buffer));
    assert_string_equal(buffer, "a?[31m?b");
    unpack_policy_show("0123456789abcdef", buffer, sizeof(buffer));
    assert_string_equal(buffer, "01234567...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names), cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_root),       cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_whiteouts),  cmocka_unit_test(test_links),
        cmocka_unit_test(test_nodes),      cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_xattrs),     cmocka_unit_test(test_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
