/* What push and pull share: their options, and a transfer from the connection
 * to what is said of it.
 */
#ifndef TOOL_COPY_H
#define TOOL_COPY_H

#include "channel/transfer.h"
#include "tools/casemate/target.h"
#include "tools/casemate/verb.h"

/* Reads the options into t. The number of sources, at least one, which begin at
 * argv[optind]; the destination is the argument behind them and the last. needs
 * says what the two are, for who gave less: that ends the process. */
size_t copy_options(const struct verb *v, int argc, char **argv, const char *needs,
                    struct transfer *t);

/* Connects to the target and moves count sources to dst, which is a folder to be
 * copied into when it ends in / or there are several. move is transfer_push or
 * transfer_pull. Says what came of it; the status to exit with. */
int copy_run(const struct target *target, struct transfer *t, char *const *src, size_t count,
             const char *dst,
             enum rc (*move)(int conn, struct transfer *t, char *const *src, size_t count,
                             const char *dst, bool into));

#endif
