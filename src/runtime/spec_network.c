/*
 * spec_network.c - the network of a container, published ports, host name and further hosts.
 *
 * There are "none" and "host" so far; without a wish it is "none", because a container that
 * silently shares the host's network is worse than one that has none. Ports are checked
 * and discarded, as podman does with these two.
 */
#include "runtime/spec_parts.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define SHORT_ID_LENGTH 12
#define HOSTNAME_MAX    64 /* of the kernel */

/* --- ports: [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL], HOST and CONTAINER also FIRST-LAST
 * ------------- */

static int parse_port(const char *text, uint32_t *ret_port, struct mcpd_error *err)
{
    uint64_t value;

    if (str_to_u64(text, UINT32_MAX, &value) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "invalid port number: strconv.Atoi: parsing \"%s\": invalid syntax", text);
    if (value < 1 || value > 65535)
        return error_set(err, MCPD_E_INVALID,
                         "port numbers must be between 1 and 65535 (inclusive), got %s", text);
    *ret_port = (uint32_t)value;
    return 0;
}

/* "80" or "80-85"; *ret_count: how many. Writes into text. */
static int parse_range(char *text, const char *which, uint32_t *ret_count, struct mcpd_error *err)
{
    char *last_text = strchr(text, '-');
    uint32_t first = 0;
    uint32_t last = 0;
    int rc;

    if (last_text)
        *last_text++ = '\0';
    rc = parse_port(text, &first, err);
    if (rc == 0)
        rc = parse_port(last_text ? last_text : text, &last, err);
    if (rc < 0)
        return error_wrap(err, rc, "parsing %s port", which);
    if (last < first)
        return error_set(err, MCPD_E_INVALID,
                         "parsing %s port: the end of the range must be larger than its start",
                         which);
    *ret_count = last - first + 1;
    return 0;
}

static int check_protocol(const char *name, struct mcpd_error *err)
{
    if (strcasecmp(name, "tcp") == 0 || strcasecmp(name, "udp") == 0 ||
        strcasecmp(name, "sctp") == 0)
        return 0;
    return error_set(err, MCPD_E_INVALID, "unrecognized protocol \"%s\" in port mapping", name);
}

static int check_address(const char *text, struct mcpd_error *err)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    if (*text == '\0' || inet_pton(AF_INET, text, bytes) == 1 ||
        inet_pton(AF_INET6, text, bytes) == 1)
        return 0;
    return error_set(err, MCPD_E_INVALID, "cannot parse \"%s\" as an IP address", text);
}

/* Splits "[::1]:80:80" and "127.0.0.1:80:80" at the colons outside of brackets, in place. */
static size_t split_port(char *text, char *parts[3])
{
    size_t count = 0;
    char *start = text;

    if (*text == '[') {
        char *end = strchr(text, ']');

        if (!end || end[1] != ':')
            return 0;
        *end = '\0';
        parts[count++] = text + 1;
        start = end + 2;
    }
    while (count < 3) {
        char *colon = strchr(start, ':');

        parts[count++] = start;
        if (!colon)
            return count;
        *colon = '\0';
        start = colon + 1;
    }
    return 0;
}

static int check_parts(char *const *parts, size_t count, struct mcpd_error *err)
{
    uint32_t container_count;
    uint32_t host_count;
    char *container = parts[count - 1];
    char *host = count > 1 ? parts[count - 2] : NULL;
    int rc = count == 3 ? check_address(parts[0], err) : 0;

    if (rc < 0)
        return rc;
    if (*container == '\0')
        return error_set(err, MCPD_E_INVALID, "must provide a non-empty container port to publish");
    rc = host && *host ? parse_range(host, "host", &host_count, err) : 0;
    if (rc == 0)
        rc = parse_range(container, "container", &container_count, err);
    if (rc == 0 && host && *host && host_count != container_count)
        return error_set(err, MCPD_E_INVALID,
                         "host and container port ranges have different lengths: %u vs %u",
                         host_count, container_count);
    return rc;
}

static int check_port(const char *text, struct mcpd_error *err)
{
    CLEANUP_FREE char *copy = strdup(text);
    char *parts[3];
    char *protocol;
    size_t count;
    int rc = 0;

    if (!copy)
        return error_no_memory(err, "ports");
    protocol = strchr(copy, '/');
    if (protocol) {
        *protocol++ = '\0';
        rc = check_protocol(protocol, err);
    }
    count = split_port(copy, parts);
    if (rc == 0 && count == 0)
        return error_set(err, MCPD_E_INVALID,
                         "invalid port format - format is [[hostIP:]hostPort:]containerPort");
    return rc < 0 ? rc : check_parts(parts, count, err);
}

/* --- network, names --------------------------------------------------------------- */

static int choose_network(const char *name, struct plan *plan, struct mcpd_error *err)
{
    if (!name || *name == '\0')
        name = "none";
    if (strcmp(name, "none") == 0)
        plan->network = PLAN_NETWORK_NONE;
    else if (strcmp(name, "host") == 0)
        plan->network = PLAN_NETWORK_HOST;
    else
        return error_set(err, MCPD_E_NOT_FOUND,
                         "unable to find network with name or ID %s: network not found", name);
    return spec_dup(name, &plan->network_name, err);
}

static int choose_hostname(const char *given, const struct spec_host *host, struct plan *plan,
                           struct mcpd_error *err)
{
    const char *hostname = given;

    if (given && (*given == '\0' || strlen(given) > HOSTNAME_MAX || strpbrk(given, "/ \t\n")))
        return error_set(err, MCPD_E_INVALID, "invalid hostname \"%s\"", given);
    if (!hostname && plan->network == PLAN_NETWORK_HOST && host->hostname)
        hostname = host->hostname;
    if (hostname)
        return spec_dup(hostname, &plan->hostname, err);
    plan->hostname = strndup(plan->id, SHORT_ID_LENGTH);
    return plan->hostname ? 0 : error_no_memory(err, "hostname");
}

static int check_host(const char *text, struct mcpd_error *err)
{
    const char *address = strchr(text, ':');
    int rc;

    if (!address || address == text || strpbrk(text, " \t\n"))
        return error_set(err, MCPD_E_INVALID, "bad format for add-host: \"%s\"", text);
    rc = address[1] != '\0' ? check_address(address + 1, NULL) : -MCPD_E_INVALID;
    return rc < 0 ? error_set(err, MCPD_E_INVALID, "invalid IP address in add-host: \"%s\"",
                              address + 1)
                  : 0;
}

int spec_network_build(const struct mcpd_create_options *options, const struct spec_host *host,
                       struct plan *plan, struct mcpd_error *err)
{
    int rc = choose_network(options->spec.network, plan, err);

    for (size_t i = 0; options->spec.ports && options->spec.ports[i] && rc == 0; i++)
        rc = check_port(options->spec.ports[i], err);
    if (rc == 0)
        rc = choose_hostname(options->hostname, host, plan, err);
    for (size_t i = 0; options->add_hosts && options->add_hosts[i] && rc == 0; i++)
        rc = check_host(options->add_hosts[i], err);
    if (rc == 0)
        rc = spec_dup_list(options->add_hosts, &plan->add_hosts, err);
    return rc;
}
