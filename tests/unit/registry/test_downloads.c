/*
 * test_downloads.c - pulls over a bad network: what breaks off, stalls, is turned away, or comes
 * back as something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pull_place.h"

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The large layer, at its first request. */
static bool is_first_of_large(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    return layer && layer->length > 1u << 20 && exchange->count == 0;
}

static bool cuts_once(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!is_first_of_large(exchange))
        return fake_registry_serve(exchange);
    http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 3000000);
    return false;
}

static void test_resume(void **state)
{
    struct pull_place *place = *state;
    CLEANUP_FREE char *expected = NULL;

    pull_place_pull(place, cuts_once);
    expected = str_format("range=bytes=3000000-%zu", place->registry.blobs[2].length - 1);
    assert_int_equal(http_server_count(&place->server, expected), 1);
    assert_int_equal(strv_length(place->warnings), 1);
}

static bool ignores_ranges(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer)
        return fake_registry_serve(exchange);
    if (is_first_of_large(exchange))
        return cuts_once(exchange);
    http_reply(exchange, 200, NULL, layer->data, layer->length);
    return true;
}

static void test_no_ranges(void **state)
{
    pull_place_pull(*state, ignores_ranges);
}

static bool refuses_ranges(const struct http_exchange *exchange)
{
    char range[64];

    if (fake_registry_layer(exchange) && http_header(exchange, "Range", range, sizeof(range))) {
        http_reply_text(exchange, 416, NULL, "");
        return true;
    }
    return ignores_ranges(exchange);
}

static void test_range_refused(void **state)
{
    pull_place_pull(*state, refuses_ranges);
}

static bool always_cuts(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer)
        return fake_registry_serve(exchange);
    http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 100);
    return false;
}

static void test_gives_up(void **state)
{
    struct pull_place *place = *state;

    pull_place_is_refused(place, always_cuts, MCPD_E_NETWORK, "unexpected EOF");
    assert_true(strv_length(place->warnings) >= 3);
}

static bool busy_twice(const struct http_exchange *exchange)
{
    if (exchange->count < 2) {
        http_reply_text(exchange, exchange->count == 0 ? 503 : 429, NULL,
                        "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow\"}]}");
        return true;
    }
    return fake_registry_serve(exchange);
}

static void test_busy(void **state)
{
    pull_place_pull(*state, busy_twice);
}

/* ---------------------------------------------------------------- Retry-After */

static bool asks_for_a_second(const struct http_exchange *exchange)
{
    if (exchange->count == 0 && strstr(exchange->path, "manifests")) {
        http_reply_text(exchange, 429, "Retry-After: 1\r\n", "");
        return true;
    }
    return fake_registry_serve(exchange);
}

static void test_retry_after(void **state)
{
    struct pull_place *place = *state;
    int64_t begin_ms = clock_monotonic_ms();

    pull_place_pull(place, asks_for_a_second);
    assert_in_range(clock_monotonic_ms() - begin_ms, 990, 30000);
    assert_non_null(strstr(place->warnings[0], "Failed, retrying in 1s ... (1/3). Error: "));
    assert_non_null(strstr(place->warnings[0], "toomanyrequests"));
}

/* Until a point in time, for one blob. */
static bool names_a_time(const struct http_exchange *exchange)
{
    CLEANUP_FREE char *header = NULL;
    time_t when = time(NULL) + 3;
    struct tm parts;
    char text[64];

    if (!is_first_of_large(exchange))
        return fake_registry_serve(exchange);
    assert_non_null(gmtime_r(&when, &parts));
    assert_true(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0);
    header = str_format("Retry-After: %s\r\n", text);
    http_reply_text(exchange, 503, header, "");
    return true;
}

static void test_retry_after_date(void **state)
{
    int64_t begin_ms = clock_monotonic_ms();

    pull_place_pull(*state, names_a_time);
    assert_in_range(clock_monotonic_ms() - begin_ms, 1990, 30000);
}

/* ---------------------------------------------------------------- always */

static bool always_broken(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 500, NULL, "oops");
    return true;
}

static void test_always_broken(void **state)
{
    struct pull_place *place = *state;

    pull_place_is_refused(place, always_broken, MCPD_E_NETWORK, "500");
    assert_int_equal(strv_length(place->warnings), 3);
}

static bool always_resets(const struct http_exchange *exchange)
{
    const struct linger linger = {.l_onoff = 1};

    (void)setsockopt(exchange->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)close(exchange->fd);
    return false;
}

static void test_always_resets(void **state)
{
    struct pull_place *place = *state;

    pull_place_is_refused(place, always_resets, MCPD_E_NETWORK, "pinging container registry");
    assert_int_equal(strv_length(place->warnings), 3);
    assert_non_null(strstr(place->warnings[2], "retrying in 80ms ... (3/3)"));
}

static void test_no_retries(void **state)
{
    struct pull_place *place = *state;

    place->options.user.retry_count = -1;
    pull_place_is_refused(place, always_broken, MCPD_E_NETWORK, "500");
    assert_int_equal(strv_length(place->warnings), 0);
    assert_int_equal(http_server_count(&place->server, "GET"), 1);
}

static void test_more_retries(void **state)
{
    struct pull_place *place = *state;

    place->options.user.retry_count = 5;
    place->options.user.retry_delay_ms = 10;
    pull_place_is_refused(place, always_broken, MCPD_E_NETWORK, "500");
    assert_int_equal(strv_length(place->warnings), 5);
    assert_non_null(strstr(place->warnings[4], "retrying in 10ms ... (5/5)"));
}

/* ---------------------------------------------------------------- not worth another attempt */

static bool denies(const struct http_exchange *exchange)
{
    static const int statuses[] = {401, 403, 404};
    const int *number = exchange->server->context;

    http_reply_text(exchange, statuses[*number], NULL, "");
    return true;
}

static void test_denied(void **state)
{
    struct pull_place *place = *state;

    for (int i = 0; i < 3; i++) {
        http_server_stop(&place->server);
        http_server_start(&place->server, denies, &i);
        assert_true(pull_place_pull_name(place, "t/image:1") < 0);
        assert_int_equal(http_server_count(&place->server, "GET"), 1);
    }
    assert_int_equal(strv_length(place->warnings), 0);
}

/* ---------------------------------------------------------------- ranges that are wrong */

/* The large layer, when the rest of it is asked for. */
static const struct buf *rest_of_large(const struct http_exchange *exchange)
{
    char range[64];

    return http_header(exchange, "Range", range, sizeof(range)) ? fake_registry_layer(exchange)
                                                                : NULL;
}

static bool sends_another_range(const struct http_exchange *exchange)
{
    const struct buf *layer = rest_of_large(exchange);

    if (!layer)
        return cuts_once(exchange);
    http_reply(exchange, 206, "Content-Range: bytes 4000000-4000999/9999999\r\n",
               layer->data + 4000000, 1000);
    return true;
}

static void test_another_range(void **state)
{
    pull_place_pull(*state, sends_another_range);
}

/* The right numbers, and not the bytes of them: the whole is fetched again, once. */
static bool sends_other_bytes(const struct http_exchange *exchange)
{
    const struct buf *layer = rest_of_large(exchange);
    CLEANUP_FREE char *headers = NULL;

    if (!layer)
        return cuts_once(exchange);
    headers =
        str_format("Content-Range: bytes 3000000-%zu/%zu\r\n", layer->length - 1, layer->length);
    http_reply(exchange, 206, headers, layer->data, layer->length - 3000000);
    return true;
}

static void test_other_bytes(void **state)
{
    struct pull_place *place = *state;

    pull_place_pull(place, sends_other_bytes);
    assert_int_equal(http_server_count(&place->server, "range="), 1);
}

/* Without Content-Range, the answer is believed as far as the digest goes. */
static bool says_no_range(const struct http_exchange *exchange)
{
    const struct buf *layer = rest_of_large(exchange);

    if (!layer)
        return cuts_once(exchange);
    http_reply(exchange, 206, NULL, layer->data + 3000000, layer->length - 3000000);
    return true;
}

static void test_no_content_range(void **state)
{
    pull_place_pull(*state, says_no_range);
}

/* What an earlier pull has left is of another content, or is more than there is. */
static void leave_partial(struct pull_place *place, size_t length)
{
    CLEANUP_FREE char *bytes = malloc(length);

    assert_non_null(bytes);
    memset(bytes, 'x', length);
    assert_int_equal(fs_write_file(place->fake->store.partial_fd,
                                   digest_hex(&place->registry.digests[2]), bytes, length, 0600, 0,
                                   NULL),
                     0);
}

static void test_wrong_partial(void **state)
{
    struct pull_place *place = *state;

    leave_partial(place, 1000000);
    pull_place_pull(place, fake_registry_serve);
    assert_int_equal(http_server_count(&place->server, "range=bytes=1000000-"), 1);
}

static void test_long_partial(void **state)
{
    struct pull_place *place = *state;

    leave_partial(place, place->registry.blobs[2].length + 100);
    pull_place_pull(place, fake_registry_serve);
    assert_int_equal(http_server_count(&place->server, "range="), 0);
}

static void test_whole_partial(void **state)
{
    struct pull_place *place = *state;
    const struct buf *blob = &place->registry.blobs[2];

    assert_int_equal(fs_write_file(place->fake->store.partial_fd,
                                   digest_hex(&place->registry.digests[2]), blob->data,
                                   blob->length, 0600, 0, NULL),
                     0);
    pull_place_pull(place, fake_registry_serve);
    assert_int_equal(http_server_count(&place->server, "GET /v2/t/image/blobs/"),
                     FAKE_REGISTRY_LAYERS);
}

/* ---------------------------------------------------------------- too slow */

/* The head of an answer, and then nothing. */
static bool stalls(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer || layer->length < 1u << 20)
        return fake_registry_serve(exchange);
    http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 100);
    (void)poll(NULL, 0, 60000);
    return false;
}

static void test_stall(void **state)
{
    struct pull_place *place = *state;
    int64_t begin_ms = clock_monotonic_ms();

    place->options.user.retry_count = 1;
    assert_int_equal(setenv("MCPD_STALL_TIMEOUT_S", "1", 1), 0);
    pull_place_is_refused(place, stalls, MCPD_E_TIMEOUT, "no data for 1 s: i/o timeout");
    assert_int_equal(unsetenv("MCPD_STALL_TIMEOUT_S"), 0);
    assert_in_range(clock_monotonic_ms() - begin_ms, 1500, 20000);
    assert_int_equal(strv_length(place->warnings), 1);
    assert_int_equal(fake_store_count(place->fake, "images/partial"), FAKE_REGISTRY_LAYERS);
}

/* A few bytes at a time, so that something always moves. */
static bool drips(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer || layer->length < 1u << 20)
        return fake_registry_serve(exchange);
    http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 10);
    for (size_t i = 10; write(exchange->fd, layer->data + i, 2) == 2; i += 2)
        (void)poll(NULL, 0, 100);
    return false;
}

static void test_drip(void **state)
{
    struct pull_place *place = *state;

    place->options.user.retry_count = -1;
    assert_int_equal(setenv("MCPD_STALL_TIMEOUT_S", "1", 1), 0);
    pull_place_is_refused(place, drips, MCPD_E_TIMEOUT, "i/o timeout");
    assert_int_equal(unsetenv("MCPD_STALL_TIMEOUT_S"), 0);
}

/* Headers, one after another, for ever. */
static bool sends_headers(const struct http_exchange *exchange)
{
    static const char line[] = "X-Another: header\r\n";

    if (write(exchange->fd, "HTTP/1.1 200 OK\r\n", 17) != 17)
        return false;
    while (write(exchange->fd, line, sizeof(line) - 1) > 0)
        if (exchange->server->context)
            (void)poll(NULL, 0, 50);
    return false;
}

static void test_endless_headers(void **state)
{
    struct pull_place *place = *state;

    http_server_start(&place->server, sends_headers, NULL);
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), -MCPD_E_LIMIT);
    assert_int_equal(strv_length(place->warnings), 0);
}

static void test_slow_headers(void **state)
{
    struct pull_place *place = *state;

    place->options.user.retry_count = -1;
    assert_int_equal(setenv("MCPD_STALL_TIMEOUT_S", "1", 1), 0);
    pull_place_is_refused(place, sends_headers, MCPD_E_TIMEOUT, "i/o timeout");
    assert_int_equal(unsetenv("MCPD_STALL_TIMEOUT_S"), 0);
}

/* ---------------------------------------------------------------- cancelled */

/* Something becomes readable in a while. */
static int in_a_while(pid_t *ret_pid)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    *ret_pid = fork();
    assert_true(*ret_pid >= 0);
    if (*ret_pid == 0) {
        (void)poll(NULL, 0, 1500); /* all transfers have begun, on a slow machine too */
        _exit(write(fds[1], "x", 1) != 1);
    }
    (void)close(fds[1]);
    return fds[0];
}

static void is_cancelled(struct pull_place *place, http_handler handler)
{
    int64_t begin_ms = clock_monotonic_ms();
    pid_t pid = 0;
    CLEANUP_FD int fd = in_a_while(&pid);

    place->options.user.cancel_fd = fd;
    pull_place_is_refused(place, handler, MCPD_E_CANCELLED, "interrupted");
    assert_in_range(clock_monotonic_ms() - begin_ms, 1000, 10000);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0);
}

/* In the middle of a transfer: half of it is kept for the next time. */
static void test_cancelled(void **state)
{
    struct pull_place *place = *state;

    is_cancelled(place, stalls);
    assert_int_equal(fake_store_count(place->fake, "images/partial"), FAKE_REGISTRY_LAYERS);
    place->options.user.cancel_fd = 0;
    http_server_stop(&place->server);
    pull_place_pull(place, fake_registry_serve);
    assert_int_equal(http_server_count(&place->server, "range=bytes=100-"), 1);
}

static bool is_busy_for_long(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 503, "Retry-After: 60\r\n", "");
    return true;
}

static void test_cancelled_in_a_pause(void **state)
{
    is_cancelled(*state, is_busy_for_long);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pull_place_setup, pull_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_resume),
        TEST(test_no_ranges),
        TEST(test_range_refused),
        TEST(test_gives_up),
        TEST(test_busy),
        TEST(test_retry_after),
        TEST(test_retry_after_date),
        TEST(test_always_broken),
        TEST(test_always_resets),
        TEST(test_no_retries),
        TEST(test_more_retries),
        TEST(test_denied),
        TEST(test_another_range),
        TEST(test_other_bytes),
        TEST(test_no_content_range),
        TEST(test_wrong_partial),
        TEST(test_long_partial),
        TEST(test_whole_partial),
        TEST(test_stall),
        TEST(test_drip),
        TEST(test_endless_headers),
        TEST(test_slow_headers),
        TEST(test_cancelled),
        TEST(test_cancelled_in_a_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
