/* http_server.c - see http_server.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/http_server.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_BYTES 65536
#define LOG_BYTES     (1u << 20)

char *http_server_log(const struct http_server *server)
{
    char *log = calloc(1, LOG_BYTES);

    assert_non_null(log);
    assert_true(pread(server->log_fd, log, LOG_BYTES - 1, 0) >= 0);
    return log;
}

static int count_lines(const char *log, const char *text)
{
    int count = 0;

    for (const char *line = log; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *found = strstr(line, text);

        count += found && found < end;
        line = *end ? end + 1 : end;
    }
    return count;
}

int http_server_count(const struct http_server *server, const char *text)
{
    CLEANUP_FREE char *log = http_server_log(server);

    return count_lines(log, text);
}

/* ------------------------------------------------------------------ answers */

bool http_header(const struct http_exchange *exchange, const char *name, char *buffer, size_t size)
{
    size_t name_length = strlen(name);

    for (const char *line = exchange->headers; line && *line; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, name, name_length) == 0 && line[name_length] == ':') {
            const char *value = line + name_length + 1 + strspn(line + name_length + 1, " ");

            (void)snprintf(buffer, size, "%.*s", (int)strcspn(value, "\r"), value);
            return true;
        }
        if (!strstr(line, "\r\n"))
            break;
    }
    return false;
}

/* The client may be gone: then the test does not care about the rest. */
static void put(int fd, const void *bytes, size_t count)
{
    if (fs_write_all(fd, bytes, count, "answer", NULL) < 0)
        _exit(0);
}

void http_reply_cut(const struct http_exchange *exchange, int status, const char *headers,
                    const void *body, size_t length, size_t sent)
{
    CLEANUP_FREE char *head = str_format("HTTP/1.1 %d Test\r\nContent-Length: %zu\r\n%s\r\n",
                                         status, length, headers ? headers : "");

    put(exchange->fd, head, strlen(head));
    if (strcmp(exchange->method, "HEAD") != 0)
        put(exchange->fd, body, sent);
}

void http_reply(const struct http_exchange *exchange, int status, const char *headers,
                const void *body, size_t length)
{
    http_reply_cut(exchange, status, headers, body, length, length);
}

void http_reply_text(const struct http_exchange *exchange, int status, const char *headers,
                     const char *body)
{
    http_reply(exchange, status, headers, body, strlen(body));
}

void http_reply_range(const struct http_exchange *exchange, const void *body, size_t length)
{
    CLEANUP_FREE char *headers = NULL;
    char range[64];
    char *dash = NULL;
    size_t first, last;

    if (!http_header(exchange, "Range", range, sizeof(range))) {
        http_reply(exchange, 200, NULL, body, length);
        return;
    }
    first = strtoul(range + strlen("bytes="), &dash, 10);
    last = strtoul(dash + 1, NULL, 10);
    headers = str_format("Content-Range: bytes %zu-%zu/%zu\r\n", first, last, length);
    http_reply(exchange, 206, headers, (const char *)body + first, last - first + 1);
}

/* ------------------------------------------------------------------ connections */

/* One request into buffer; false at the end of the connection. */
static bool read_request(int fd, char *buffer, size_t *used, struct http_exchange *exchange)
{
    size_t body_length = 0;
    char *end, *line_end;
    char length[32];

    memset(buffer, 0, REQUEST_BYTES);
    *used = 0;
    while (!(end = strstr(buffer, "\r\n\r\n"))) {
        ssize_t count = read(fd, buffer + *used, REQUEST_BYTES - 1 - *used);

        if (count <= 0)
            return false;
        *used += (size_t)count;
        /* TLS was tried: say no, as web servers do. */
        if (buffer[0] == 0x16) {
            put(fd, "HTTP/1.0 400 Bad Request\r\n\r\n", 28);
            return false;
        }
    }
    line_end = strstr(buffer, "\r\n");
    exchange->headers = line_end + 2;
    exchange->body = end + 4;
    if (http_header(exchange, "Content-Length", length, sizeof(length)))
        body_length = strtoul(length, NULL, 10);
    while (strlen(exchange->body) < body_length) {
        ssize_t count = read(fd, buffer + *used, REQUEST_BYTES - 1 - *used);

        if (count <= 0)
            return false;
        *used += (size_t)count;
    }
    end[2] = '\0';
    *line_end = '\0';
    exchange->method = strtok_r(buffer, " ", &line_end);
    exchange->path = strtok_r(NULL, " ", &line_end);
    return exchange->path != NULL;
}

static void note(const struct http_server *server, struct http_exchange *exchange)
{
    CLEANUP_FREE char *log = http_server_log(server);
    CLEANUP_FREE char *start = str_format("%s %s ", exchange->method, exchange->path);
    CLEANUP_FREE char *line = NULL;
    char range[64] = "", auth[2000] = "";
    bool has_range = http_header(exchange, "Range", range, sizeof(range));
    bool has_auth = http_header(exchange, "Authorization", auth, sizeof(auth));

    exchange->count = count_lines(log, start);
    line = str_format("%s%s%s%s%s\n", start, has_range ? " range=" : "", range,
                      has_auth ? " auth=" : "", auth);
    put(server->log_fd, line, strlen(line));
}

static void serve(const struct http_server *server, int fd, http_handler handler)
{
    char *buffer = malloc(REQUEST_BYTES);
    struct http_exchange exchange = {.fd = fd, .server = server};
    size_t used = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (buffer && read_request(fd, buffer, &used, &exchange)) {
        note(server, &exchange);
        if (!handler(&exchange))
            break;
    }
    _exit(0);
}

void http_server_start(struct http_server *server, http_handler handler, void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char path[FS_FD_PATH_SIZE];
    int memory = memfd_create("log", MFD_CLOEXEC);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0 && memory >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    server->context = context;
    server->log_fd = open(fs_fd_path(memory, path), O_RDWR | O_APPEND | O_CLOEXEC);
    assert_true(server->log_fd >= 0);
    (void)close(memory);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGCHLD, SIG_IGN);
        (void)signal(SIGPIPE, SIG_IGN);
        for (;;) {
            int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

            if (connection >= 0 && fork() == 0)
                serve(server, connection, handler);
            (void)close(connection);
        }
    }
    (void)close(fd);
}

void http_server_stop(struct http_server *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
        (void)close(server->log_fd);
    }
    *server = (struct http_server){.log_fd = -1};
}
