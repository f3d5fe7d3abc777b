/* test_spec.c - from options and image to a plan: the process, its environment, its life. */
#include "runtime/life.h"

#include <linux/capability.h>
#include <sys/resource.h>

/* --- command ------------------------------------------------------------------- */

/* The table of the Dockerfile reference, and --entrypoint over it. */
static void test_entrypoint_and_cmd(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const given_entrypoint[] = {"/e", "1", NULL};
    static const char *const given_cmd[] = {"x", "y", NULL};
    static const struct {
        const char *image_entrypoint, *image_cmd;
        const char *const *entrypoint, *const *cmd;
        const char *args; /* NULL: refused */
    } rows[] = {
        {NULL, NULL, NULL, NULL, NULL},
        {NULL, "c", NULL, NULL, "c"},
        {"i", NULL, NULL, NULL, "i"},
        {"i", "c", NULL, NULL, "i|c"},
        {NULL, NULL, NULL, given_cmd, "x|y"},
        {NULL, "c", NULL, given_cmd, "x|y"},
        {"i", "c", NULL, given_cmd, "i|x|y"},
        {"i", "c", given_entrypoint, NULL, "/e|1"},
        {"i", "c", given_entrypoint, given_cmd, "/e|1|x|y"},
        {"i", "c", none, NULL, NULL},
        {"i", "c", none, given_cmd, "x|y"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mcpd_create_options options = life_options();
        struct life_image life;
        struct plan plan;

        life_image_init(&life);
        life.entrypoint[0] = life_text(rows[i].image_entrypoint);
        life.image.config.entrypoint = rows[i].image_entrypoint ? life.entrypoint : NULL;
        life.cmd[0] = life_text(rows[i].image_cmd);
        life.image.config.cmd = rows[i].image_cmd ? life.cmd : NULL;
        options.entrypoint = rows[i].entrypoint;
        options.spec.cmd = rows[i].cmd;
        if (rows[i].args) {
            life_build(&options, &life, &plan);
            assert_words(plan.process.args, rows[i].args);
            plan_done(&plan);
        } else {
            const struct spec_host host = life_host();
            struct mcpd_error err = {0};

            assert_error_contains(spec_build(&options, &life.image, &host, &plan, &err), err,
                                  MCPD_E_INVALID, "no command specified");
        }
    }
}

static void test_what_inspect_shows(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    life.entrypoint[0] = life_text("/bin/busybox");
    life.entrypoint[1] = life_text("nice");
    life.image.config.entrypoint = life.entrypoint;
    life_build(&options, &life, &plan);
    assert_string_equal(plan.entrypoint_text, "/bin/busybox nice");
    assert_words(plan.cmd_given, "sh");
    assert_string_equal(plan.image_name, "localhost/app:2.0");
    assert_string_equal(plan.network_name, "none");
    assert_int_equal(plan.network, PLAN_NETWORK_NONE);
    assert_null(plan.user_given);
    assert_int_equal(plan.layer_count, 2);
    plan_done(&plan);
    options.spec.image = "busybox";
    life_build(&options, &life, &plan);
    assert_string_equal(plan.image_name, "docker.io/library/busybox:latest");
    plan_done(&plan);
    options.spec.image = "0000000"; /* an id: the first name */
    life_build(&options, &life, &plan);
    assert_string_equal(plan.image_name, "docker.io/library/busybox:latest");
    plan_done(&plan);
}

/* --- environment ------------------------------------------------------------------ */

static void build_env(const struct mcpd_create_options *options, const char *const *environment,
                      struct plan *ret_plan)
{
    struct spec_host host = life_host();
    struct mcpd_error err = {0};
    struct life_image life;

    life_image_init(&life);
    life.env[0] = life_text("A=1");
    life.env[1] = life_text("PATH=/bin:/usr/bin");
    life.image.config.env = life.env;
    host.environment = environment;
    if (spec_build(options, &life.image, &host, ret_plan, &err) < 0)
        fail_msg("%s", err.message);
}

static void test_environment(void **state)
{
    struct mcpd_create_options options = life_options();
    struct plan plan;

    options.spec.env = WORDS("NOVALUE", "EMPTY=", "K=V", "HERE", "A=2", "PRE_*", "with blank=1");
    build_env(&options, WORDS("HERE=a b=c", "PRE_1=x", "PREX=y", "PRE_2=z", "PRE_3=\377"), &plan);
    assert_words(plan.process.env, "PATH=/bin:/usr/bin|TERM=xterm|container=mcpd|A=2|"
                                   "HOSTNAME=0123456789ab|EMPTY=|K=V|HERE=a b=c|PRE_1=x|PRE_2=z|"
                                   "with blank=1");
    plan_done(&plan);
}

static void test_default_path(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.hostname = "box";
    life_build(&options, &life, &plan);
    assert_words(plan.process.env,
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|TERM=xterm|"
                 "container=mcpd|HOSTNAME=box");
    assert_string_equal(plan.hostname, "box");
    plan_done(&plan);
}

static void test_env_file(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_create_options options = life_options();
    char path[96];
    struct plan plan;

    put_file(dir->fd, "env", "# comment\n\n F=1\nHERE\nGONE\nQ=\"kept\"\r\nA=from file\n");
    (void)snprintf(path, sizeof(path), "%s/env", dir->path);
    options.env_files = WORDS(path);
    options.spec.env = WORDS("F=2");
    build_env(&options, WORDS("HERE=h"), &plan);
    assert_words(plan.process.env, "PATH=/bin:/usr/bin|TERM=xterm|container=mcpd|A=from file|"
                                   "HOSTNAME=0123456789ab|F=2|HERE=h|Q=\"kept\"");
    plan_done(&plan);
}

static void test_bad_environment(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_create_options options = life_options();
    char path[96];
    char text[256];

    options.spec.env = WORDS("=x");
    life_refused(&options, MCPD_E_INVALID, "invalid environment variable: \"=x\"");
    options.spec.env = NULL;
    put_file(dir->fd, "env", "a b=c\n");
    (void)snprintf(path, sizeof(path), "%s/env", dir->path);
    (void)snprintf(text, sizeof(text),
                   "parsing file \"%s\": name \"a b\" has white spaces, poorly formatted name",
                   path);
    options.env_files = WORDS(path);
    life_refused(&options, MCPD_E_INVALID, text);
    options.env_files = WORDS("/no/such");
    life_refused(&options, MCPD_E_NOT_FOUND,
                 "parsing env file \"/no/such\": open /no/such: no such file or directory");
}

/* --- podman's words for wrong requests --------------------------------------------------- */

static void test_refusals(void **state)
{
    struct mcpd_create_options options = life_options();

    options.spec.name = "a/b";
    life_refused(&options, MCPD_E_INVALID,
                 "running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: "
                 "invalid argument");
    options = life_options();
    options.spec.restart = "sometimes";
    life_refused(&options, MCPD_E_INVALID,
                 "running container create option: \"sometimes\" is not a valid restart policy: "
                 "invalid argument");
    options = life_options();
    options.spec.network = "nosuchnet";
    life_refused(&options, MCPD_E_NOT_FOUND,
                 "unable to find network with name or ID nosuchnet: network not found");
    options = life_options();
    options.working_dir = "srv";
    life_refused(&options, MCPD_E_INVALID,
                 "working directory \"srv\" is invalid, it needs to be an absolute path");
    options = life_options();
    options.cap_add = WORDS("nope");
    life_refused(&options, MCPD_E_INVALID, "\"CAP_NOPE\": unknown capability");
    options = life_options();
    options.stop_signal = "NOPE";
    life_refused(&options, MCPD_E_INVALID, "invalid signal: NOPE");
    options = life_options();
    options.auto_remove = true;
    options.spec.restart = "always";
    life_refused(&options, MCPD_E_INVALID,
                 "the --rm option conflicts with --restart, when the restartPolicy is not \"\" and "
                 "\"no\"");
}

static void test_ports(void **state)
{
    static const char *const good[] = {
        "80:80",           "80",  "127.0.0.1:80:80/udp", "[::1]:80:80",
        "8000-8002:80-82", ":80", "127.0.0.1::80",       "80:80/TCP"};
    static const struct {
        const char *port, *text;
    } bad[] = {
        {"99999:1",
         "parsing host port: port numbers must be between 1 and 65535 (inclusive), got 99999"},
        {"1:0",
         "parsing container port: port numbers must be between 1 and 65535 (inclusive), got 0"},
        {"1:x", "parsing container port: invalid port number: strconv.Atoi: parsing \"x\": invalid "
                "syntax"},
        {"1:", "must provide a non-empty container port to publish"},
        {"1-2:1-3", "host and container port ranges have different lengths: 2 vs 3"},
        {"2-1:1-2", "parsing host port: the end of the range must be larger than its start"},
        {"1:1/foo", "unrecognized protocol \"foo\" in port mapping"},
        {"1:2:3:4", "invalid port format - format is [[hostIP:]hostPort:]containerPort"},
        {"nowhere:1:2", "cannot parse \"nowhere\" as an IP address"},
        {"[::1:1:2", "invalid port format - format is [[hostIP:]hostPort:]containerPort"},
    };
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        options.spec.ports = WORDS(good[i]);
        life_build(&options, &life, &plan);
        assert_null(plan.ports_given); /* discarded: there is nothing to publish to */
        plan_done(&plan);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        options.spec.ports = WORDS(bad[i].port);
        life_refused(&options, MCPD_E_INVALID, bad[i].text);
    }
}

/* --- the rest of the plan ------------------------------------------------------------------- */

static void test_identity_and_life(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    life.image.config.user = life_text("app");
    life.image.config.stop_signal = life_text("SIGRTMIN+3");
    options.spec.restart = "on-failure:5";
    options.labels = WORDS("a=1", "b", "a=2");
    options.annotations = WORDS("x=y");
    options.umask = "0027";
    options.working_dir = "/srv/../srv//x/";
    life_build(&options, &life, &plan);
    assert_string_equal(plan.id, LIFE_ID);
    assert_null(plan.name);
    assert_string_equal(plan.process.user, "app");
    assert_string_equal(plan.restart, "on-failure");
    assert_int_equal(plan.restart_max_retries, 5);
    assert_int_equal(plan.stop_signal, 37);
    assert_int_equal(plan.stop_timeout_s, 10);
    assert_words(plan.labels, "a=2|b=");
    assert_words(plan.annotations, "x=y");
    assert_int_equal(plan.process.umask, 027);
    assert_string_equal(plan.process.working_dir, "/srv/x");
    assert_string_equal(plan.log_driver, "k8s-file");
    assert_false(plan.volatile_upper);
    plan_done(&plan);
    life.image.config.stop_signal = life_text("nonsense");
    options = life_options();
    options.auto_remove = true;
    options.spec.user = "0:0";
    life_build(&options, &life, &plan);
    assert_int_equal(plan.stop_signal, SIGTERM);
    assert_string_equal(plan.process.user, "0:0");
    assert_true(plan.auto_remove && plan.volatile_upper);
    plan_done(&plan);
}

/* What the record cannot hold is refused, never changed. */
static void test_text_that_is_not_utf8(void **state)
{
    struct mcpd_create_options options = life_options();

    options.spec.env = WORDS("A=\377");
    life_refused(&options, MCPD_E_INVALID, "not UTF-8: process.env \"A=\377\"");
    options = life_options();
    options.spec.cmd = WORDS("printf", "\303");
    life_refused(&options, MCPD_E_INVALID, "not UTF-8: process.args \"\303\"");
    options = life_options();
    options.labels = WORDS("l=\300\200");
    life_refused(&options, MCPD_E_INVALID, "not UTF-8: mcpd.labels \"l=\300?\"");
    options = life_options();
    options.spec.volumes = WORDS("/\355\240\200:/x");
    life_refused(&options, MCPD_E_INVALID, "not UTF-8: mcpd.volumesGiven \"/\355\240?:/x\"");
    options = life_options();
    options.tmpfs = WORDS("/\377");
    life_refused(&options, MCPD_E_INVALID, "not UTF-8: mounts.destination \"/\377\"");
}

static void test_log(void **state)
{
    static const char *const bad[] = {"max-size",    "max-size=",  "max-size=zz",
                                      "max-size=-1", "max-file=0", "max-file=101",
                                      "max-file=x",  "=x",         "path=/logs/"};
    struct mcpd_create_options options = life_options();
    struct spec_host host = life_host();
    struct mcpd_error err = {0};
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.log_driver = "json-file";
    options.log_options =
        WORDS("max-size=10kb", "max-file=3", "path=/logs/../x", "tag=a b", "compress=true");
    life_build(&options, &life, &plan);
    assert_string_equal(plan.log_driver, "json-file");
    assert_int_equal(plan.log_max_bytes, 10000);
    assert_int_equal(plan.log_max_files, 3);
    assert_string_equal(plan.log_path, "/x");
    assert_string_equal(plan.log_tag, "a b");
    plan_done(&plan);
    options.log_options = WORDS("max-size=0", "path=");
    life_build(&options, &life, &plan);
    assert_true(plan.log_max_bytes == INT64_MAX);
    assert_null(plan.log_path);
    plan_done(&plan);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        options.log_options = WORDS(bad[i]);
        assert_int_equal(spec_build(&options, &life.image, &host, &plan, &err), -MCPD_E_INVALID);
    }
    assert_true(spec_log_is_known("max-file=3"));
    assert_false(spec_log_is_known("compress=true"));
}

static void test_limits(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    life_build(&options, &life, &plan);
    assert_int_equal(plan.limits.pids_max, 2048);
    assert_true(plan.limits.pids_is_default);
    assert_int_equal(plan.limits.memory_bytes, 0);
    assert_int_equal(plan.shm_size_bytes, 65536000);
    plan_done(&plan);
    options.memory = "64m";
    options.cpus = "1.5";
    options.pids_limit = "-1";
    options.shm_size = "1m";
    options.ulimits = WORDS("nofile=1024:2048", "core=-1", "nproc=7");
    life_build(&options, &life, &plan);
    assert_int_equal(plan.limits.memory_bytes, 64 << 20);
    assert_int_equal(plan.limits.cpu_quota_us, 150000);
    assert_int_equal(plan.limits.cpu_period_us, 100000);
    assert_int_equal(plan.limits.pids_max, 0);
    assert_false(plan.limits.pids_is_default);
    assert_int_equal(plan.shm_size_bytes, 1 << 20);
    assert_int_equal(plan.process.rlimit_count, 3);
    assert_int_equal(plan.process.rlimits[0].resource, RLIMIT_NOFILE);
    assert_int_equal(plan.process.rlimits[0].hard, 2048);
    assert_true(plan.process.rlimits[1].soft == UINT64_MAX);
    plan_done(&plan);
}

static void test_bad_limits(void **state)
{
    struct mcpd_create_options options = life_options();

    options.memory = "lots";
    life_refused(&options, MCPD_E_INVALID, "invalid value for memory: invalid size: 'lots'");
    options = life_options();
    options.cpus = "0.001";
    life_refused(&options, MCPD_E_INVALID, "invalid value for cpus: '0.001' is less than 0.01");
    options.cpus = "1.x";
    life_refused(&options, MCPD_E_INVALID, "invalid value for cpus: '1.x'");
    options.cpus = ".";
    life_refused(&options, MCPD_E_INVALID, "invalid value for cpus: '.'");
    options = life_options();
    options.pids_limit = "many";
    life_refused(&options, MCPD_E_INVALID, "invalid value for pids-limit: 'many'");
    options = life_options();
    options.ulimits = WORDS("nofile=2:1");
    life_refused(&options, MCPD_E_INVALID,
                 "ulimit option \"nofile=2:1\" requires name=SOFT:HARD, failed to be parsed: "
                 "ulimit soft limit must be less than or equal to hard limit: 2 > 1");
}

static void test_security(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    life_build(&options, &life, &plan);
    assert_int_equal(__builtin_popcountll(plan.process.capabilities), 11);
    assert_true(strv_contains(plan.masked_paths, "/proc/kcore"));
    assert_true(strv_contains(plan.read_only_paths, "/proc/sys"));
    assert_null(plan.seccomp_profile);
    plan_done(&plan);
    options.cap_drop = WORDS("ALL");
    options.cap_add = WORDS("CAP_NET_ADMIN", "chown");
    options.security_options = WORDS("no-new-privileges", "seccomp=unconfined",
                                     "mask=/a:/b//x/../c/", "unmask=/proc/kcore", "label=disable");
    life_build(&options, &life, &plan);
    assert_true(plan.process.capabilities ==
                (UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_CHOWN));
    assert_true(plan.process.no_new_privileges);
    assert_string_equal(plan.seccomp_profile, "unconfined");
    assert_true(strv_contains(plan.masked_paths, "/a"));
    assert_true(strv_contains(plan.masked_paths, "/b/c"));
    assert_false(strv_contains(plan.masked_paths, "/proc/kcore"));
    plan_done(&plan);
    options = life_options();
    options.privileged = true;
    life_build(&options, &life, &plan);
    assert_true(plan.process.capabilities == (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1);
    assert_string_equal(plan.seccomp_profile, "unconfined");
    assert_null(plan.masked_paths);
    plan_done(&plan);
    options = life_options();
    options.security_options = WORDS("what=ever");
    life_refused(&options, MCPD_E_INVALID, "invalid --security-opt 2: \"what=ever\"");
}

static void test_network_and_names(void **state)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.spec.network = "host";
    options.add_hosts = WORDS("db:10.0.0.1", "six:fd00::1");
    life_build(&options, &life, &plan);
    assert_int_equal(plan.network, PLAN_NETWORK_HOST);
    assert_string_equal(plan.hostname, "big-host");
    assert_words(plan.add_hosts, "db:10.0.0.1|six:fd00::1");
    plan_done(&plan);
    options.add_hosts = WORDS("db");
    life_refused(&options, MCPD_E_INVALID, "bad format for add-host: \"db\"");
    options.add_hosts = WORDS("db:there");
    life_refused(&options, MCPD_E_INVALID, "invalid IP address in add-host: \"there\"");
}

/* --- exec --------------------------------------------------------------------------------------
 */

static void test_exec_process(void **state)
{
    struct mcpd_create_options options = life_options();
    struct mcpd_exec_options exec = {
        .cmd = WORDS("id", "-u"), .env = WORDS("K=V"), .user = "app", .working_dir = "/tmp"};
    const struct spec_host host = life_host();
    struct plan_process process;
    struct mcpd_error err = {0};
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    options.group_add = WORDS("wheel");
    options.cap_drop = WORDS("chown");
    life_build(&options, &life, &plan);
    assert_int_equal(spec_exec_process(&plan, &exec, &host, &process, &err), 0);
    assert_words(process.args, "id|-u");
    assert_string_equal(strv_env_get(process.env, "K"), "V");
    assert_string_equal(strv_env_get(process.env, "container"), "mcpd");
    assert_string_equal(process.user, "app");
    assert_string_equal(process.working_dir, "/tmp");
    assert_null(process.group_add); /* they were the container's own user's */
    assert_true(process.capabilities == plan.process.capabilities);
    plan_process_done(&process);
    exec = (struct mcpd_exec_options){.cmd = WORDS("id"), .privileged = true};
    assert_int_equal(spec_exec_process(&plan, &exec, &host, &process, &err), 0);
    assert_string_equal(process.user, plan.process.user);
    assert_words(process.group_add, "wheel");
    assert_true(process.capabilities > plan.process.capabilities);
    plan_process_done(&process);
    exec.cmd = NULL;
    assert_code(spec_exec_process(&plan, &exec, &host, &process, &err), MCPD_E_INVALID);
    plan_done(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entrypoint_and_cmd),
        cmocka_unit_test(test_what_inspect_shows),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_default_path),
        DIR_TEST(test_env_file),
        DIR_TEST(test_bad_environment),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_identity_and_life),
        cmocka_unit_test(test_text_that_is_not_utf8),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bad_limits),
        cmocka_unit_test(test_security),
        cmocka_unit_test(test_network_and_names),
        cmocka_unit_test(test_exec_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
