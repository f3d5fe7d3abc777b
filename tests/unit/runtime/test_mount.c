/*
 * test_mount.c - the list of mounts as the container sees it: places that are missing or links,
 * flags, propagation, what a tmpfs starts with, what is masked.
 */
#include "runtime/box.h"

#include <sched.h>

/* The layer's folder, to add to the image. */
static int open_layer(struct box *box)
{
    return box_layer(box, 0);
}

static void share(struct box *box, char path[96])
{
    (void)snprintf(path, 96, "%s/share", box->dir->path);
    assert_int_equal(mkdirat(box->dir->fd, "share", 0755), 0);
    put_file(box->dir->fd, "share/file", "shared\n");
}

static void test_places_are_made(void **state)
{
    struct box box;
    char path[96];
    char file[128];

    NEEDS_ROOT();
    box_init(&box, *state);
    share(&box, path);
    (void)snprintf(file, sizeof(file), "%s/file", path);
    box_mount(&box, PLAN_MOUNT_BIND, path, "/some/new/folder", NULL);
    box_mount(&box, PLAN_MOUNT_BIND, file, "/another/new/file", NULL);
    box_mount(&box, PLAN_MOUNT_TMPFS, NULL, "/third/new", "size=1m");
    assert_says(&box,
                "cat /some/new/folder/file /another/new/file; stat -c %a /some/new /third/new",
                "shared\nshared\n755\n1777\n");
    box_done(&box);
}

static void test_links_stay_inside(void **state)
{
    struct box box;
    char path[96];
    char file[128];
    int layer;

    NEEDS_ROOT();
    box_init(&box, *state);
    share(&box, path);
    (void)snprintf(file, sizeof(file), "%s/file", path);
    layer = open_layer(&box);
    assert_int_equal(symlinkat("../../../../../../../tmp/out", layer, "out"), 0);
    assert_int_equal(symlinkat("/empty/../deep/er/file", layer, "etc/dangling"), 0);
    assert_int_equal(symlinkat("dangling", layer, "etc/twice"), 0);
    assert_int_equal(symlinkat("loop", layer, "etc/loop"), 0);
    close(layer);
    box_mount(&box, PLAN_MOUNT_BIND, path, "/out", NULL);
    box_mount(&box, PLAN_MOUNT_BIND, file, "/etc/twice", NULL);
    assert_says(&box, "cat /tmp/out/file /deep/er/file /etc/twice", "shared\nshared\nshared\n");
    assert_int_equal(access("/tmp/out", F_OK), -1);
    box_mount(&box, PLAN_MOUNT_BIND, file, "/etc/loop", NULL);
    assert_true(box_run(&box, "true") < 0);
    box_done(&box);
}

static void test_flags(void **state)
{
    struct box box;
    struct plan_mount *mount;
    char path[96];

    NEEDS_ROOT();
    box_init(&box, *state);
    box_mount(&box, PLAN_MOUNT_PROC, NULL, "/proc", NULL);
    share(&box, path);
    box_mount(&box, PLAN_MOUNT_BIND, path, "/v", NULL);
    mount = box_last_mount(&box);
    mount->read_only = mount->no_exec = mount->no_suid = mount->no_dev = true;
    assert_says(&box,
                "grep -c ' /v ro,nosuid,nodev,noexec' /proc/self/mountinfo; touch /v/x 2>&1; "
                "grep -c ' / / rw,nodev' /proc/self/mountinfo",
                "1\ntouch: /v/x: Read-only file system\n1\n");
    box_done(&box);
}

/* In a mount namespace of our own, so that the host sees nothing of it. */
static int read_only_below(void *context)
{
    struct box *box = context;
    char path[128];

    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    (void)snprintf(path, sizeof(path), "%s/share/below", box->dir->path);
    CHECK(mkdir(path, 0755) == 0 && mount("tmpfs", path, "tmpfs", 0, NULL) == 0);
    CHECK_SAYS(box, "touch /v/below/x 2>&1; true", "touch: /v/below/x: Read-only file system\n");
    box_last_mount(box)->read_only = false;
    CHECK_SAYS(box, "touch /v/below/x && echo written", "written\n");
    box_last_mount(box)->recursive = false;
    CHECK_SAYS(box, "ls /v/below", ""); /* the mount below is not there */
    return 0;
}

static void test_mounts_below(void **state)
{
    struct box box;
    char path[96];

    NEEDS_ROOT();
    box_init(&box, *state);
    share(&box, path);
    box_mount(&box, PLAN_MOUNT_BIND, path, "/v", NULL);
    box_last_mount(&box)->read_only = true;
    run_child(read_only_below, &box, 0);
    box_done(&box);
}

/* "shared" goes both ways, "slave" one, "private" none. */
static int propagate(void *context)
{
    struct box *box = context;
    static const struct {
        unsigned int propagation;
        const char *seen_outside;
    } rows[] = {{MS_SHARED, "shared:"}, {MS_SLAVE, "master:"}, {MS_PRIVATE, ""}, {0, ""}};
    char path[128];

    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    (void)snprintf(path, sizeof(path), "%s/share", box->dir->path);
    CHECK(mount(path, path, NULL, MS_BIND, NULL) == 0);
    CHECK(mount(NULL, path, NULL, MS_SHARED, NULL) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        box_last_mount(box)->propagation = rows[i].propagation;
        CHECK(box_run(box, "grep ' /v ' /proc/self/mountinfo") == 0);
        if (rows[i].seen_outside[0] != '\0')
            CHECK(strstr(box->output, rows[i].seen_outside) != NULL);
        else
            CHECK(!strstr(box->output, "shared:") && !strstr(box->output, "master:"));
    }
    return 0;
}

static void test_propagation(void **state)
{
    struct box box;
    char path[96];

    NEEDS_ROOT();
    box_init(&box, *state);
    box_mount(&box, PLAN_MOUNT_PROC, NULL, "/proc", NULL);
    share(&box, path);
    box_mount(&box, PLAN_MOUNT_BIND, path, "/v", NULL);
    run_child(propagate, &box, 0);
    box_done(&box);
}

static void test_tmpfs_takes_after_the_image(void **state)
{
    struct box box;
    int layer;

    NEEDS_ROOT();
    box_init(&box, *state);
    layer = open_layer(&box);
    assert_int_equal(mkdirat(layer, "empty/sub", 0711), 0);
    put_file(layer, "empty/sub/file", "from the image\n");
    assert_int_equal(fchmodat(layer, "empty", 0750, 0), 0);
    assert_int_equal(fchownat(layer, "empty", 5, 6, 0), 0);
    close(layer);
    box_mount(&box, PLAN_MOUNT_TMPFS, NULL, "/empty", NULL);
    assert_says(&box, "stat -c '%a %u' /empty; ls /empty", "750 5\n");
    box_last_mount(&box)->copy_up = true;
    assert_says(&box, "stat -c '%a %u' /empty; cat /empty/sub/file; touch /empty/x",
                "750 5\nfrom the image\n");
    box_last_mount(&box)->read_only = true;
    assert_says(&box, "cat /empty/sub/file; touch /empty/x 2>&1; true",
                "from the image\ntouch: /empty/x: Read-only file system\n");
    box_last_mount(&box)->read_only = false;
    box_last_mount(&box)->data = box_text("mode=701,uid=9,size=2m");
    assert_says(&box, "stat -c '%a %u' /empty", "701 9\n");
    box_done(&box);
}

static void test_wrong_options(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    box_mount(&box, PLAN_MOUNT_TMPFS, NULL, "/empty", "size=nonsense");
    assert_true(box_run(&box, "true") < 0);
    assert_non_null(strstr(box.err.message, "mount tmpfs on '/empty'"));
    box_last_mount(&box)->data = box_text("nosuchoption");
    assert_true(box_run(&box, "true") < 0);
    box_done(&box);
}

static void test_folder_over_file(void **state)
{
    struct box box;
    char path[96];

    NEEDS_ROOT();
    box_init(&box, *state);
    share(&box, path);
    box_mount(&box, PLAN_MOUNT_BIND, path, "/tmp/plain", NULL);
    assert_true(box_run(&box, "true") < 0);
    assert_non_null(strstr(box.err.message, "'/tmp/plain': not a directory"));
    box_done(&box);
}

static void test_host_files(void **state)
{
    struct box box;
    char path[96];
    char file[128];

    NEEDS_ROOT();
    box_init(&box, *state);
    share(&box, path);
    (void)snprintf(file, sizeof(file), "%s/file", path);
    assert_says(&box, "cat /etc/hostname; grep -c boxhost /etc/hosts; echo x >/etc/hosts",
                "boxhost\n1\n");
    box_mount(&box, PLAN_MOUNT_BIND, file, "/etc/hosts", NULL);
    assert_says(&box, "cat /etc/hosts", "shared\n");
    box_done(&box);
}

static void test_masked_and_read_only_paths(void **state)
{
    struct box box;
    char *masked[] = {box_text("/tmp/plain"), box_text("/etc"), box_text("/no/such"), NULL};
    char *read_only[] = {box_text("/bin"), box_text("/tmp/plain/no"), NULL};

    NEEDS_ROOT();
    box_init(&box, *state);
    box.plan.masked_paths = masked;
    box.plan.read_only_paths = read_only;
    assert_says(&box,
                "cat /tmp/plain; ls /etc; touch /etc/x 2>&1; touch /bin/x 2>&1; touch /here; true",
                "touch: /etc/x: Read-only file system\ntouch: /bin/x: Read-only file system\n");
    box_done(&box);
}

static void test_read_only_root(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    box.plan.read_only_root = true;
    box_mount(&box, PLAN_MOUNT_TMPFS, NULL, "/new/place", NULL);
    assert_says(&box, "touch /x 2>&1; touch /new/place/x && echo fine",
                "touch: /x: Read-only file system\nfine\n");
    box_done(&box);
}

/* A device node in the image opens nothing. */
static void test_device_in_the_image(void **state)
{
    struct box box;
    int layer;

    NEEDS_ROOT();
    box_init(&box, *state);
    layer = open_layer(&box);
    assert_int_equal(mknodat(layer, "zero", S_IFCHR | 0666, (1 << 8) | 5), 0);
    close(layer);
    assert_says(&box, "head -c 1 /zero 2>&1; true", "head: /zero: Permission denied\n");
    box_done(&box);
}

/* Changes stay in upper/, unless they are thrown away; the second start finds them. */
static void test_second_start(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    for (int i = 0; i < 2; i++) {
        box.plan.volatile_upper = i == 1;
        assert_says(&box, "cat /made 2>/dev/null; echo more >>/made; true", i == 0 ? "" : "more\n");
    }
    box.plan.volatile_upper = true;
    assert_says(&box, "cat /made", "more\nmore\n");
    box.plan.volatile_upper = false;
    assert_says(&box, "cat /made", "more\nmore\n");
    box_done(&box);
}

/* As when we run inside a container of another engine. */
static int run_on_overlay(void *context)
{
    struct box *box = context;
    char text[512];
    char path[128];
    struct mcpd_error err = {0};

    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    CHECK(mkdirat(box->dir->fd, "u", 0755) == 0 && mkdirat(box->dir->fd, "w", 0755) == 0);
    (void)snprintf(text, sizeof(text), "lowerdir=%s/container,upperdir=%s/u,workdir=%s/w",
                   box->dir->path, box->dir->path, box->dir->path);
    (void)snprintf(path, sizeof(path), "%s/container", box->dir->path);
    CHECK(mount("overlay", path, "overlay", 0, text) == 0);
    cleanup_close_fd(&box->container_fd);
    CHECK(fs_open_dir(AT_FDCWD, path, &box->container_fd, &err) == 0);
    CHECK(box_run(box, "true") == -MCPD_E_UNSUPPORTED);
    CHECK(strstr(box->err.message, "the store is on an overlay itself") != NULL);
    return 0;
}

static void test_store_on_an_overlay(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    box.plan.root_driver = strdup(ROOT_DRIVER_OVERLAY); /* or it becomes a copy */
    assert_non_null(box.plan.root_driver);
    run_child(run_on_overlay, &box, 0);
    free(box.plan.root_driver);
    box_done(&box);
}

static void test_empty_image(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    box.plan.layer_count = 0;
    box_mount(&box, PLAN_MOUNT_BIND, BUSYBOX, "/bin/sh", NULL);
    assert_says(&box, "echo from nothing", "from nothing\n");
    box_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_places_are_made), DIR_TEST(test_links_stay_inside),
        DIR_TEST(test_flags),           DIR_TEST(test_mounts_below),
        DIR_TEST(test_propagation),     DIR_TEST(test_tmpfs_takes_after_the_image),
        DIR_TEST(test_wrong_options),   DIR_TEST(test_folder_over_file),
        DIR_TEST(test_host_files),      DIR_TEST(test_masked_and_read_only_paths),
        DIR_TEST(test_read_only_root),  DIR_TEST(test_device_in_the_image),
        DIR_TEST(test_second_start),    DIR_TEST(test_store_on_an_overlay),
        DIR_TEST(test_empty_image),
    };

    return cmocka_run_group_tests_name("mount", tests, NULL, NULL);
}
