/* ident.h - random ids and names of containers. */
#ifndef BASE_IDENT_H
#define BASE_IDENT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define IDENT_SIZE 65 /* 64 hex digits and NUL */

/* 256 random bits from getrandom(2). */
int ident_generate(char ret_id[IDENT_SIZE], struct mcpd_error *err) MUST_CHECK;
/* "adjective_surname" out of the id's bits, as docker and podman do for unnamed containers. */
void ident_random_name(const char *id, unsigned int attempt, char *buffer, size_t size);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128 bytes. */
bool ident_is_valid_name(const char *name);

#endif
