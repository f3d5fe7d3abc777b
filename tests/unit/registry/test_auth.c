/* test_auth.c - challenges and what is answered to them, by a token server of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/auth.h"

#include "base/str.h"
#include "support/http_server.h"

#include <string.h>

struct place {
    struct http_server server;
    struct http *http;
    struct auth auth;
    struct endpoint endpoint;
    struct mcpd_error error;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    place->server.log_fd = -1;
    assert_int_equal(http_new(-1, &place->http, NULL), 0);
    assert_int_equal(str_copy(place->endpoint.host, sizeof(place->endpoint.host), "127.0.0.1:1"),
                     0);
    place->endpoint.may_be_http = true;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    http_server_stop(&place->server);
    auth_done(&place->auth);
    http_free(place->http);
    free(place);
    return 0;
}

/* With the challenge `format`, whose %d is the server's port. */
static int answer(struct place *place, const char *format, bool *answered)
{
    CLEANUP_FREE char *port = str_format("%d", place->server.port);
    const char *mark = strstr(format, "%d");
    CLEANUP_FREE char *text =
        mark ? str_format("%.*s%s%s", (int)(mark - format), format, port, mark + 2)
             : strdup(format);
    char *challenges[] = {text, NULL};

    place->error = (struct mcpd_error){0};
    return auth_answer(&place->auth, place->http, &place->endpoint, challenges, answered,
                       &place->error);
}

#define BEARER "Bearer realm=\"http://127.0.0.1:%d/token\",service=\"here\""

static void test_scopes(void **state)
{
    struct place *place = *state;
    struct auth *auth = &place->auth;
    static const struct {
        const char *wanted;
        const char *all;
    } steps[] = {
        {"repository:a/b:pull", "repository:a/b:pull"},
        {"repository:a/b:pull", "repository:a/b:pull"},
        {"repository:a/b:push", "repository:a/b:pull,push"},
        {"repository:a/b:pull,push,delete", "repository:a/b:pull,push,delete"},
        {"repository:a/bc:pull", "repository:a/b:pull,push,delete repository:a/bc:pull"},
        {"repository:h:5000/x:pull",
         "repository:a/b:pull,push,delete repository:a/bc:pull repository:h:5000/x:pull"},
    };
    char *much = calloc(1, 3000);

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP_FREE char *all = NULL;

        assert_int_equal(auth_want(auth, steps[i].wanted, NULL), 0);
        all = strv_join(auth->scopes, " ");
        assert_string_equal(all, steps[i].all);
    }
    memset(much, 'x', 2999);
    assert_int_equal(auth_want(auth, much, NULL), -MCPD_E_LIMIT);
    free(much);
    for (int i = 0; i < 13; i++) {
        CLEANUP_FREE char *scope = str_format("repository:n%d:pull", i);

        assert_int_equal(auth_want(auth, scope, NULL), 0);
    }
    assert_int_equal(auth_want(auth, "repository:one-more:pull", NULL), -MCPD_E_LIMIT);
}

static bool gives_tokens(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 200, NULL, "{\"token\":\"good\"}");
    return true;
}

/* One request for all scopes: ours and what the registry names. */
static void test_union(void **state)
{
    struct place *place = *state;
    bool answered = false;

    http_server_start(&place->server, gives_tokens, NULL);
    assert_int_equal(auth_want(&place->auth, "repository:a:pull,push", NULL), 0);
    assert_int_equal(auth_want(&place->auth, "repository:b:pull", NULL), 0);
    assert_int_equal(
        answer(place, BEARER ",scope=\"repository:a:pull repository:c:pull\"", &answered), 0);
    assert_true(answered);
    assert_string_equal(place->auth.header, "Bearer good");
    assert_int_equal(http_server_count(&place->server,
                                       "GET /token?service=here&scope=repository%3aa%3apull%2cpush"
                                       "&scope=repository%3ab%3apull&scope=repository%3ac%3apull"),
                     1);
}

/* Says no to whoever asks for more than one repository. */
static bool gives_one(const struct http_exchange *exchange)
{
    const char *first = strstr(exchange->path, "&scope=");

    if (first && strstr(first + 1, "&scope="))
        http_reply_text(exchange, 403, NULL, "{}");
    else
        http_reply_text(exchange, 200, NULL, "{\"token\":\"narrow\"}");
    return true;
}

static void test_union_refused(void **state)
{
    struct place *place = *state;
    bool answered = false;

    http_server_start(&place->server, gives_one, NULL);
    assert_int_equal(auth_want(&place->auth, "repository:a:pull,push", NULL), 0);
    assert_int_equal(auth_want(&place->auth, "repository:b:pull", NULL), 0);
    assert_int_equal(answer(place, BEARER, &answered), 0);
    assert_true(answered);
    assert_string_equal(place->auth.header, "Bearer narrow");
    assert_int_equal(http_server_count(&place->server, "GET /token"), 2);
}

/* The form is checked by the server: nothing of it may be in a URL. */
static bool trades_identity(const struct http_exchange *exchange)
{
    bool is_right = strcmp(exchange->method, "POST") == 0 &&
                    strcmp(exchange->path, "/token") == 0 &&
                    strstr(exchange->body, "grant_type=refresh_token&") &&
                    strstr(exchange->body, "&refresh_token=id%2Bentity&service=here&scope="
                                           "repository%3Aa%3Apull%20repository%3Ab%3Apull");

    http_reply_text(exchange, is_right ? 200 : 400, NULL, "{\"access_token\":\"traded\"}");
    return true;
}

static void test_identity_token(void **state)
{
    struct place *place = *state;
    bool answered = false;

    place->auth.credentials.identity_token = strdup("id+entity");
    http_server_start(&place->server, trades_identity, NULL);
    assert_int_equal(auth_want(&place->auth, "repository:a:pull", NULL), 0);
    assert_int_equal(auth_want(&place->auth, "repository:b:pull", NULL), 0);
    assert_int_equal(answer(place, BEARER, &answered), 0);
    assert_string_equal(place->auth.header, "Bearer traded");
}

static bool moves_the_form(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 307, "Location: http://127.0.0.1:1/elsewhere\r\n", "");
    return true;
}

/* A form with a secret in it does not follow a redirect. */
static void test_identity_token_moved(void **state)
{
    struct place *place = *state;
    bool answered = false;

    place->auth.credentials.identity_token = strdup("identity");
    http_server_start(&place->server, moves_the_form, NULL);
    assert_int_equal(answer(place, BEARER, &answered), -MCPD_E_PROTOCOL);
    assert_null(strstr(place->error.message, "identity"));
    assert_int_equal(http_server_count(&place->server, "POST"), 1);
}

static void test_basic(void **state)
{
    struct place *place = *state;
    bool answered = true;

    assert_int_equal(answer(place, "Basic realm=\"x\"", &answered), 0);
    assert_false(answered); /* nobody is known here */
    assert_int_equal(credentials_parse("u:p", &place->auth.credentials, NULL), 0);
    assert_int_equal(answer(place, "Basic realm=\"x\"", &answered), 0);
    assert_true(answered);
    assert_string_equal(place->auth.header, "Basic dTpw");
    assert_int_equal(answer(place, "Basic realm=\"x\"", &answered), 0);
    assert_false(answered); /* it was refused: no use in sending it again */
}

static void test_other_schemes(void **state)
{
    struct place *place = *state;
    bool answered = true;

    assert_int_equal(answer(place, "Negotiate", &answered), 0);
    assert_false(answered);
    assert_null(place->auth.header);
}

/* Where a realm may lie, and where credentials never go. */
static void test_realms(void **state)
{
    struct place *place = *state;
    bool answered = false;

    http_server_start(&place->server, gives_tokens, NULL);
    assert_int_equal(credentials_parse("u:p", &place->auth.credentials, NULL), 0);
    assert_int_equal(answer(place, BEARER, &answered), 0);
    assert_int_equal(answer(place, "Bearer realm=\"http://192.0.2.1/token\"", &answered),
                     -MCPD_E_PROTOCOL);
    assert_int_equal(answer(place, "Bearer realm=\"file:///etc/passwd\"", &answered),
                     -MCPD_E_PROTOCOL);
    assert_int_equal(answer(place, "Bearer realm=\"\"", &answered), -MCPD_E_PROTOCOL);
    place->endpoint.may_be_http = false;
    assert_int_equal(answer(place, BEARER, &answered), -MCPD_E_PROTOCOL);
    assert_int_equal(http_server_count(&place->server, "GET"), 1);
}

static bool never_ends(const struct http_exchange *exchange)
{
    char *much = calloc(1, 4u << 20);

    memset(much, ' ', 4u << 20);
    http_reply(exchange, 200, NULL, much, 4u << 20);
    free(much);
    return true;
}

static void test_endless_token(void **state)
{
    struct place *place = *state;
    bool answered = false;

    http_server_start(&place->server, never_ends, NULL);
    assert_int_equal(answer(place, BEARER, &answered), -MCPD_E_LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scopes),
        TEST(test_union),
        TEST(test_union_refused),
        TEST(test_identity_token),
        TEST(test_identity_token_moved),
        TEST(test_basic),
        TEST(test_other_schemes),
        TEST(test_realms),
        TEST(test_endless_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
