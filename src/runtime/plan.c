/* plan.c - what a plan owns. Reading and writing it is in plan_json.c. */
#include "runtime/plan.h"

#include <signal.h>
#include <string.h>

#include "base/str.h"
#include "runtime/spec.h"

void plan_init(struct plan *plan)
{
    *plan = (struct plan){.stop_signal = SIGTERM, .process.umask = 022};
}

void plan_process_done(struct plan_process *process)
{
    strv_free(process->args);
    strv_free(process->env);
    free(process->working_dir);
    free(process->user);
    strv_free(process->group_add);
    free(process->rlimits);
    *process = (struct plan_process){0};
}

static void mounts_free(struct plan_mount *mounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(mounts[i].source);
        free(mounts[i].destination);
        free(mounts[i].data);
    }
    free(mounts);
}

void plan_done(struct plan *plan)
{
    free(plan->id);
    free(plan->name);
    free(plan->image_name);
    strv_free(plan->labels);
    strv_free(plan->annotations);
    strv_free(plan->create_command);
    free(plan->layers);
    strv_free(plan->layer_stores);
    free(plan->root_driver);
    plan_process_done(&plan->process);
    free(plan->hostname);
    mounts_free(plan->mounts, plan->mount_count);
    strv_free(plan->image_volumes);
    strv_free(plan->masked_paths);
    strv_free(plan->read_only_paths);
    free(plan->seccomp_profile);
    strv_free(plan->add_hosts);
    free(plan->restart);
    free(plan->log_driver);
    free(plan->log_path);
    free(plan->log_tag);
    free(plan->network_name);
    free(plan->user_given);
    strv_free(plan->ports_given);
    strv_free(plan->volumes_given);
    strv_free(plan->cmd_given);
    free(plan->entrypoint_text);
    *plan = (struct plan){0};
}
