/* test_template_zero.c - what templates see where the JSON has nothing. */
#include "cli/cli_test.h"

#include "cli/template.h"

static const char container_text[] =
    "{'Id': 'abc', 'State': {'Health': {'Status': '', 'Log': null}, 'Pid': 7},"
    " 'Config': {'Labels': null, 'Volumes': null, 'Env': ['A=1'], 'OnBuild': null},"
    " 'HostConfig': {'VolumesFrom': null, 'LogConfig': {'Config': null}, 'CgroupConf': null},"
    " 'NetworkSettings': {'Ports': {}}, 'EffectiveCaps': null,"
    " 'Mounts': [{'Source': '/a'}, {'Source': '/b', 'Name': 'data'}]}";

static const char image_text[] =
    "{'Id': 'abc', 'Labels': null, 'Config': {'Cmd': ['sh']}, 'RootFS': {'Type': 'layers'},"
    " 'History': [{'created_by': 'ADD x', 'empty_layer': true}, {'created_by': 'RUN y'}]}";

static void check(const char *command, const char *document_text, const char *format,
                  const char *wanted)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_JSON json_t *document = json_of(document_text);
    CLEANUP_JSON json_t *before = json_deep_copy(document);
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    if (template_parse(command, format, &template, &err) < 0 ||
        template_render(&template, document, false, &text, &err) < 0)
        fail_msg("%s: %s", format, err.message);
    assert_string_equal(buf_text(&text), wanted);
    assert_true(json_equal(document, before));
}

static void refuse(const char *command, const char *document_text, const char *format,
                   const char *message)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_JSON json_t *document = json_of(document_text);
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    assert_int_equal(template_parse(command, format, &template, &err), 0);
    assert_error(template_render(&template, document, false, &text, &err), err, MCPD_E_INVALID,
                 message);
}

static void container(const char *format, const char *wanted)
{
    check("inspect", container_text, format, wanted);
}

static void image(const char *format, const char *wanted)
{
    check("inspect", image_text, format, wanted);
}

static void test_left_out_of_a_container(void **state)
{
    container("{{.SizeRw}} {{.SizeRootFs}}", "<nil> 0");
    container("{{.State.ConmonPid}} {{.State.Restored}} <{{.State.CgroupPath}}>"
              "<{{.State.CheckpointLog}}>",
              "0 false <><>");
    container("{{.State.Healthcheck.Status}} {{.State.Health.Log}}", " []");
    container("{{.Config.Secrets}} <{{.Config.Timezone}}> {{.Config.SystemdMode}} "
              "{{.Config.Healthcheck}}",
              "[] <> false <nil>");
    container("{{.HostConfig.Init}} {{.HostConfig.IDMappings}}", "false <nil>");
    container("{{.NetworkSettings.Networks}} {{.NetworkSettings.SecondaryIPAddresses}}",
              "map[] []");
    container("{{range .Mounts}}<{{.Name}}>{{end}}", "<><data>");
}

static void test_null_in_a_container(void **state)
{
    container("{{.Config.Labels}} {{.Config.Volumes}} {{.Config.Env}} {{.Config.OnBuild}}",
              "map[] map[] [A=1] <nil>");
    container("{{.HostConfig.LogConfig.Config}} {{.HostConfig.VolumesFrom}} "
              "{{.HostConfig.CgroupConf}} {{.EffectiveCaps}}",
              "map[] [] map[] []");
    container("<{{index .Config.Labels \"a\"}}> {{len .Config.Labels}}", "<> 0");
    container("{{.Config.Labels.none}}", "<no value>");
    container("{{if .SizeRw}}yes{{else}}no{{end}} {{range .Config.Volumes}}x{{else}}-{{end}}",
              "no -");
}

static void test_image(void **state)
{
    image("{{.Config.Entrypoint}} {{.Config.Cmd}} {{.Config.Env}} {{.Config.Volumes}} "
          "{{.Config.ExposedPorts}} {{.Config.Labels}}",
          "[] [sh] [] map[] map[] map[]");
    image("<{{.Config.User}}{{.Config.WorkingDir}}{{.Config.StopSignal}}> {{.Config.ArgsEscaped}}",
          "<> false");
    image("{{.Labels}} {{.HealthCheck}} {{.RepoTags}} {{.RootFS.Layers}}", "map[] <nil> [] []");
    image("{{range .History}}{{.CreatedBy}} {{.EmptyLayer}}<{{.Comment}}>;{{end}}",
          "ADD x true<>;RUN y false<>;");
}

static void test_lists_of_objects(void **state)
{
    check("images", "{'Labels': null}", "{{.ReadOnly}} {{.Dangling}} {{.Labels}} {{.RepoTags}}",
          "false false map[] []");
    check("images", "{'Dangling': true, 'Labels': {'a': '1'}}", "{{.Dangling}} {{.Labels}}",
          "true map[a:1]");
    check("history", "{'ID': 'a'}", "{{.Tags}}", "[]");
    check("ps", "{'Labels': null, 'Size': null, 'Namespaces': {}}",
          "<{{.CGROUPNS}}{{.IPC}}{{.MNT}}{{.NET}}{{.PIDNS}}{{.UTS}}{{.USERNS}}{{.Cgroup}}"
          "{{.Size}}{{.Namespaces.MNT}}> {{.Labels}}",
          "<> map[]");
    check("version", "{'Client': {}}", "{{.Server}}", "<nil>");
    check("info",
          "{'host': {'cgroupVersion': 'v2', 'idMappings': {'gidmap': null}},"
          " 'plugins': {'authorization': null}}",
          "{{.Host.CgroupsVersion}} {{.Host.IDMappings.GIDMap}} {{.Plugins.Authorization}} "
          "{{.Host.RuntimeInfo}}",
          "v2 [] [] map[]");
}

/* The object is known again, whatever way the template came to it. */
static void test_by_other_ways(void **state)
{
    container("{{with .Config}}{{.Volumes}} {{.Secrets}}{{end}}", "map[] []");
    container("{{$c := .HostConfig}}{{$c.Init}} {{$c.LogConfig.Config}}", "false map[]");
    container("{{(index .Mounts 0).Name}}|{{with index .Mounts 1}}{{.Name}}{{end}}", "|data");
    container("{{range .Mounts}}{{$.State.ConmonPid}}{{end}} {{.config.VOLUMES}}", "00 map[]");
}

/* As Go's encoder writes the same structures. */
static void test_json_has_none_of_it(void **state)
{
    container("{{json .Config}}",
              "{\"Labels\":null,\"Volumes\":null,\"Env\":[\"A=1\"],\"OnBuild\":null}");
    container("{{json .Config.Volumes}} {{json .Config.Secrets}} {{json .SizeRw}}",
              "null null null");
    container("{{json .Config.Timezone}} {{json .HostConfig.Init}} {{.State.ConmonPid | json}}",
              "\"\" false 0");
    check("ps", "{'Labels': null}", "{{json .}} {{json .Labels}}", "{\"Labels\":null} null");
}

/* A field belongs to its object, and to its document. */
static void test_elsewhere(void **state)
{
    refuse("inspect", container_text, "{{.ConmonPid}}",
           "template: inspect:1: executing \"inspect\" at <.ConmonPid>: can't evaluate field "
           "ConmonPid");
    refuse(
        "inspect", container_text, "{{.State.Init}}",
        "template: inspect:1: executing \"inspect\" at <.State.Init>: can't evaluate field Init");
    refuse("inspect", container_text, "{{.Config.ArgsEscaped}}",
           "template: inspect:1: executing \"inspect\" at <.Config.ArgsEscaped>: can't evaluate "
           "field ArgsEscaped");
    refuse("inspect", container_text, "{{.Config.Secret}}",
           "template: inspect:1: executing \"inspect\" at <.Config.Secret>: can't evaluate field "
           "Secret");
    refuse("inspect", container_text, "{{.Config.SecretsX}}",
           "template: inspect:1: executing \"inspect\" at <.Config.SecretsX>: can't evaluate field "
           "SecretsX");
    refuse("inspect", image_text, "{{.Config.Secrets}}",
           "template: inspect:1: executing \"inspect\" at <.Config.Secrets>: can't evaluate field "
           "Secrets");
    refuse("ps", "{'Id': 'a'}", "{{.Dangling}}",
           "template: ps:1: executing \"ps\" at <.Dangling>: can't evaluate field Dangling");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_out_of_a_container),
        cmocka_unit_test(test_null_in_a_container),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_lists_of_objects),
        cmocka_unit_test(test_by_other_ways),
        cmocka_unit_test(test_json_has_none_of_it),
        cmocka_unit_test(test_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
