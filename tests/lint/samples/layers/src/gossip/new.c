/* SPDX-License-Identifier: Apache-2.0 */
/* A sample that the lint of the layers must refuse: a folder nobody decided about. */
#include "base/base.h"
