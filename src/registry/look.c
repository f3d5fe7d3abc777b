/* look.c - see look.h. */
#include "registry/look.h"

#include "base/str.h"
#include "registry/resolve.h"

static int open_client(const struct reference *reference, const struct registry_options *options,
                       struct client *ret_client, struct mcpd_error *err)
{
    int rc = client_open(reference, options, ret_client, err);

    /* A missing auth file is no missing image. */
    if (rc == -MCPD_E_NOT_FOUND)
        return error_recode(err, MCPD_E_INVALID);
    if (rc == 0)
        client_set_context(ret_client, "reading image \"docker://%s\"", ret_client->shown_name);
    return rc;
}

int look_exists(const struct reference *reference, const struct registry_options *options,
                bool *ret_exists, struct mcpd_error *err)
{
    CLEANUP_CLIENT struct client client = {0};
    struct mcpd_error problem = {0};
    int rc = open_client(reference, options, &client, err);

    if (rc < 0)
        return rc;
    rc = resolve_head(&client, &problem);
    /* Some registries know no HEAD here, and the 404 of a HEAD has no body to be known by. */
    if (rc == -MCPD_E_PROTOCOL) {
        CLEANUP_RESOLVED struct resolved unused = {0};

        rc = resolve_document(&client, &unused.manifest_text, &problem);
    }
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND)
        return client_wrap(&client, error_copy(err, &problem), err);
    *ret_exists = rc == 0;
    return 0;
}

int look_manifest(const struct reference *reference, const struct registry_options *options,
                  char **ret_text, struct mcpd_error *err)
{
    CLEANUP_RESOLVED struct resolved resolved = {0};
    CLEANUP_CLIENT struct client client = {0};
    int rc = open_client(reference, options, &client, err);

    if (rc < 0)
        return rc;
    rc = resolve_document(&client, &resolved.manifest_text, err);
    if (rc < 0)
        return client_wrap(&client, rc, err);
    *ret_text = TAKE_PTR(resolved.manifest_text.text);
    return 0;
}
