/*
 * platform.h - what a binary is made for: "linux/arm/v7", in Go's names, and which of an index's
 * entries this machine can run.
 */
#ifndef OCI_PLATFORM_H
#define OCI_PLATFORM_H

#include "base/error.h"

#include <stddef.h>

#define PLATFORM_PART_SIZE 32
#define PLATFORM_TEXT_SIZE (3 * PLATFORM_PART_SIZE)

struct platform {
    char os[PLATFORM_PART_SIZE];           /* "linux"; empty: not said */
    char architecture[PLATFORM_PART_SIZE]; /* "amd64", "arm64", "arm", "386", ... */
    char variant[PLATFORM_PART_SIZE];      /* "v7"; empty: none */
};

/* "os/arch[/variant]" as in --platform; x86_64, aarch64, armhf and the like are translated. */
int platform_parse(const char *text, struct platform *ret_platform,
                   struct mcpd_error *err) MUST_CHECK;
/* This machine's. */
void platform_of_machine(struct platform *ret_platform);
/* Of a machine name as uname(2) tells it; word_bits is what this program was built for. */
void platform_of_uname(const char *machine, unsigned int word_bits, struct platform *ret_platform);
/* One name for each thing: "x86_64" is amd64, "arm64/v8" is arm64, "arm" is arm/v7. */
void platform_normalise(struct platform *platform);
/* "linux/arm/v7". Buffer of PLATFORM_TEXT_SIZE. */
void platform_format(const struct platform *platform, char *buffer, size_t size);

/* How well `offered` serves `wanted`: PLATFORM_NO_MATCH, else the smaller the better. Both
 * normalised. arm falls back v8, v7, v6, v5; amd64 without a variant takes v1, then v2 to v4 too.
 */
#define PLATFORM_NO_MATCH (-1)
int platform_distance(const struct platform *wanted, const struct platform *offered);

#endif
