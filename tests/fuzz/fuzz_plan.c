/*
 * fuzz_plan.c - libFuzzer target: any bytes as spec.json. What is taken can be written, and what is
 * written is taken again as the same.
 */
#include "fuzz.h"

#include "base/jsonx.h"
#include "runtime/plan.h"

static void check_round_trip(const struct plan *plan)
{
    json_t *first = plan_to_json(plan);
    json_t *second;
    struct plan copy;

    FUZZ_CHECK(first && plan_from_json(first, &copy, NULL) == 0);
    second = plan_to_json(&copy);
    FUZZ_CHECK(second && json_equal(first, second));
    plan_done(&copy);
    json_decref(first);
    json_decref(second);
}

static bool accepts(const char *text, size_t length)
{
    struct mcpd_error error = {0};
    json_t *json = NULL;
    struct plan plan;
    int rc;

    if (jsonx_parse(text, length, 64, "spec.json", &json, &error) < 0)
        return false;
    rc = plan_from_json(json, &plan, &error);
    json_decref(json);
    if (rc < 0)
        return false;
    check_round_trip(&plan);
    plan_done(&plan);
    return true;
}

FUZZ_TARGET(1u << 16)
