/* Which of the words that are known somebody may have meant. Pure. */
#ifndef IMAGE_NEAREST_H
#define IMAGE_NEAREST_H

#include "appliance/base/slice.h"

enum { NEAREST_MAX = 64 }; /* bytes of a word; longer ones resemble nothing */

struct nearest {
	struct slice word; /* what was written */
	struct slice best; /* len 0: none resembles it */
	size_t distance;   /* of the best */
};

struct nearest nearest_of(struct slice word);

/* Is candidate nearer than the best so far? The distance is the number of bytes to
 * put in, take out, replace or swap with a neighbour, whether upper or lower case;
 * more than a third of the longer word's length is no resemblance. Of equals the
 * first remains. */
void nearest_try(struct nearest *n, struct slice candidate);

#endif
