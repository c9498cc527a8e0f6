/* The verbs of casemate-image. Each parses its own options from argv, whose
 * first element is "casemate-image: VERB" for getopt's messages, and returns
 * the program's exit status: 0, 1 for a failure, 2 for wrong usage.
 */
#ifndef IMAGE_VERBS_H
#define IMAGE_VERBS_H

#include "appliance/base/slice.h"
#include "tools/image/outfile.h"

enum { EXIT_USAGE = 2 };

int verb_eif_build(int argc, char **argv);
int verb_eif_describe(int argc, char **argv);
int verb_eif_extract(int argc, char **argv);
int verb_cpio(int argc, char **argv);
int verb_app(int argc, char **argv); /* "build" */
int verb_manifest_check(int argc, char **argv);
int verb_rebuild_check(int argc, char **argv);
int verb_provenance_check(int argc, char **argv);

/* As verb_app, but with the text of a manifest, whose p is NULL if there is none, and
 * into a scratch file beside `beside`: nothing gets a name, nothing is signed or printed
 * but errors. */
RC_CHECK enum rc verb_app_again(int argc, char **argv, struct slice manifest, const char *beside,
                                struct outfile *scratch);

#endif
