/* SPDX-License-Identifier: Apache-2.0 */
/* A sample that the lint of the layers must refuse: base knows nothing above it. */
#include "base/buf.h"
#include "wire/reader.h"
