/*
 * hostfiles.c - hosts, hostname and resolv.conf of a container.
 *
 * As podman: names given by the user first, then the host's own file, then the container's name.
 * Written in place, not by renaming: a running container sees the file through a bind mount of its
 * inode, and nobody else reads it. Not synced: it is written again at every start.
 */
#include "runtime/hostfiles.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/str.h"

#define HOST_FILE_MAX   ((size_t)1024 * 1024)
#define HOSTS_MAX       (2 * HOST_FILE_MAX)
#define LOCALHOST_LINES "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

const char *const hostfiles_names[] = {"hosts", "resolv.conf", "hostname", NULL};

/* "name:address"; IPv6 addresses have colons of their own. */
static void append_added(struct buf *text, const char *host)
{
    const char *colon = strchr(host, ':');

    if (colon)
        (void)buf_append_format(text, "%s\t%.*s\n", colon + 1, (int)(colon - host), host);
}

/* The host's lines without comments. */
static void append_lines(struct buf *text, const char *lines)
{
    while (*lines != '\0') {
        const char *end = strchrnul(lines, '\n');
        size_t length = strcspn(lines, "#\n");

        while (length > 0 &&
               (lines[length - 1] == ' ' || lines[length - 1] == '\t' || lines[length - 1] == '\r'))
            length--;
        if (length > 0) {
            (void)buf_append(text, lines, length);
            (void)buf_append_text(text, "\n");
        }
        lines = *end == '\n' ? end + 1 : end;
    }
}

char *hostfiles_format_hosts(const struct plan *plan, const char *host_hosts)
{
    CLEANUP_BUF struct buf text;

    buf_init(&text, HOSTS_MAX);
    for (char **host = plan->add_hosts; host && *host; host++)
        append_added(&text, *host);
    if (host_hosts && strstr(host_hosts, "localhost"))
        append_lines(&text, host_hosts);
    else
        (void)buf_append_text(&text, LOCALHOST_LINES);
    if (plan->network == PLAN_NETWORK_NONE) {
        (void)buf_append_format(&text, "127.0.0.1\t%s", plan->hostname ? plan->hostname : "");
        if (plan->name && !str_equal(plan->name, plan->hostname))
            (void)buf_append_format(&text, " %s", plan->name);
        (void)buf_append_text(&text, "\n");
    }
    return buf_take(&text);
}

/* A pipe that came to its place is not waited for. */
int hostfiles_write_one(int dir_fd, const char *name, const char *text, struct mcpd_error *err)
{
    CLEANUP_FD int fd = openat(
        dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);

    if (fd < 0)
        return error_errno(err, "write '%s' of the container", name);
    if (fchmod(fd, 0644) < 0) /* whatever our umask says */
        return error_errno(err, "set the mode of '%s' of the container", name);
    return fs_write_all(fd, text, strlen(text), name, err);
}

/* NULL when the host has no such file. */
static char *read_host_file(const char *path)
{
    char *text = NULL;
    struct mcpd_error ignored;

    if (fs_read_file(AT_FDCWD, path, HOST_FILE_MAX, &text, NULL, &ignored) < 0)
        return NULL;
    return text;
}

static int write_hosts(const struct plan *plan, int dir_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *host_hosts = read_host_file("/etc/hosts");
    CLEANUP_FREE char *text = hostfiles_format_hosts(plan, host_hosts);

    if (!text)
        return error_no_memory(err, "hosts of the container");
    return hostfiles_write_one(dir_fd, "hosts", text, err);
}

static int write_hostname(const struct plan *plan, int dir_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = str_format("%s\n", plan->hostname ? plan->hostname : "");

    if (!text)
        return error_no_memory(err, "hostname of the container");
    return hostfiles_write_one(dir_fd, "hostname", text, err);
}

static int write_resolver(int dir_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = read_host_file("/etc/resolv.conf");

    return hostfiles_write_one(dir_fd, "resolv.conf", text ? text : "", err);
}

int hostfiles_write(const struct plan *plan, int dir_fd, struct mcpd_error *err)
{
    int rc = write_hosts(plan, dir_fd, err);

    if (rc == 0)
        rc = write_hostname(plan, dir_fd, err);
    if (rc == 0)
        rc = write_resolver(dir_fd, err);
    return rc;
}
