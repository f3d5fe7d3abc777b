/*
 * crc64.c - see crc64.h.
 *
 * A zero byte behind a message multiplies the remainder by x^8, so a hole multiplies it by
 * x^(8 * count), which is a logarithmic number of multiplications of polynomials over GF(2). Bit 63
 * is the coefficient of x^0 (reflected).
 */
#include "oci/layer/crc64.h"

#include <isa-l/crc64.h>

#define POLYNOMIAL UINT64_C(0xc96c5795d7870f42)
#define ONE        (UINT64_C(1) << 63)
#define X8         (ONE >> 8)

uint64_t crc64_update(uint64_t crc, const void *bytes, size_t count)
{
    return crc64_ecma_refl(crc, bytes, count);
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (; a != 0; a <<= 1) {
        if (a & ONE)
            product ^= b;
        b = b & 1 ? b >> 1 ^ POLYNOMIAL : b >> 1;
    }
    return product;
}

uint64_t crc64_update_zeros(uint64_t crc, uint64_t count)
{
    uint64_t remainder = ~crc;

    for (uint64_t power = X8; count > 0; count >>= 1) {
        if (count & 1)
            remainder = multiply(remainder, power);
        power = multiply(power, power);
    }
    return ~remainder;
}
