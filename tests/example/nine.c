/* nine.c - the nine calls of libmcpd, one after another: nine IMAGE CONTEXT-DIR
 * cc nine.c $(pkg-config --cflags --libs mcpd) */
#include <mcpd.h>
#include <stdio.h>
#include <stdlib.h>

/* Every call fills in the same error value; what did not work is told, and the story goes on. */
static int tell(const char *call, int rc, const struct mcpd_error *err)
{
    printf("%-12s %s\n", call, rc < 0 ? err->message : "ok");
    return rc;
}

int main(int argc, char **argv)
{
    const struct mcpd_container_spec spec = {.name = "shop-web",
                                             .image = argc > 1 ? argv[1] : "localhost/busybox",
                                             .network = "none",
                                             .cmd = (const char *const[]){"sleep", "60", NULL}};
    const struct mcpd_build_options build = {.image = "localhost/shop",
                                             .context_dir = argc > 2 ? argv[2] : "."};
    struct mcpd_container_info *info = NULL, **all = NULL;
    struct mcpd_engine *engine = NULL;
    struct mcpd_error err = {0};
    bool is_there = false;
    char *id = NULL;

    if (tell("open", mcpd_open(NULL, &engine, &err), &err) < 0)
        return 1;
    tell("image_exists", mcpd_image_exists(engine, spec.image, NULL, &is_there, &err), &err);
    if (tell("pull", mcpd_pull(engine, spec.image, MCPD_PULL_MISSING, NULL, &id, &err), &err) == 0)
        free(id);
    if (tell("run", mcpd_run(engine, &spec, &id, &err), &err) == 0)
        free(id);
    if (tell("inspect", mcpd_inspect(engine, spec.name, &info, &err), &err) == 0)
        printf("             %s is %s, version %s\n", info->name, info->state, info->version);
    tell("list", mcpd_list(engine, &all, &err), &err);
    tell("stop", mcpd_stop(engine, spec.name, 0, NULL, &err), &err);
    tell("remove", mcpd_remove(engine, spec.name, false, &err), &err);
    if (tell("build", mcpd_build(engine, &build, &id, &err), &err) == 0)
        free(id);
    tell("push", mcpd_push(engine, spec.image, NULL, NULL, NULL, &err), &err);
    mcpd_container_info_free(info);
    mcpd_container_infos_free(all);
    mcpd_close(engine);
    return 0;
}
