/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a QUIC session: a certificate that is made for one meeting, and the hash of it that the other
 * home was told in a sealed offer. No name in it, no authority behind it, no time: the hash alone is compared.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"

#include <gnutls/gnutls.h>

struct cert {
        gnutls_certificate_credentials_t with;
        struct hash print; /* SHA-256 of the certificate as it goes over the line (RFC 8122, 5) */
};

/* A fresh Ed25519 key and its certificate. False: no memory. */
bool cert_make(struct cert *ret);
void cert_fini(struct cert *c);
/* Did the other end of @tls show the certificate with this @print, and that it has its key? Once the handshake has it. */
bool cert_shown(gnutls_session_t tls, const struct hash *print);
