/*
 * life.h - what the tests of plans and records share: an image that was never pulled, options, and
 * a pair of folders for containers.
 */
#ifndef RUNTIME_LIFE_H
#define RUNTIME_LIFE_H

#include "base/base_test.h"

#include "base/str.h"
#include "runtime/container.h"
#include "runtime/spec.h"

#define LIFE_ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline char *life_text(const char *text)
{
    char *copy;

    memcpy(&copy, &text, sizeof(copy)); /* images hold char *, and nobody writes to these */
    return copy;
}

/* An image with nothing but a command; tests put in what they need. */
struct life_image {
    struct image image;
    struct digest layers[2];
    char *names[3];
    char *env[4];
    char *entrypoint[3];
    char *cmd[3];
};

static inline void life_image_init(struct life_image *life)
{
    static const char *const hex =
        "sha256:00000000000000000000000000000000000000000000000000000000000000";

    *life = (struct life_image){0};
    for (int i = 0; i < 2; i++)
        (void)snprintf(life->layers[i].text, sizeof(life->layers[i].text), "%s%02d", hex, i);
    life->image.id = life->layers[0];
    life->image.manifest_digest = life->layers[1];
    life->image.config.diff_ids = life->layers;
    life->image.config.diff_id_count = 2;
    life->names[0] = life_text("docker.io/library/busybox:latest");
    life->names[1] = life_text("localhost/app:2.0");
    life->image.names = life->names;
    life->cmd[0] = life_text("sh");
    life->image.config.cmd = life->cmd;
}

static inline struct mcpd_create_options life_options(void)
{
    return (struct mcpd_create_options){.spec = {.image = "localhost/app:2.0"},
                                        .stop_timeout_s = -1};
}

static inline struct spec_host life_host(void)
{
    return (struct spec_host){.id = LIFE_ID,
                              .now_unix_ns = 1795451528293006451,
                              .hostname = "big-host",
                              .current_dir = "/home/me"};
}

static inline void life_build(const struct mcpd_create_options *options,
                              const struct life_image *life, struct plan *ret_plan)
{
    const struct spec_host host = life_host();
    struct mcpd_error err = {0};

    if (spec_build(options, &life->image, &host, ret_plan, &err) < 0)
        fail_msg("%s", err.message);
}

/* The options are refused with this text. */
static inline void life_refused(const struct mcpd_create_options *options, int code,
                                const char *text)
{
    const struct spec_host host = life_host();
    struct mcpd_error err = {0};
    struct life_image life;
    struct plan plan;
    int rc;

    life_image_init(&life);
    rc = spec_build(options, &life.image, &host, &plan, &err);
    assert_error(rc, err, code, text);
}

#define assert_words(vector, joined)                        \
    do {                                                    \
        CLEANUP_FREE char *words_ = strv_join(vector, "|"); \
        assert_string_equal(words_, joined);                \
    } while (0)

#endif
