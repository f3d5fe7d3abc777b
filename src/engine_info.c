/* engine_info.c - the host, the store, and what is in it: podman's info document. */
#include "engine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/str.h"
#include "base/userns.h"
#include "oci/additional.h"
#include "oci/platform.h"
#include "oci/storetmp.h"
#include "runtime/capset.h"
#include "runtime/cgroup.h"
#include "runtime/rootfs.h"

#define RELEASE_MAX_BYTES 65536

/* --- host ------------------------------------------------------------------------------------ */

/* KEY=value or KEY="value" of os-release; "" when absent. */
static json_t *release_value(const char *text, const char *key)
{
    CLEANUP_STRV char **lines = strv_split(text, '\n');
    const char *value = lines ? strv_env_get(lines, key) : NULL;
    CLEANUP_FREE char *copy = strdup(value ? value : "");
    size_t length = copy ? strlen(copy) : 0;

    if (length >= 2 && copy[0] == '"' && copy[length - 1] == '"') {
        copy[length - 1] = '\0';
        return jsonx_string(copy + 1);
    }
    return jsonx_string(copy ? copy : "");
}

static json_t *distribution(void)
{
    CLEANUP_FREE char *text = NULL;

    if (fs_read_file(AT_FDCWD, "/etc/os-release", RELEASE_MAX_BYTES, &text, NULL, NULL) < 0)
        text = NULL;
    return json_pack("{s:o, s:o, s:o}", "distribution", release_value(text ? text : "", "ID"),
                     "version", release_value(text ? text : "", "VERSION_ID"), "codename",
                     release_value(text ? text : "", "VERSION_CODENAME"));
}

static json_t *cgroup_controllers(void)
{
    CLEANUP_STRV char **names = NULL;

    return cgroup_list_controllers(&names, NULL) < 0 ? json_array() : jsonx_strv(names);
}

static json_t *id_ranges(const struct userns_range *ranges, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, json_pack("{s:I, s:I, s:I}", "container_id",
                                                     (json_int_t)ranges[i].inside, "host_id",
                                                     (json_int_t)ranges[i].outside, "size",
                                                     (json_int_t)ranges[i].count));
    return array;
}

static json_t *id_mappings(void)
{
    struct userns_map map;

    if (!userns_is_needed() || userns_load_map(&map, NULL) < 0)
        return json_pack("{s:n, s:n}", "gidmap", "uidmap");
    return json_pack("{s:o, s:o}", "gidmap", id_ranges(map.gids, map.gid_count), "uidmap",
                     id_ranges(map.uids, map.uid_count));
}

static json_t *uptime(long seconds)
{
    CLEANUP_FREE char *text =
        str_format("%ldh %ldm %ld.00s", seconds / 3600, seconds / 60 % 60, seconds % 60);

    return jsonx_string(text);
}

static json_t *security(void)
{
    CLEANUP_STRV char **names = capset_names(capset_default());
    CLEANUP_FREE char *capabilities = names ? strv_join(names, ",") : NULL;

    return json_pack("{s:b, s:o, s:b, s:b, s:s, s:b}", "apparmorEnabled", 0, "capabilities",
                     jsonx_string(capabilities), "rootless", userns_is_needed(), "seccompEnabled",
                     1, "seccompProfilePath", "", "selinuxEnabled", 0);
}

static json_t *memory(const struct sysinfo *system)
{
    json_int_t unit = system->mem_unit;

    return json_pack("{s:I, s:I, s:I, s:I}", "memFree", (json_int_t)system->freeram * unit,
                     "memTotal", (json_int_t)system->totalram * unit, "swapFree",
                     (json_int_t)system->freeswap * unit, "swapTotal",
                     (json_int_t)system->totalswap * unit);
}

static json_t *host_info(const struct mcpd_engine *engine)
{
    struct platform platform;
    struct utsname names = {0};
    struct sysinfo system = {.mem_unit = 1};
    json_t *json;

    platform_of_machine(&platform);
    (void)uname(&names);
    (void)sysinfo(&system);
    json = json_pack("{s:s, s:s, s:s, s:o, s:i, s:o, s:s, s:o, s:s, s:o, s:s, s:s, s:s}", "arch",
                     platform.architecture, "cgroupManager", "cgroupfs", "cgroupVersion",
                     cgroup_version_name(), "cgroupControllers", cgroup_controllers(), "cpus",
                     (int)sysconf(_SC_NPROCESSORS_ONLN), "distribution", distribution(),
                     "eventLogger", "none", "hostname", jsonx_string(names.nodename), "kernel",
                     names.release, "idMappings", id_mappings(), "logDriver", "k8s-file",
                     "networkBackend", "none", "os", "linux");
    (void)json_object_update_new(json, memory(&system));
    (void)json_object_update_new(
        json, json_pack("{s:{s:s, s:s, s:o, s:s}, s:b, s:o, s:o, s:s}", "ociRuntime", "name",
                        "mcpd", "package", "", "path", jsonx_string(engine->program), "version",
                        MCPD_VERSION, "serviceIsRemote", 0, "security", security(), "uptime",
                        uptime(system.uptime), "linkmode", "dynamic"));
    return json;
}

/* --- store
 * ------------------------------------------------------------------------------------------ */

static int count_containers(struct mcpd_engine *engine, json_t **ret_json, struct mcpd_error *err)
{
    struct container *containers = NULL;
    size_t count = 0;
    int paused = 0;
    int running = 0;
    int rc = container_list(&engine->containers, engine->warn, engine->warn_context, &containers,
                            &count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        paused += containers[i].state.status == CONTAINER_STATUS_PAUSED;
        running += containers[i].state.status == CONTAINER_STATUS_RUNNING;
    }
    container_list_free(containers, count);
    *ret_json = json_pack("{s:i, s:i, s:i, s:i}", "number", (int)count, "paused", paused, "running",
                          running, "stopped", (int)count - paused - running);
    return 0;
}

/* What the roots of new containers are: tried, where mcpd.conf leaves it open. */
static const char *graph_driver(const struct mcpd_engine *engine)
{
    CLEANUP_STORETMP struct storetmp tmp = STORETMP_NONE;
    struct mcpd_error problem = {0};

    if (engine->conf.driver)
        return str_equal(engine->conf.driver, ROOT_DRIVER_COPY) ? "vfs" : "overlay";
    if (storetmp_create(&engine->store, "probe", &tmp, &problem) == 0 &&
        rootfs_probe_overlay(tmp.dir_fd, &problem) == 0)
        return "overlay";
    log_debug("launch", "no overlay: %s", problem.message);
    return "vfs";
}

/* podman's word for the stores that serve. */
static json_t *graph_options(const struct mcpd_engine *engine)
{
    CLEANUP_STRV char **paths = NULL;
    CLEANUP_FREE char *text = NULL;

    for (size_t i = 0; i < additional_count(&engine->store); i++)
        if (strv_append(&paths, additional_get(&engine->store, i)->path) < 0)
            return NULL;
    text = paths ? strv_join(paths, ",") : NULL;
    return text ? json_pack("{s:o}", "overlay.imagestore", jsonx_string(text)) : json_object();
}

/* Every one that was named, and why it does not serve; NULL: none was named. */
static json_t *additional_stores(const struct mcpd_engine *engine)
{
    json_t *array = NULL;
    const char *path;
    const char *problem;

    for (size_t i = 0; additional_describe(&engine->store, i, &path, &problem); i++) {
        array = array ? array : json_array();
        (void)json_array_append_new(array,
                                    json_pack("{s:o, s:o}", "path", jsonx_string(path), "problem",
                                              jsonx_string(problem ? problem : "")));
    }
    return array;
}

static int store_info(struct mcpd_engine *engine, json_t **ret_json, struct mcpd_error *err)
{
    struct statvfs space = {0};
    struct image *images = NULL;
    size_t image_count = 0;
    json_t *containers = NULL;
    json_int_t block_bytes;
    int rc = store_list_images(&engine->store, &images, &image_count, err);

    if (rc < 0)
        return rc;
    store_free_images(images, image_count);
    rc = count_containers(engine, &containers, err);
    if (rc < 0)
        return rc;
    (void)statvfs(engine->root, &space);
    block_bytes = (json_int_t)space.f_frsize;
    *ret_json = json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:I, s:{}, s:o, s:{s:i}, s:o, s:o, s:o*}",
                          "configFile", "", "containerStore", containers, "graphDriverName",
                          graph_driver(engine), "graphOptions", graph_options(engine), "graphRoot",
                          jsonx_string(engine->root), "graphRootAllocated",
                          (json_int_t)space.f_blocks * block_bytes, "graphRootUsed",
                          (json_int_t)(space.f_blocks - space.f_bfree) * block_bytes, "graphStatus",
                          "imageCopyTmpDir", jsonx_string(engine->root), "imageStore", "number",
                          (int)image_count, "runRoot", jsonx_string(engine->runroot), "volumePath",
                          jsonx_string(""), "additionalStores", additional_stores(engine));
    return 0;
}

static json_t *version_info(void)
{
    struct platform platform;
    char os_arch[PLATFORM_TEXT_SIZE + 8];

    platform_of_machine(&platform);
    (void)snprintf(os_arch, sizeof(os_arch), "linux/%s", platform.architecture);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "APIVersion", "4.3.1", "Version",
                     MCPD_VERSION, "GoVersion", "", "GitCommit", "", "BuiltTime", "", "Built", 0,
                     "OsArch", os_arch, "Os", "linux");
}

int mcpd_info_json(struct mcpd_engine *engine, char **ret_object, struct mcpd_error *err)
{
    json_t *store = NULL;
    int rc = store_info(engine, &store, err);

    if (rc < 0)
        return rc;
    return engine_json_text(json_pack("{s:o, s:o, s:{}, s:{s:[], s:[s, s], s:[s, s], s:n}, s:o}",
                                      "host", host_info(engine), "store", store, "registries",
                                      "plugins", "volume", "network", "none", "host", "log",
                                      "k8s-file", "none", "authorization", "version",
                                      version_info()),
                            "info", ret_object, err);
}
