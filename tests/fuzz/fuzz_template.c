/*
 * fuzz_template.c - libFuzzer target: any text as --format. What is taken is rendered over a
 * document with a value of every kind, stays UTF-8, and is made into headings.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "cli/template.h"

static const char document_text[] =
    "{\"Name\":\"web\",\"Created\":\"2026-11-23T16:32:08.785489631Z\",\"Pid\":7,\"Share\":1.5,"
    "\"Up\":true,\"Health\":null,\"Cmd\":[\"sleep\",\"600\"],\"Empty\":[],"
    "\"Labels\":{\"b\":\"2\",\"a\":\"\\u009b\"},\"Mounts\":[{\"Source\":\"/a\",\"RW\":true}],"
    "\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}],\"81/tcp\":null}}";

static bool accepts(const char *text, size_t length)
{
    struct template template = {0};
    struct mcpd_error error = {0};
    struct buf output;
    json_t *document;

    if (strlen(text) != length || template_parse("fuzz", text, &template, &error) < 0)
        return false;
    document = json_loads(document_text, 0, NULL);
    FUZZ_CHECK(document);
    buf_init(&output, 1u << 20);
    FUZZ_CHECK(template_render(&template, document, false, &output, &error) <= 0);
    FUZZ_CHECK(output.failure != 0 || utf8_is_valid(buf_text(&output)));
    buf_clear(&output);
    FUZZ_CHECK(template_render(&template, document, true, &output, &error) <= 0);
    buf_clear(&output);
    template_render_headings(&template, NULL, &output);
    buf_done(&output);
    json_decref(document);
    template_done(&template);
    return true;
}

FUZZ_TARGET(4096)
