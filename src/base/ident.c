/* ident.c - random ids and names of containers. */
#include "base/ident.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"

#define SHORT_ID_LENGTH 12
#define NAME_LENGTH_MAX 128

static const char *const adjectives[] = {
    "able",      "agile",    "amber",    "awake",    "balmy",   "bold",     "brave",    "breezy",
    "bright",    "brisk",    "calm",     "candid",   "careful", "cheerful", "clever",   "cosmic",
    "crisp",     "curious",  "daring",   "dazzling", "eager",   "earnest",  "easy",     "elegant",
    "epic",      "fair",     "fancy",    "fearless", "festive", "fluent",   "fond",     "free",
    "frosty",    "funny",    "gentle",   "gifted",   "glad",    "golden",   "graceful", "grand",
    "happy",     "hardy",    "hearty",   "honest",   "hopeful", "humble",   "ideal",    "jolly",
    "jovial",    "keen",     "kind",     "lively",   "loyal",   "lucid",    "lucky",    "lunar",
    "mellow",    "merry",    "mighty",   "mindful",  "modest",  "neat",     "nifty",    "nimble",
    "noble",     "patient",  "placid",   "playful",  "polite",  "proud",    "prudent",  "quick",
    "quiet",     "quirky",   "radiant",  "rapid",    "ready",   "robust",   "rosy",     "serene",
    "sharp",     "shiny",    "silent",   "sincere",  "sleek",   "smart",    "snug",     "solar",
    "sparkling", "spry",     "steady",   "stellar",  "sunny",   "swift",    "tender",   "thrifty",
    "tidy",      "tranquil", "trusty",   "upbeat",   "valiant", "vivid",    "warm",     "wise",
    "witty",     "worthy",   "youthful", "zesty",
};

static const char *const surnames[] = {
    "abel",       "agnesi",     "ampere",     "anning",  "archimedes", "babbage",    "banach",
    "banneker",   "bell",       "bernoulli",  "bohr",    "boole",      "bose",       "boyle",
    "brahe",      "cantor",     "carson",     "cauchy",  "cerf",       "chandra",    "chern",
    "church",     "clarke",     "cray",       "curie",   "dalton",     "darwin",     "davy",
    "dijkstra",   "dirac",      "easley",     "edison",  "einstein",   "engelbart",  "euclid",
    "euler",      "faraday",    "fermat",     "fermi",   "feynman",    "fourier",    "franklin",
    "galileo",    "galois",     "gauss",      "germain", "godel",      "goodall",    "hamilton",
    "hawking",    "heisenberg", "herschel",   "hilbert", "hodgkin",    "hopper",     "hubble",
    "hypatia",    "jackson",    "johnson",    "joliot",  "kepler",     "khayyam",    "kilby",
    "knuth",      "lagrange",   "lamarr",     "laplace", "leavitt",    "leibniz",    "lovelace",
    "lumiere",    "maxwell",    "mcclintock", "meitner", "mendel",     "mirzakhani", "morse",
    "napier",     "nash",       "newton",     "nobel",   "noether",    "ohm",        "oppenheimer",
    "pascal",     "pasteur",    "pauling",    "planck",  "poincare",   "ptolemy",    "ramanujan",
    "riemann",    "ritchie",    "roentgen",   "rubin",   "sagan",      "shannon",    "sinclair",
    "somerville", "stallman",   "swartz",     "tesla",   "thompson",   "torvalds",   "turing",
    "volta",      "wiles",      "wing",       "wozniak", "wright",     "yalow",      "yonath",
};

static bool is_all_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

int ident_generate(char ret_id[IDENT_SIZE], struct mcpd_error *err)
{
    uint8_t bytes[(IDENT_SIZE - 1) / 2];

    /* The short id is also the host name, and a name of digits only is taken for an address. */
    do {
        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
            return error_errno(err, "get random bytes");
        str_hex(bytes, sizeof(bytes), ret_id);
    } while (is_all_digits(ret_id, SHORT_ID_LENGTH));
    return 0;
}

void ident_random_name(const char *id, unsigned int attempt, char *buffer, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037) + attempt; /* FNV-1a */
    uint64_t rest;

    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    rest = (hash >> 20) / ARRAY_SIZE(adjectives);
    (void)snprintf(buffer, size, "%s_%s", adjectives[(hash >> 20) % ARRAY_SIZE(adjectives)],
                   surnames[rest % ARRAY_SIZE(surnames)]);
    /* Many names are taken: make them longer. */
    if (attempt > 2) {
        size_t length = strlen(buffer);

        (void)snprintf(buffer + length, size - length, "%u", (unsigned int)(hash & 0xffff));
    }
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool ident_is_valid_name(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    if (length == 0 || length > NAME_LENGTH_MAX || !is_letter_or_digit(name[0]))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_letter_or_digit(name[i]) && name[i] != '_' && name[i] != '.' && name[i] != '-')
            return false;
    return true;
}
