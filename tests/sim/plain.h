/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cryptography for many homes. The build puts plain.c between all code of the simulation and libsodium (meson.build, --wrap);
 * until plain_begin() it only passes on. From then on
 *   - AEADs leave the bytes as they are and add a checksum as their tag: sizes, and what opens under which key, stay;
 *   - X25519 is a commutative hash;
 *   - a signature, and a key, is really checked once, and then remembered for all homes.
 * Nothing of it keeps a secret or withstands anybody. What a run proves about signatures it still proves.
 */
#pragma once

void plain_begin(void);
void plain_end(void); /* forgets what is remembered */
