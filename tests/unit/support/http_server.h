/*
 * http_server.h - a web server for tests: a process on a loopback port, one child per connection,
 * and a handler that answers each request.
 */
#ifndef SUPPORT_HTTP_SERVER_H
#define SUPPORT_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct http_server {
    pid_t pid;
    int port;
    int log_fd; /* one line per request: "METHOD PATH" and, when sent, " range=.." and " auth=.." */
    void *context; /* of the handler; as it was when the server started */
};

struct http_exchange {
    int fd;
    const char *method;
    const char *path;    /* with the query */
    const char *headers; /* all of them, as sent */
    const char *body;
    const struct http_server *server;
    int count; /* how many requests of this method and path came before, over all connections */
};

/* False closes the connection. */
typedef bool (*http_handler)(const struct http_exchange *exchange);

/* Failures end the test. */
void http_server_start(struct http_server *server, http_handler handler, void *context);
void http_server_stop(struct http_server *server);
/* The log so far, owned by the caller. */
char *http_server_log(const struct http_server *server);
int http_server_count(const struct http_server *server, const char *text); /* lines that hold it */

/* For handlers. headers: lines with "\r\n", or NULL. */
void http_reply(const struct http_exchange *exchange, int status, const char *headers,
                const void *body, size_t length);
void http_reply_text(const struct http_exchange *exchange, int status, const char *headers,
                     const char *body);
/* As http_reply, but only the first `sent` bytes of the body really come. */
void http_reply_cut(const struct http_exchange *exchange, int status, const char *headers,
                    const void *body, size_t length, size_t sent);
/* Value of a header into buffer; false when absent. */
bool http_header(const struct http_exchange *exchange, const char *name, char *buffer, size_t size);
/* A body that obeys "Range: bytes=a-b". */
void http_reply_range(const struct http_exchange *exchange, const void *body, size_t length);

#endif
