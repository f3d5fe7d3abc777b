/*
 * fdpass.c - messages between our own processes: packets with descriptors, sockets
 * below a directory descriptor, whole errors over a pipe.
 */
#include "base/fdpass.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/fsutil.h"

#define LISTEN_BACKLOG    64
#define CONNECT_TIMEOUT_S 10

_Static_assert(sizeof(struct mcpd_error) <= PIPE_BUF, "an error must fit one atomic write");

union control {
    struct cmsghdr header; /* alignment */
    char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX_FDS)];
};

int fdpass_send(int socket_fd, const void *bytes, size_t count, const int *fds, size_t fd_count,
                struct mcpd_error *err)
{
    union control control = {0};
    struct iovec part = {.iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    memcpy(&part.iov_base, &bytes, sizeof(bytes)); /* sendmsg only reads, its type cannot say so */
    if (fd_count > FDPASS_MAX_FDS)
        return error_set(err, MCPD_E_INTERNAL, "too many descriptors for one packet");
    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
    }
    do
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return error_errno(err, "send a packet");
    return 0;
}

/* Hands out up to `size` descriptors of the packet and closes the rest. */
static size_t take_descriptors(struct msghdr *message, int *ret_fds, size_t size)
{
    size_t taken = 0;

    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        size_t count;

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
            if (taken < size)
                ret_fds[taken++] = fd;
            else
                (void)close(fd);
        }
    }
    return taken;
}

ssize_t fdpass_receive(int socket_fd, void *bytes, size_t size, int *ret_fds, size_t fds_size,
                       size_t *ret_fd_count, struct mcpd_error *err)
{
    union control control = {0};
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    size_t fd_count;
    ssize_t received;

    /* ECONNRESET tells once that the other side left something unread when it closed; what it sent
     * before that is still in the queue, and then comes the end. */
    do {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        received = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && (errno == EINTR || errno == ECONNRESET));
    if (received < 0)
        return error_errno(err, "receive a packet");
    fd_count = take_descriptors(&message, ret_fds, ret_fds ? fds_size : 0);
    if (message.msg_flags & MSG_TRUNC) {
        while (ret_fds && fd_count > 0)
            (void)close(ret_fds[--fd_count]);
        return error_set(err, MCPD_E_LIMIT, "a packet is larger than %zu bytes", size);
    }
    if (ret_fd_count)
        *ret_fd_count = fd_count;
    return received;
}

/* A new socket and the address of `name` below dir_fd, short enough whatever the folder's path. */
static int make_socket(int dir_fd, const char *name, struct sockaddr_un *ret_address, int *ret_fd,
                       struct mcpd_error *err)
{
    char folder[FS_FD_PATH_SIZE] = ".";
    int length;
    int rc = dir_fd >= 0 ? fs_check_proc(err) : 0;

    if (rc < 0) /* it must not look as if nobody listened */
        return rc;
    if (dir_fd >= 0)
        (void)fs_fd_path(dir_fd, folder);
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (dir_fd == AT_FDCWD && name[0] == '/')
        length = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", name);
    else
        length =
            snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(ret_address->sun_path))
        return error_set(err, MCPD_E_INVALID, "socket name '%s' is too long", name);
    *ret_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return *ret_fd < 0 ? error_errno(err, "make a socket") : 0;
}

/* Left behind by a dead process? Whoever may listen under a name holds a lock for it, so a socket
 * that is there is nobody's. */
static bool remove_old_socket(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
           unlinkat(dir_fd, name, 0) == 0;
}

int fdpass_listen(int dir_fd, const char *name, int *ret_fd, struct mcpd_error *err)
{
    struct sockaddr_un address;
    const struct sockaddr *generic = (const struct sockaddr *)&address;
    CLEANUP_FD int fd = -1;
    int rc = make_socket(dir_fd, name, &address, &fd, err);

    if (rc < 0)
        return rc;
    (void)fchmod(fd, 0600); /* the name bind makes gets this mode */
    rc = bind(fd, generic, sizeof(address));
    if (rc < 0 && errno == EADDRINUSE && remove_old_socket(dir_fd, name))
        rc = bind(fd, generic, sizeof(address));
    if (rc < 0 || listen(fd, LISTEN_BACKLOG) < 0)
        return error_errno(err, "listen on '%s'", name);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* 0: none. It holds for connect, too. */
static void set_send_timeout(int fd, int seconds)
{
    const struct timeval timeout = {.tv_sec = seconds};

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

int fdpass_connect(int dir_fd, const char *name, int *ret_fd, struct mcpd_error *err)
{
    struct sockaddr_un address;
    CLEANUP_FD int fd = -1;
    int rc = make_socket(dir_fd, name, &address, &fd, err);

    if (rc < 0)
        return rc;
    set_send_timeout(fd, CONNECT_TIMEOUT_S);
    do
        rc = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    while (rc < 0 && errno == EINTR);
    if (rc < 0 && errno == ECONNREFUSED)
        return error_set(err, MCPD_E_NOT_FOUND, "nobody listens on '%s'", name);
    if (rc < 0 && errno == EAGAIN) /* a full queue */
        return error_set(err, MCPD_E_TIMEOUT, "nobody answers on '%s'", name);
    set_send_timeout(fd, 0);
    if (rc < 0)
        return error_errno(err, "connect to '%s'", name);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

void fdpass_send_error(int pipe_fd, const struct mcpd_error *error)
{
    int saved_errno = errno;

    while (write(pipe_fd, error, sizeof(*error)) < 0 && errno == EINTR)
        ;
    errno = saved_errno;
}

int fdpass_receive_error(int pipe_fd, struct mcpd_error *err)
{
    struct mcpd_error received;
    size_t length = 0;

    while (length < sizeof(received)) {
        ssize_t count = read(pipe_fd, (char *)&received + length, sizeof(received) - length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_errno(err, "read from the child");
        if (count == 0)
            break;
        length += (size_t)count;
    }
    if (length == 0)
        return 0;
    if (length < sizeof(received))
        return error_set(err, MCPD_E_PROTOCOL, "the child sent half an error");
    return error_copy(err, &received);
}
