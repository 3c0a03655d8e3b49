/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/cert.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <sodium.h>

#define NAME "meeting"      /* TLS wants one; it is the same for all */
#define NO_END (time_t)(-1) /* GnuTLS: 9999-12-31, which RFC 5280 has for "no end" */

static bool hash_of(const gnutls_datum_t *der, struct hash *ret) {
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, ret->b) == 0;
}

/* A self-signed certificate over @key. */
static bool sign_own(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
        static const uint8_t serial[] = {1};
        return gnutls_x509_crt_set_version(crt, 3) == 0 && gnutls_x509_crt_set_key(crt, key) == 0 &&
               gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)) == 0 &&
               gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, NAME, sizeof(NAME) - 1) == 0 &&
               gnutls_x509_crt_set_activation_time(crt, 0) == 0 &&
               gnutls_x509_crt_set_expiration_time(crt, NO_END) == 0 &&
               gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA512, 0) == 0;
}

static bool fill(struct cert *c, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
        gnutls_datum_t der = {0};
        bool ok = gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 0, 0) == 0 && sign_own(crt, key) &&
                  gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) == 0 && hash_of(&der, &c->print) &&
                  gnutls_certificate_set_x509_key(c->with, &crt, 1, key) >= 0;
        gnutls_free(der.data);
        return ok;
}

bool cert_make(struct cert *ret) {
        gnutls_x509_crt_t crt = NULL;
        gnutls_x509_privkey_t key = NULL;
        *ret = (struct cert){0};
        bool ok = gnutls_certificate_allocate_credentials(&ret->with) == 0 && gnutls_x509_crt_init(&crt) == 0 &&
                  gnutls_x509_privkey_init(&key) == 0 && fill(ret, crt, key);
        if (crt)
                gnutls_x509_crt_deinit(crt);
        if (key)
                gnutls_x509_privkey_deinit(key);
        if (!ok)
                cert_fini(ret);
        return ok;
}

void cert_fini(struct cert *c) {
        if (c->with)
                gnutls_certificate_free_credentials(c->with);
        *c = (struct cert){0};
}

bool cert_shown(gnutls_session_t tls, const struct hash *print) {
        unsigned n = 0;
        struct hash shown;
        const gnutls_datum_t *list = gnutls_certificate_get_peers(tls, &n);
        return list && n == 1 && hash_of(&list[0], &shown) && sodium_memcmp(shown.b, print->b, sizeof(shown)) == 0;
}
