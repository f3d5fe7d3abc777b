/*
 * fuzz_registriesconf.c - libFuzzer target: any bytes as a registries.conf. What is taken can be
 * asked: every name that comes out is one, and the origin is the last of the sources.
 */
#include "fuzz.h"

#include "oci/registriesconf.h"

static void ask_registriesconf(const struct registriesconf *conf, const char *text)
{
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};

    if (registriesconf_names(conf, text, &names, NULL) < 0)
        return;
    FUZZ_CHECK(names.count > 0);
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP_REGISTRIESCONF_SOURCES struct registriesconf_sources sources = {0};
        char full[REFERENCE_MAX_LENGTH + 1];
        struct reference again;

        reference_format(&names.list[i], full, sizeof(full));
        FUZZ_CHECK(reference_parse(full, &again, NULL) == 0);
        if (registriesconf_sources(conf, &names.list[i], &sources, NULL) == 0)
            FUZZ_CHECK(sources.count > 0 && !sources.list[sources.count - 1].is_mirror);
    }
}

static bool accepts(const char *text, size_t length)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};

    if (registriesconf_add(&conf, text, length, "f", NULL) < 0)
        return false;
    ask_registriesconf(&conf, "alpine");
    ask_registriesconf(&conf, "a/b:1");
    ask_registriesconf(&conf, "h.io/x/y");
    return true;
}

FUZZ_TARGET(1u << 16)
