/* test_spec_mounts.c - the list of mounts: the usual ones, and -v, --mount, --tmpfs. */
#include "runtime/life.h"

#include <sys/mount.h>

static const struct plan_mount *find(const struct plan *plan, const char *destination)
{
    for (size_t i = 0; i < plan->mount_count; i++)
        if (strcmp(plan->mounts[i].destination, destination) == 0)
            return &plan->mounts[i];
    return NULL;
}

static char *destinations(const struct plan *plan)
{
    CLEANUP_STRV char **list = NULL;

    for (size_t i = 0; i < plan->mount_count; i++)
        assert_int_equal(strv_append(&list, plan->mounts[i].destination), 0);
    return strv_join(list, " ");
}

static void test_usual_mounts(void **state)
{
    struct mcpd_create_options options = life_options();
    CLEANUP_FREE char *list = NULL;
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    life_build(&options, &life, &plan);
    list = destinations(&plan);
    assert_string_equal(list, "/proc /dev /sys /dev/pts /dev/mqueue /dev/shm /sys/fs/cgroup");
    assert_int_equal(find(&plan, "/sys")->kind, PLAN_MOUNT_SYSFS);
    assert_true(find(&plan, "/sys")->read_only);
    assert_string_equal(find(&plan, "/dev/shm")->data, "mode=1777,size=65536000");
    plan_done(&plan);
}

static void test_read_only(void **state)
{
    struct mcpd_create_options options = life_options();
    CLEANUP_FREE char *list = NULL;
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.read_only = true;
    options.tmpfs = WORDS("/run:size=1m");
    life_build(&options, &life, &plan);
    assert_true(plan.read_only_root);
    list = destinations(&plan);
    assert_string_equal(list, "/proc /dev /sys /run /tmp /dev/pts /dev/mqueue /dev/shm /var/tmp "
                              "/sys/fs/cgroup");
    assert_string_equal(find(&plan, "/run")->data, "size=1m");
    plan_done(&plan);
    options.read_only_tmpfs_off = true;
    life_build(&options, &life, &plan);
    assert_null(find(&plan, "/tmp"));
    plan_done(&plan);
}

static void test_sys_of_a_user_on_the_host_network(void **state)
{
    struct mcpd_create_options options = life_options();
    struct spec_host host = life_host();
    struct mcpd_error err = {0};
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.spec.network = "host";
    host.is_rootless = true;
    assert_int_equal(spec_build(&options, &life.image, &host, &plan, &err), 0);
    assert_int_equal(find(&plan, "/sys")->kind, PLAN_MOUNT_BIND);
    assert_true(find(&plan, "/sys")->recursive);
    assert_false(find(&plan, "/sys")->is_user_volume);
    plan_done(&plan);
}

static void test_volumes(void **state)
{
    struct mcpd_create_options options = life_options();
    const struct plan_mount *mount;
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.spec.volumes = WORDS("/srv//x/:/data/../data", "/etc/my:/cfg:ro,z",
                                 "./rel:/a/b/c:rslave,bind", "/s:/dev/shm:noexec");
    life_build(&options, &life, &plan);
    mount = find(&plan, "/data");
    assert_string_equal(mount->source, "/srv/x");
    assert_true(mount->recursive && mount->is_user_volume && !mount->read_only);
    assert_int_equal(mount->propagation, MS_PRIVATE);
    assert_true(find(&plan, "/cfg")->read_only);
    mount = find(&plan, "/a/b/c");
    assert_string_equal(mount->source, "/home/me/rel");
    assert_int_equal(mount->propagation, MS_SLAVE);
    assert_false(mount->recursive);
    mount = find(&plan, "/dev/shm"); /* in place of the usual one */
    assert_int_equal(mount->kind, PLAN_MOUNT_BIND);
    assert_true(mount->no_exec);
    assert_words(plan.volumes_given, "/srv//x/:/data/../data|/etc/my:/cfg:ro,z|"
                                     "./rel:/a/b/c:rslave,bind|/s:/dev/shm:noexec");
    plan_done(&plan);
}

/* What is mounted deeper comes later, whatever the order of the options. */
static void test_order(void **state)
{
    struct mcpd_create_options options = life_options();
    CLEANUP_FREE char *list = NULL;
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.spec.volumes = WORDS("/1:/a/b/c", "/2:/a/b", "/3:/a");
    life_build(&options, &life, &plan);
    list = destinations(&plan);
    assert_string_equal(list, "/proc /dev /sys /a /dev/pts /dev/mqueue /dev/shm /a/b "
                              "/sys/fs/cgroup /a/b/c");
    plan_done(&plan);
}

static void test_mount_option(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.mounts = WORDS("type=bind,source=/srv,target=/a,readonly",
                           "type=bind,src=sub,dst=/b,ro=false,bind-propagation=rshared",
                           "type=tmpfs,destination=/c,tmpfs-size=1m,tmpfs-mode=700,noexec",
                           "target=/d,type=bind,source=/d,bind-nonrecursive=true",
                           "type=bind,src=/e,dst=/e,rw=False,nosuid=t,dev=0,noexec=F");
    life_build(&options, &life, &plan);
    assert_true(find(&plan, "/e")->read_only && find(&plan, "/e")->no_suid);
    assert_true(find(&plan, "/e")->no_dev && !find(&plan, "/e")->no_exec);
    assert_true(find(&plan, "/a")->read_only);
    assert_string_equal(find(&plan, "/b")->source, "/home/me/sub");
    assert_false(find(&plan, "/b")->read_only);
    assert_int_equal(find(&plan, "/b")->propagation, MS_SHARED);
    assert_string_equal(find(&plan, "/c")->data, "size=1m,mode=700");
    assert_true(find(&plan, "/c")->no_exec);
    assert_false(find(&plan, "/d")->recursive);
    plan_done(&plan);
}

static const struct plan_mount *find_mount(const struct plan *plan, const char *destination)
{
    for (size_t i = 0; i < plan->mount_count; i++)
        if (strcmp(plan->mounts[i].destination, destination) == 0)
            return &plan->mounts[i];
    fail_msg("no mount on %s", destination);
    return NULL;
}

static void test_devices(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *message;
    } bad[] = {
        {"/dev/zero:abc", MCPD_E_INVALID, "invalid device mode: abc"},
        {"/dev/zero:/dev/x:rwm:z", MCPD_E_INVALID,
         "invalid device specification: /dev/zero:/dev/x:rwm:z"},
        {"/dev/zero:/dev/x:r", MCPD_E_UNSUPPORTED,
         "device mode \"r\" cannot be enforced yet: \"rw\" and \"rwm\" can"},
        {"/dev/zero:rr", MCPD_E_INVALID, "invalid device mode: rr"},
        {"/dev/zero:x:rwm", MCPD_E_INVALID, "invalid device mode: x"},
        {"/dev/zero:/dev/x:", MCPD_E_INVALID, "invalid device mode: "},
        {"/dev/zero:", MCPD_E_INVALID, "invalid device mode: "},
        {"x", MCPD_E_NOT_FOUND, "stat x: no such file or directory"},
        {":/x", MCPD_E_NOT_FOUND, "stat : no such file or directory"},
        {"/dev/zero:/proc", MCPD_E_INVALID, "/proc: duplicate mount destination"},
        {"/dev/zero:/", MCPD_E_INVALID, "invalid container path \"/\": it is the root"},
    };
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct mcpd_error err = {0};
    struct plan plan;

    life_image_init(&life);
    options.devices = WORDS("/dev/zero", "/dev/full:/dev/mine:rwm", "/no/such:rw");
    life_build(&options, &life, &plan);
    assert_string_equal(find_mount(&plan, "/dev/zero")->source, "/dev/zero");
    assert_string_equal(find_mount(&plan, "/dev/mine")->source, "/dev/full");
    assert_true(find_mount(&plan, "/dev/mine")->is_device &&
                find_mount(&plan, "/dev/mine")->read_only &&
                !find_mount(&plan, "/dev/mine")->no_dev);
    assert_error(spec_check_sources(&plan, &err), err, MCPD_E_NOT_FOUND,
                 "stat /no/such: no such file or directory");
    plan_done(&plan);
    options.devices = WORDS("/dev/zero:/dev/x", "/dev/full:/dev/x", "/dev/null:rw:r");
    life_build(&options, &life, &plan); /* the last one counts, and the first mode */
    assert_string_equal(find_mount(&plan, "/dev/x")->source, "/dev/full");
    assert_string_equal(find_mount(&plan, "/dev/null")->source, "/dev/null");
    plan_done(&plan);
    options.devices = WORDS("/etc/passwd");
    life_build(&options, &life, &plan);
    assert_error(spec_check_sources(&plan, &err), err, MCPD_E_INVALID,
                 "/etc/passwd is not a valid device: not a device node");
    plan_done(&plan);
    options.devices = WORDS("/etc");
    life_build(&options, &life, &plan);
    assert_error(spec_check_sources(&plan, &err), err, MCPD_E_INVALID,
                 "no devices found in /etc: invalid argument");
    plan_done(&plan);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        options.devices = WORDS(bad[i].text);
        life_refused(&options, bad[i].code, bad[i].message);
    }
}

/* Folders and links are looked at on the host. */
static void test_devices_of_host(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct mcpd_error err = {0};
    struct plan plan;

    life_image_init(&life);
    options.devices = WORDS("/dev:/opt/dev", "/dev/null:/dev/mine");
    life_build(&options, &life, &plan);
    assert_int_equal(spec_check_sources(&plan, &err), 0);
    assert_string_equal(find_mount(&plan, "/opt/dev/full")->source, "/dev/full");
    assert_true(find_mount(&plan, "/opt/dev/full")->is_file);
    assert_true(find_mount(&plan, "/dev/mine")->is_file);
    for (size_t i = 0; i < plan.mount_count; i++) {
        assert_string_not_equal(plan.mounts[i].destination, "/opt/dev");
        assert_false(str_has_prefix(plan.mounts[i].destination, "/opt/dev/pts/"));
    }
    plan_done(&plan);
}

static void test_device_links(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *link = str_format("%s/link", dir->path);
    CLEANUP_FREE char *placed = str_format("%s:/dev/mine", link);
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct mcpd_error err = {0};
    struct plan plan;

    life_image_init(&life);
    assert_int_equal(symlink("/dev/full", link), 0);
    options.devices = WORDS(link, placed);
    life_build(&options, &life, &plan);
    assert_int_equal(spec_check_sources(&plan, &err), 0);
    assert_string_equal(find_mount(&plan, "/dev/full")->source, "/dev/full");
    assert_string_equal(find_mount(&plan, "/dev/mine")->source, "/dev/full");
    plan_done(&plan);
}

static void test_refused_mounts(void **state)
{
    static const struct {
        const char *volume;
        int code;
        const char *text;
    } rows[] = {
        {"named:/data", MCPD_E_UNSUPPORTED,
         "named volumes are not supported yet: \"named\" (a host directory is written with its "
         "absolute path)"},
        {"/data", MCPD_E_UNSUPPORTED, "anonymous volumes are not supported yet: \"/data\""},
        {"/a:b", MCPD_E_INVALID, "invalid container path \"b\", must be an absolute path"},
        {"/a:/", MCPD_E_INVALID, "invalid container path \"/\": it is the root"},
        {":/b", MCPD_E_INVALID, "host directory cannot be empty"},
        {"/a:/b:wrong", MCPD_E_INVALID, "invalid option type \"wrong\""},
        {"/a:/b:U", MCPD_E_UNSUPPORTED, "mount option \"U\" is not supported yet"},
        {"/a:/b:ro:x", MCPD_E_INVALID,
         "/a:/b:ro:x: incorrect volume format, should be [host-dir:]ctr-dir[:option]"},
    };
    struct mcpd_create_options options = life_options();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        options.spec.volumes = WORDS(rows[i].volume);
        life_refused(&options, rows[i].code, rows[i].text);
    }
    options.spec.volumes = WORDS("/a:/x", "/b:/x/");
    life_refused(&options, MCPD_E_INVALID, "/x: duplicate mount destination");
    options = life_options();
    options.mounts = WORDS("type=what,target=/x");
    life_refused(&options, MCPD_E_INVALID, "invalid filesystem type \"what\"");
    options.mounts = WORDS("target=/x,source=v");
    life_refused(&options, MCPD_E_UNSUPPORTED, "mounts of type \"volume\" are not supported yet");
    options.mounts = WORDS("type=bind,source=/x");
    life_refused(&options, MCPD_E_INVALID, "must set volume destination");
    options.mounts = WORDS("type=tmpfs,target=/x,what=1");
    life_refused(&options, MCPD_E_INVALID, "what: invalid mount option");
    options.mounts = WORDS("type=bind,source=/x,target=/x,z=1");
    life_refused(&options, MCPD_E_INVALID, "z: invalid mount option");
    options.mounts = WORDS("type=bind,source=/x,target=/x,U=true");
    life_refused(&options, MCPD_E_UNSUPPORTED, "mount option \"U\" is not supported yet");
    options = life_options();
    options.tmpfs = WORDS("/x:wrong");
    life_refused(&options, MCPD_E_INVALID, "unknown mount option \"wrong\": invalid mount option");
}

static void test_unparsable_values(void **state)
{
    static const char *const bools[] = {"ro",     "readonly", "rw",
                                        "nosuid", "exec",     "bind-nonrecursive"};
    static const char *const bad[] = {"maybe", "", "yes", "2"};
    static const struct {
        const char *key, *value;
    } data[] = {{"size", "99999999999999g"},
                {"size", "99999999999999999999"},
                {"size", "16e"},
                {"size", "-1"},
                {"size", ""},
                {"size", "1x"},
                {"size", "1.5g"},
                {"size", "1mb"},
                {"size", "1001%"},
                {"nr_inodes", "50%"},
                {"nr_inodes", "9999999999999999999k"},
                {"mode", "888"},
                {"mode", "777777"},
                {"mode", ""},
                {"uid", "4294967296"},
                {"gid", "-5"}};
    struct mcpd_create_options options = life_options();
    char text[128];
    char wanted[160];

    for (size_t i = 0; i < ARRAY_SIZE(bools); i++)
        for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
            (void)snprintf(text, sizeof(text), "type=bind,source=/x,target=/x,%s=%s", bools[i],
                           bad[j]);
            (void)snprintf(
                wanted, sizeof(wanted),
                "invalid value \"%s\" for the mount option \"%s\": must be true or false", bad[j],
                bools[i]);
            options.mounts = WORDS(text);
            life_refused(&options, MCPD_E_INVALID, wanted);
        }
    options = life_options();
    for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
        (void)snprintf(text, sizeof(text), "/x:%s=%s", data[i].key, data[i].value);
        (void)snprintf(wanted, sizeof(wanted), "invalid value \"%s\" for the tmpfs option \"%s\"",
                       data[i].value, data[i].key);
        options.tmpfs = WORDS(text);
        life_refused(&options, MCPD_E_INVALID, wanted);
    }
    options = life_options();
    options.mounts = WORDS("type=tmpfs,target=/x,tmpfs-size=99999999999999g");
    life_refused(&options, MCPD_E_INVALID,
                 "invalid value \"99999999999999g\" for the tmpfs option \"size\"");
}

static void test_parsable_values(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.tmpfs = WORDS("/a:size=64M,mode=1777,uid=5,gid=6", "/b:size=50%,nr_inodes=10k",
                          "/c:size=7E,mode=01777", "/d:size=0,huge=never");
    life_build(&options, &life, &plan);
    assert_string_equal(find(&plan, "/a")->data, "size=64M,mode=1777,uid=5,gid=6");
    assert_string_equal(find(&plan, "/b")->data, "size=50%,nr_inodes=10k");
    assert_string_equal(find(&plan, "/c")->data, "size=7E,mode=01777");
    assert_string_equal(find(&plan, "/d")->data, "size=0,huge=never");
    plan_done(&plan);
}

static void test_sources(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_create_options options = life_options();
    struct mcpd_error err = {0};
    struct life_image life;
    char folder[96], file[96];
    struct plan plan;

    put_file(dir->fd, "file", "x");
    (void)snprintf(folder, sizeof(folder), "%s:/d", dir->path);
    (void)snprintf(file, sizeof(file), "%s/file:/f", dir->path);
    life_image_init(&life);
    options.spec.volumes = WORDS(folder, file);
    life_build(&options, &life, &plan);
    assert_int_equal(spec_check_sources(&plan, &err), 0);
    assert_false(find(&plan, "/d")->is_file);
    assert_true(find(&plan, "/f")->is_file);
    plan_done(&plan);
    options.spec.volumes = WORDS("/no/such/host:/x");
    life_build(&options, &life, &plan);
    assert_error(spec_check_sources(&plan, &err), err, MCPD_E_NOT_FOUND,
                 "statfs /no/such/host: no such file or directory");
    plan_done(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_mounts),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_sys_of_a_user_on_the_host_network),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_mount_option),
        cmocka_unit_test(test_unparsable_values),
        cmocka_unit_test(test_parsable_values),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_devices_of_host),
        DIR_TEST(test_device_links),
        cmocka_unit_test(test_refused_mounts),
        DIR_TEST(test_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
