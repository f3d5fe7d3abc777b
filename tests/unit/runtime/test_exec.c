/* test_exec.c - exec in a container that does not run. (Running ones: tests/e2e/exec.bats.) */
#include "runtime/life.h"

#include "runtime/exec.h"

static int run_exec(const struct container_root *root, enum container_status status,
                    struct mcpd_error *err)
{
    const struct mcpd_exec_options options = {.cmd = WORDS("id"), .detach = true};
    const struct spec_host host = life_host();
    struct container container = {.id = LIFE_ID, .dir_fd = -1, .state = {.status = status}};
    const struct exec_request request = {
        .root = root, .container = &container, .options = &options, .host = &host};
    struct mcpd_attach_result result = {0};

    return exec_run(&request, &result, err);
}

/* Whether the record says so, or it says otherwise and nobody answers. */
static void test_not_running(void **state)
{
    static const enum container_status all[] = {CONTAINER_STATUS_CREATED, CONTAINER_STATUS_EXITED,
                                                CONTAINER_STATUS_RUNNING};
    struct test_dir *dir = *state;
    const struct container_root root = {.run_fd = dir->fd, .root_fd = -1};
    struct mcpd_error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_error(run_exec(&root, all[i], &err), err, MCPD_E_STATE,
                     "can only create exec sessions on running containers: container state "
                     "improper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_not_running),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
