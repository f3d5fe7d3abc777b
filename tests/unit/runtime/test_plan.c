/* test_plan.c - spec.json: what goes out comes back. */
#include "runtime/life.h"

#include "base/jsonx.h"

/* Every member that can be set by an option is. */
static void build_full(struct plan *ret_plan)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;

    life_image_init(&life);
    options.spec.name = "svc";
    options.spec.network = "host";
    options.spec.user = "app:users";
    options.spec.restart = "on-failure:3";
    options.spec.volumes = WORDS("/srv:/data:ro,rslave", "/etc:/cfg:nosuid,nodev,noexec,bind");
    options.spec.cmd = WORDS("sleep", "600");
    options.spec.env = WORDS("K=a b\n=c", "E=");
    options.tmpfs = WORDS("/scratch:size=1m,mode=700");
    options.labels = WORDS("l=1", "m=");
    options.annotations = WORDS("a=b=c");
    options.add_hosts = WORDS("db:10.0.0.1");
    options.group_add = WORDS("wheel", "12");
    options.cap_add = WORDS("net_admin");
    options.security_options = WORDS("seccomp=unconfined", "no-new-privileges");
    options.ulimits = WORDS("nofile=1:2", "core=unlimited");
    options.memory = "64m";
    options.cpus = "0.5";
    options.pids_limit = "99";
    options.umask = "077";
    options.stop_signal = "INT";
    options.stop_timeout_s = 3;
    options.read_only = options.init = options.tty = options.interactive = true;
    options.log_driver = "none";
    options.create_command = WORDS("mcpd", "run");
    life_build(&options, &life, ret_plan);
    ret_plan->log_max_bytes = 12345;
    ret_plan->log_max_files = 7;
    ret_plan->process.requires_working_dir = true;
    ret_plan->image_volumes = strv_split("/a|/b", '|');
    ret_plan->log_path = strdup("/logs/x");
    ret_plan->log_tag = strdup("tag");
    ret_plan->mounts[0].is_file = true;
    ret_plan->mounts[0].is_device = true;
}

static void test_round_trip(void **state)
{
    CLEANUP_JSON json_t *first = NULL;
    CLEANUP_JSON json_t *second = NULL;
    struct mcpd_error err = {0};
    struct plan plan;
    struct plan copy;

    build_full(&plan);
    first = plan_to_json(&plan);
    assert_non_null(first);
    if (plan_from_json(first, &copy, &err) < 0)
        fail_msg("%s", err.message);
    second = plan_to_json(&copy);
    assert_true(json_equal(first, second));
    assert_int_equal(copy.mount_count, plan.mount_count);
    for (size_t i = 0; i < plan.mount_count; i++) {
        const struct plan_mount *a = &plan.mounts[i];
        const struct plan_mount *b = &copy.mounts[i];

        assert_int_equal(a->kind, b->kind);
        assert_true(str_equal(a->source, b->source) && str_equal(a->data, b->data));
        assert_true(a->read_only == b->read_only && a->recursive == b->recursive &&
                    a->no_suid == b->no_suid && a->no_dev == b->no_dev &&
                    a->no_exec == b->no_exec && a->is_file == b->is_file &&
                    a->is_user_volume == b->is_user_volume && a->is_device == b->is_device);
        if (a->kind == PLAN_MOUNT_BIND && a->propagation != 0)
            assert_int_equal(a->propagation, b->propagation);
    }
    assert_true(plan.process.capabilities == copy.process.capabilities);
    assert_true(copy.process.rlimits[1].hard == UINT64_MAX);
    assert_int_equal(copy.network, PLAN_NETWORK_HOST);
    assert_int_equal(copy.pid, PLAN_NAMESPACE_PRIVATE);
    assert_int_equal(copy.layer_count, 2);
    assert_true(copy.created_unix_ns == plan.created_unix_ns);
    assert_words(copy.process.env + 4, "K=a b\n=c|E=");
    plan_done(&plan);
    plan_done(&copy);
}

static void test_oci_shape(void **state)
{
    CLEANUP_JSON json_t *json = NULL;
    struct plan plan;
    json_t *process;

    build_full(&plan);
    json = plan_to_json(&plan);
    process = json_object_get(json, "process");
    assert_true(json_is_true(json_object_get(process, "terminal")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(process, "args"), 0)),
                        "sleep");
    assert_true(json_is_true(json_object_get(json_object_get(json, "root"), "readonly")));
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "linux"), "namespaces")),
                     5);
    assert_string_equal(json_string_value(json_object_get(json, "ociVersion")), "1.0.2");
    plan_done(&plan);
}

static void refuse(const char *path, const char *member, json_t *value)
{
    CLEANUP_JSON json_t *json = NULL;
    struct mcpd_error err = {0};
    struct plan plan;
    struct plan copy;
    json_t *section;

    build_full(&plan);
    json = plan_to_json(&plan);
    section = *path ? json_object_get(json, path) : json;
    if (value)
        assert_int_equal(json_object_set_new(section, member, value), 0);
    else
        assert_int_equal(json_object_del(section, member), 0);
    assert_code(plan_from_json(json, &copy, &err), MCPD_E_CORRUPT);
    plan_done(&plan);
}

static void test_damage(void **state)
{
    refuse("", "process", NULL);
    refuse("", "mcpd", json_true());
    refuse("", "mounts", json_string("x"));
    refuse("", "mounts", json_pack("[{s:s}]", "type", "what"));
    refuse("", "mounts", json_pack("[{s:s}]", "type", "tmpfs"));
    refuse("", "mounts", json_pack("[{s:s, s:s}]", "type", "bind", "destination", "/x"));
    refuse("process", "args", NULL);
    refuse("process", "args", json_pack("[i]", 1));
    refuse("process", "rlimits", json_pack("[{s:s}]", "type", "RLIMIT_WHAT"));
    refuse("process", "capabilities", json_pack("{s:[s]}", "bounding", "CAP_WHAT"));
    refuse("mcpd", "id", NULL);
    refuse("mcpd", "name", json_integer(1));
    refuse("mcpd", "stopTimeout", json_integer(-1));
    refuse("mcpd", "stopSignal", json_integer(INT64_C(1) << 40));
    refuse("linux", "resources", json_pack("{s:{s:s}}", "memory", "limit", "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_oci_shape),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
