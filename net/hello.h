/* The server name in a TLS ClientHello (RFC 8446 §4.1.2 and §5.1, RFC 6066 §3;
 * TLS 1.2's, RFC 5246 §7.4.1.2, reads the same), as a policy's rule with "tls:"
 * wants it: whoever answers must then show a certificate of that name, or the
 * program does not talk to it.
 *
 * It is what the program says in clear: with Encrypted ClientHello the name in
 * front of it, and it holds for programs that check certificates. One that wants to
 * deceive can name what it likes.
 *
 * Pure; the input is the program's, which may be hostile.
 */
#ifndef NET_HELLO_H
#define NET_HELLO_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum { HELLO_NAME_MAX = 253 };

/* in is the beginning of a TCP stream. *len bytes of name are any, as they
 * came, but for letters, which are lower-case: policy_is_name judges whether it is a name.
 *
 * RC_OK    a whole ClientHello, in one record or several, that has one name; what
 *          follows in the stream is not looked at
 * RC_MORE  only the beginning of one
 * RC_BAD   not a ClientHello, or one without a name, or with more than one */
RC_CHECK enum rc hello_name(struct slice in, uint8_t name[HELLO_NAME_MAX], size_t *len);

#endif
