/* strv.c - vectors of strings: heap arrays of heap strings, ended by NULL. */
#include "base/str.h"

#include <string.h>

size_t strv_length(char *const *vector)
{
    size_t length = 0;

    while (vector && vector[length])
        length++;
    return length;
}

void strv_free(char **vector)
{
    for (size_t i = 0; vector && vector[i]; i++)
        free(vector[i]);
    free(vector);
}

char **strv_copy(char *const *vector)
{
    size_t length = strv_length(vector);
    CLEANUP_STRV char **copy = calloc(length + 1, sizeof(*copy));

    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        copy[i] = strdup(vector[i]);
        if (!copy[i])
            return NULL;
    }
    return TAKE_PTR(copy);
}

int strv_append_take(char ***vector, char *text)
{
    size_t length = strv_length(*vector);
    char **grown;

    if (!text)
        return -MCPD_E_NO_MEMORY;
    grown = reallocarray(*vector, length + 2, sizeof(*grown));
    if (!grown) {
        free(text);
        return -MCPD_E_NO_MEMORY;
    }
    grown[length] = text;
    grown[length + 1] = NULL;
    *vector = grown;
    return 0;
}

int strv_append(char ***vector, const char *text)
{
    return strv_append_take(vector, strdup(text));
}

char **strv_split(const char *text, char separator)
{
    size_t pieces = 1;
    CLEANUP_STRV char **vector = NULL;

    for (const char *c = text; *c; c++)
        pieces += *c == separator;
    vector = calloc(pieces + 1, sizeof(*vector));
    if (!vector)
        return NULL;
    for (size_t i = 0; i < pieces; i++) {
        const char *end = strchrnul(text, separator);

        vector[i] = strndup(text, (size_t)(end - text));
        if (!vector[i])
            return NULL;
        text = end + 1;
    }
    return TAKE_PTR(vector);
}

char *strv_join(char *const *vector, const char *separator)
{
    size_t separator_length = strlen(separator);
    size_t total = 1;
    char *text;
    char *end;

    for (size_t i = 0; vector && vector[i]; i++)
        total += strlen(vector[i]) + separator_length;
    text = malloc(total);
    if (!text)
        return NULL;
    end = text;
    for (size_t i = 0; vector && vector[i]; i++) {
        if (i > 0)
            end = mempcpy(end, separator, separator_length);
        end = mempcpy(end, vector[i], strlen(vector[i]));
    }
    *end = '\0';
    return text;
}

bool strv_contains(char *const *vector, const char *text)
{
    for (size_t i = 0; vector && vector[i]; i++)
        if (strcmp(vector[i], text) == 0)
            return true;
    return false;
}

/* Index of the assignment to key[0..length), or the vector's length. */
static size_t env_find(char *const *vector, const char *key, size_t length)
{
    size_t i;

    for (i = 0; vector && vector[i]; i++)
        if (strncmp(vector[i], key, length) == 0 &&
            (vector[i][length] == '=' || vector[i][length] == '\0'))
            break;
    return i;
}

const char *strv_env_get(char *const *vector, const char *key)
{
    size_t length = strlen(key);
    size_t i = env_find(vector, key, length);

    if (!vector || !vector[i] || vector[i][length] != '=')
        return NULL;
    return vector[i] + length + 1;
}

int strv_env_set(char ***vector, const char *assignment)
{
    size_t i = env_find(*vector, assignment, strcspn(assignment, "="));
    char *copy;

    if (!*vector || !(*vector)[i])
        return strv_append(vector, assignment);
    copy = strdup(assignment);
    if (!copy)
        return -MCPD_E_NO_MEMORY;
    free((*vector)[i]);
    (*vector)[i] = copy;
    return 0;
}
