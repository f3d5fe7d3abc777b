/* registry_opts.c - the options about the other side of a transfer. */
#include "cli/registry_opts.h"

#include "base/str.h"

#define AT(member) offsetof(struct registry_values, member)

#define TLS_VERIFY_ROW                                              \
    OPT(0, "tls-verify", "", OFF_FLAG, AT(options.skip_tls_verify), \
        "Insist on HTTPS and on a valid certificate", .initial = "true")
#define AUTHFILE_ROW                                          \
    OPT(0, "authfile", "FILE", STRING, AT(options.auth_file), \
        "Credentials of registries; $REGISTRY_AUTH_FILE is the default")

#define CERT_DIR_ROW                                        \
    OPT(0, "cert-dir", "DIR", STRING, AT(options.cert_dir), \
        "Further certificates: *.crt, client.cert, client.key")

const struct opt registry_trust_rows[REGISTRY_TRUST_ROWS] = {
    TLS_VERIFY_ROW,
    AUTHFILE_ROW,
};

const struct opt registry_rows[REGISTRY_ROWS] = {
    TLS_VERIFY_ROW,
    AUTHFILE_ROW,
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

int registry_finish(struct registry_values *values, struct mcpd_error *err)
{
    bool has_parts = values->architecture || values->os || values->variant;

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

void registry_done(struct registry_values *values)
{
    free(values->platform);
    values->platform = NULL;
}
