/* Result codes, the one error type of the project.
 *
 * A function that can fail returns `enum rc`. Contexts latch the first code
 * that is not RC_OK and do nothing after it. Where errno says more (RC_IO),
 * it is left as the failing call set it.
 */
#ifndef BASE_RC_H
#define BASE_RC_H

#define RC_CHECK __attribute__((warn_unused_result))

enum rc {
	RC_OK = 0,
	RC_MORE = 1,     /* well formed so far, more input is needed */
	RC_BAD = 2,      /* malformed input */
	RC_LIMIT = 3,    /* well formed, over one of our limits */
	RC_IO = 4,       /* a system call failed, see errno */
	RC_EOF = 5,      /* the peer ended where it may not */
	RC_TIMEOUT = 6,  /* a deadline passed */
	RC_DENIED = 7,   /* understood and refused */
	RC_MISMATCH = 8, /* a digest, signature or measurement differs */
	RC_ABSENT = 9,   /* what was asked for does not exist */
};

/* A short English phrase for rc, without a full stop; never NULL. */
const char *rc_str(enum rc rc);

#endif
