/* test_http.c - requests whose bytes come bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/http.h"

#include "base/clock.h"
#include "base/str.h"
#include "support/http_server.h"

#include <string.h>

#define PIECES 40

/* One byte at a time, a few of them at once, and then there is nothing yet. */
struct drip {
    uint64_t promised;
    bool is_dry;
};

static int drip(void *context, uint64_t offset, void *buffer, size_t size, size_t *ret_count,
                struct mcpd_error *err)
{
    struct drip *source = context;

    (void)size;
    (void)err;
    if (offset >= PIECES) {
        *ret_count = 0;
    } else if (offset >= source->promised) {
        source->promised = offset + 1 + offset % 4;
        source->is_dry = true;
        *ret_count = HTTP_SOURCE_LATER;
    } else {
        memset(buffer, 'x', 1);
        *ret_count = 1;
    }
    return 0;
}

static bool take_it(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 201, NULL, "");
    return true;
}

/* Each time the source runs dry the caller gets to know, not after the longest wait. */
static void test_source_runs_dry(void **state)
{
    struct http_server server = {.log_fd = -1};
    struct drip source = {0};
    CLEANUP_FREE char *url = NULL;
    struct http *http = NULL;
    struct http_transfer *transfer = NULL;
    struct http_request request = {
        .method = HTTP_METHOD_PUT,
        .source = drip,
        .source_context = &source,
        .source_bytes = HTTP_LENGTH_UNKNOWN,
    };
    int64_t begin_ms;

    (void)state;
    http_server_start(&server, take_it, NULL);
    url = str_format("http://127.0.0.1:%d/x", server.port);
    request.url = url;
    assert_int_equal(http_new(-1, &http, NULL), 0);
    assert_int_equal(http_start(http, &request, &transfer, NULL), 0);
    begin_ms = clock_monotonic_ms();
    while (!http_is_done(transfer)) {
        if (source.is_dry)
            http_resume(transfer);
        source.is_dry = false;
        assert_int_equal(http_wait(http, NULL, 0, -1, NULL), 0);
    }
    assert_in_range(clock_monotonic_ms() - begin_ms, 0, 2000);
    http_transfer_free(transfer);
    http_free(http);
    http_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_runs_dry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
