/* A plan as JSON with the manifest's own keys, defaults filled in: it is a manifest
 * that means the same. What a service has of its container image is left out, as in
 * the file. Wraps jansson.
 */
#ifndef IMAGE_MANIFEST_JSON_H
#define IMAGE_MANIFEST_JSON_H

#include "tools/image/plan.h"

/* Of a plan after plan_parse(). The caller frees it; NULL when memory is out. */
char *manifest_json(const struct plan *p);

#endif
