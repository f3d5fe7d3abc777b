/* registry_opts.c - the options about the other side of a transfer. */
#include "cli/registry_opts.h"

#include "base/str.h"
#include "cli/values.h"

#define AT(member)    offsetof(struct registry_values, member)

#define RETRY_DEFAULT 3 /* as in the row */

#define TLS_VERIFY_ROW                                              \
    OPT(0, "tls-verify", "", OFF_FLAG, AT(options.skip_tls_verify), \
        "Insist on HTTPS and on a valid certificate", .initial = "true")
#define AUTHFILE_ROW                                          \
    OPT(0, "authfile", "FILE", STRING, AT(options.auth_file), \
        "Credentials of registries; $REGISTRY_AUTH_FILE is the default")

#define CERT_DIR_ROW                                        \
    OPT(0, "cert-dir", "DIR", STRING, AT(options.cert_dir), \
        "Further certificates: *.crt, client.cert, client.key")
#define RETRY_ROW                                                                     \
    OPT(0, "retry", "N", COUNT, AT(retry), "Further attempts when the network fails", \
        .initial = "3")
#define RETRY_DELAY_ROW                                        \
    OPT(0, "retry-delay", "DURATION", STRING, AT(retry_delay), \
        "Wait this long before each of them; default 1s, longer when it lasts")

const struct opt registry_trust_rows[REGISTRY_TRUST_ROWS] = {
    TLS_VERIFY_ROW,
    AUTHFILE_ROW,
    RETRY_ROW,
    RETRY_DELAY_ROW,
};

const struct opt registry_rows[REGISTRY_ROWS] = {
    TLS_VERIFY_ROW,
    AUTHFILE_ROW,
    RETRY_ROW,
    RETRY_DELAY_ROW,
    OPT(0, "creds", "USER:PASSWORD", STRING, AT(options.credentials),
        "Credentials for this registry"),
    CERT_DIR_ROW,
};

const struct opt registry_login_rows[REGISTRY_LOGIN_ROWS] = {
    TLS_VERIFY_ROW,
    AUTHFILE_ROW,
    CERT_DIR_ROW,
};

const struct opt registry_authfile_rows[1] = {
    AUTHFILE_ROW,
};

const struct opt platform_rows[PLATFORM_ROWS] = {
    OPT(0, "platform", "OS/ARCH[/VARIANT]", STRING, AT(options.platform),
        "Take the image for another platform"),
    OPT(0, "arch", "ARCH", STRING, AT(architecture), "Take the image for another architecture"),
    OPT(0, "os", "OS", STRING, AT(os), "Take the image for another operating system"),
    OPT(0, "variant", "VARIANT", STRING, AT(variant), "Take another variant of the architecture"),
};

/* Without --arch, a variant or system still needs this machine's architecture in image terms. */
static const char *own_architecture(void)
{
#if defined(__x86_64__)
    return "amd64";
#elif defined(__aarch64__)
    return "arm64";
#elif defined(__arm__)
    return "arm";
#elif defined(__i386__)
    return "386";
#elif defined(__riscv)
    return "riscv64";
#elif defined(__powerpc64__)
    return "ppc64le";
#elif defined(__s390x__)
    return "s390x";
#else
    return "unknown";
#endif
}

/* Empty is not given: --arch "$ARCH". */
static void forget_empty(const char **value)
{
    if (*value && **value == '\0')
        *value = NULL;
}

static int finish_retry(struct registry_values *values, struct mcpd_error *err)
{
    int64_t delay_ns = 0;

    if (values->retry != RETRY_DEFAULT)
        values->options.retry_count = values->retry > 0 ? values->retry : -1;
    if (!values->retry_delay)
        return 0;
    if (value_parse_duration(values->retry_delay, &delay_ns) < 0 || delay_ns < 0)
        return error_set(err, MCPD_E_INVALID, "time: invalid duration \"%s\"", values->retry_delay);
    values->options.retry_delay_ms = delay_ns / 1000000 > 0 ? delay_ns / 1000000 : 1;
    return 0;
}

static int finish_platform(struct registry_values *values, struct mcpd_error *err)
{
    bool has_parts;

    forget_empty(&values->options.platform);
    forget_empty(&values->architecture);
    forget_empty(&values->os);
    forget_empty(&values->variant);
    has_parts = values->architecture || values->os || values->variant;
    if (!has_parts)
        return 0;
    if (values->options.platform)
        return error_set(err, MCPD_E_INVALID,
                         "--platform option can not be specified with --arch or --os");
    values->platform =
        str_format("%s/%s%s%s", values->os ? values->os : "linux",
                   values->architecture ? values->architecture : own_architecture(),
                   values->variant ? "/" : "", values->variant ? values->variant : "");
    if (!values->platform)
        return error_no_memory(err, "platform");
    values->options.platform = values->platform;
    return 0;
}

int registry_finish(struct registry_values *values, struct mcpd_error *err)
{
    int rc = finish_retry(values, err);

    return rc < 0 ? rc : finish_platform(values, err);
}

void registry_done(struct registry_values *values)
{
    free(values->platform);
    values->platform = NULL;
}
