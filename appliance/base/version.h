/* What both host tools say they are, and an image's provenance that it was built by.
 * Nothing of the enclave says it: its measurements do.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define CASEMATE_VERSION "0.1.0"

#endif
