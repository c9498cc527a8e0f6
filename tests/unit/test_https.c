/* The server against BearSSL's client: handshakes, time, back-pressure. */
#include "tests/unit/https_peer.h"

/* --- handshakes -------------------------------------------------------------------------- */

static void test_handshakes(void)
{
	struct https_counters was = *https_counters();

	peer_init();
	connect_peer(false);
	say(GET("/health"), SIZE_MAX);
	CHECK(heard_status() == 200 && heard_all() && strcmp(heard_body(), HEALTHY) == 0);
	CHECK(https_counters()->handshakes == was.handshakes + 1);
	CHECK(https_counters()->resumed == was.resumed);
	connect_peer(true);
	say(GET("/health"), SIZE_MAX);
	CHECK(heard_status() == 200);
	CHECK(https_counters()->resumed == was.resumed + 1);
	connect_peer(false);
	say(GET("/health"), SIZE_MAX);
	CHECK(https_counters()->handshakes == was.handshakes + 3);
	CHECK(https_counters()->resumed == was.resumed + 1);
	CHECK(https_counters()->tls_errors == was.tls_errors);
}

static void test_bytewise(void)
{
	peer_init();
	connect_peer(false);
	say(GET("/health") GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"), 1);
	CHECK(heard_status() == 200 && heard_has("application/cose"));
	CHECK(heard_has(HEALTHY) && !https_done(server));
	CHECK(memcmp(peer.heard + peer.heard_len - document.len, document.p, document.len) == 0);
}

static bool succeeds(void)
{
	ask(GET("/health"));
	return heard_status() == 200;
}

static void test_parameters(void)
{
	static const uint16_t old[] = { BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
		                        BR_TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256,
		                        BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 };
	static const uint16_t cbc_sha = BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA;
	static const char *h2[] = { "h2" }, *both[] = { "h2", "http/1.1" };
	br_ec_impl only = br_ec_all_m31;

	for (size_t i = 0; i < 3; i++) {
		peer_init();
		br_ssl_engine_set_suites(&peer.tls.eng, suites + i, 1);
		CHECK(succeeds());
		CHECK(peer.tls.eng.session.cipher_suite == suites[i]);
		peer_init();
		br_ssl_engine_set_suites(&peer.tls.eng, old + i, 1);
		CHECK(!succeeds() && https_done(server));
	}
	for (unsigned curve = BR_EC_secp256r1; curve <= BR_EC_curve25519; curve++) {
		only.supported_curves = 1u << curve | 1u << BR_EC_secp256r1;
		peer_init();
		br_ssl_engine_set_ec(&peer.tls.eng, &only);
		CHECK(succeeds());
		CHECK(peer.tls.eng.ecdhe_curve ==
		      (curve == BR_EC_curve25519 ? BR_EC_curve25519 : BR_EC_secp256r1));
	}
	peer_init();
	br_ssl_engine_set_protocol_names(&peer.tls.eng, h2, 1);
	CHECK(!succeeds());
	peer_init();
	br_ssl_engine_set_protocol_names(&peer.tls.eng, both, 2);
	CHECK(succeeds());
	CHECK(strcmp(br_ssl_engine_get_selected_protocol(&peer.tls.eng), "http/1.1") == 0);
	peer_init();
	br_ssl_engine_set_versions(&peer.tls.eng, BR_TLS10, BR_TLS11);
	br_ssl_engine_set_hash(&peer.tls.eng, br_sha1_ID, &br_sha1_vtable);
	br_ssl_engine_set_prf10(&peer.tls.eng, &br_tls10_prf);
	br_ssl_engine_set_default_aes_cbc(&peer.tls.eng);
	br_ssl_engine_set_suites(&peer.tls.eng, &cbc_sha, 1);
	CHECK(!succeeds());
	drain();
	CHECK(https_done(server));
}

/* Refused with a warning. (BearSSL's client gives up at it; we do not.) */
static void test_renegotiation(void)
{
	peer_init();
	connect_peer(false);
	say(GET("/health"), SIZE_MAX);
	CHECK(br_ssl_engine_renegotiate(&peer.tls.eng));
	pump(SIZE_MAX);
	CHECK(br_ssl_engine_last_error(&peer.tls.eng) ==
	      BR_ERR_RECV_FATAL_ALERT + BR_ALERT_NO_RENEGOTIATION);
	CHECK(!https_done(server));
}

static void test_garbage(void)
{
	static const char *starts[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff",
		                        "\x16\x03\x03\x40\x01", "\x17\x03\x03", "\x80\x2e\x01" };
	struct https_counters was = *https_counters();
	size_t n = sizeof starts / sizeof *starts;

	for (size_t i = 0; i < n; i++) {
		uint8_t more[64] = { 0 };

		https_open(server, now);
		(void)https_in(server, slice_str(starts[i]), now);
		for (int k = 0; k < 600 && !https_done(server); k++)
			(void)https_in(server, slice_of(more, sizeof more), now);
		CHECK(https_done(server) && https_idleness(server) == 3);
		CHECK(https_in(server, slice_of(more, sizeof more), now) == sizeof more);
	}
	CHECK(https_counters()->tls_errors == was.tls_errors + n);
}

/* The peer ends after every number of bytes of a connection. */
static void test_truncated(void)
{
	size_t all;

	peer_init();
	ask(GET("/health"));
	all = taken;
	for (size_t n = 0; n < all; n++) {
		connect_peer(false);
		peer.say = slice_str(GET("/health"));
		for (bool moved = true; moved && taken < n;) {
			moved = peer_to_server(1);
			moved |= server_to_peer(SIZE_MAX);
			moved |= peer_speaks();
			moved |= peer_hears();
		}
		https_in_end(server);
		drain();
		CHECK(https_done(server) && peer.heard_len == 0);
	}
	/* The request was whole: its answer still comes. */
	connect_peer(false);
	peer.say = slice_str(GET("/health"));
	while (peer_to_server(1) || peer_speaks() || (taken < 200 && server_to_peer(SIZE_MAX))) {
	}
	pump(SIZE_MAX);
	https_in_end(server);
	pump(SIZE_MAX);
	CHECK(heard_status() == 200 && https_done(server) && peer_closed());
}

static void test_goodbye(void)
{
	peer_init();
	ask(GET("/health"));
	br_ssl_engine_close(&peer.tls.eng);
	pump(SIZE_MAX);
	CHECK(https_done(server) && https_out(server).len == 0 && peer_closed());
	CHECK(br_ssl_engine_last_error(&peer.tls.eng) == BR_ERR_OK);
	ask("GET /health HTTP/1.0\r\n\r\n");
	CHECK(heard_status() == 200 && https_done(server));
	CHECK(br_ssl_engine_last_error(&peer.tls.eng) == BR_ERR_OK);
}

static void test_renewal(void)
{
	for (unsigned renewals = 0; renewals < 4; renewals++) {
		peer_init();
		connect_peer(false);
		while (peer_to_server(SIZE_MAX)) { /* ClientHello; the answer waits */
		}
		for (unsigned i = 0; i < renewals; i++)
			CHECK(cert_renew(document, 1790000000 + i).len > 0);
		say(GET("/health"), SIZE_MAX);
		CHECK((heard_status() == 200) == (renewals < 2));
		CHECK(https_done(server) == (renewals >= 2));
	}
}

static void test_certificate_bounds(void)
{
	static uint8_t big[CERT_MAX];

	CHECK(cert_renew(slice_of(big, sizeof big), 1790000000).len == 0);
	CHECK(cert_renew(slice_of(big, sizeof big - 400), 1790000000).len == 0);
	CHECK(cert_renew(slice_of(big, CERT_MAX - 512), 1790000000).len > 0);
	CHECK(cert_renew(document, INT64_MAX - CERT_AFTER_S).len == 0);
	CHECK(cert_renew(document, -(INT64_C(1) << 40)).len == 0);
	CHECK(cert_renew(slice_of(NULL, 0), 1790000000).len > 0);
	peer_init();
	CHECK(succeeds());
	CHECK(cert_renew(document, 1790000000).len > 0);
	CHECK(succeeds());
}

/* --- time and back-pressure -------------------------------------------------------------------- */

static int64_t left(void)
{
	return https_deadline(server) - now;
}

static void test_deadlines(void)
{
	peer_init();
	now = 1000;
	connect_peer(false);
	CHECK(left() == HTTPS_HANDSHAKE_MS && https_idleness(server) == 2);
	now += 5000;
	while (peer_to_server(1)) {
	}
	CHECK(left() == HTTPS_HANDSHAKE_MS - 5000);
	pump(SIZE_MAX);
	CHECK(left() == HTTPS_IDLE_MS && https_idleness(server) == 3);
	now += 1000;
	say("G", SIZE_MAX);
	CHECK(left() == HTTPS_REQUEST_MS && https_idleness(server) == 1);
	now += 1000;
	say("ET /health HTTP/1.1\r\n", SIZE_MAX);
	CHECK(left() == HTTPS_REQUEST_MS - 1000);
	say("Host: a\r\nContent-Length: 9\r\n\r\n", SIZE_MAX);
	CHECK(left() == HTTPS_REQUEST_MS - 1000);
	now += 1000;
	say("12345678", SIZE_MAX);
	CHECK(left() == HTTPS_REQUEST_MS - 2000);
	say("9", SIZE_MAX);
	CHECK(heard_status() == 200 && left() == HTTPS_IDLE_MS);
	document.len = 0; /* nobody brings it */
	say(GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"), SIZE_MAX);
	CHECK(left() == HTTPS_DOCUMENT_MS && https_idleness(server) == 0);
}

/* A client that asks and asks and never reads: what the server takes is
 * bounded, and the time too, however slowly some of it goes. */
static void test_stall(void)
{
	static char many[200 * sizeof GET("/touch")];
	size_t n = 0;

	peer_init();
	connect_peer(false);
	pump(SIZE_MAX);
	while (n + sizeof GET("/touch") <= sizeof many)
		n += (size_t)snprintf(many + n, sizeof many - n, "%s", GET("/touch"));
	peer.say = slice_of(many, n);
	while (peer_speaks() || peer_to_server(SIZE_MAX)) {
	}
	CHECK(https_out(server).len > 0 && left() == HTTPS_STALL_MS && https_idleness(server) == 0);
	CHECK(!peer_to_server(SIZE_MAX));
	for (int64_t start = now; now < start + 2 * HTTPS_ANSWER_MS && left() > 0; now += 5000) {
		CHECK(left() <= HTTPS_STALL_MS && now <= start + HTTPS_ANSWER_MS);
		(void)server_to_peer(1);
	}
	CHECK(left() <= 0);
}

/* Behind a request that was refused the rest is dropped. */
static void test_dropped(void)
{
	peer_init();
	ask("BAD\r\nmore");
	CHECK(heard_status() == 400 && https_done(server) && peer_closed());
	CHECK(https_in(server, slice_str("anything"), now) == 8);
	https_in_end(server);
	CHECK(https_done(server) && https_out(server).len == 0);
}

static void test_wiped(void)
{
	const uint8_t *p = (const uint8_t *)server;
	size_t left_over = 0;

	ask(GET("/health"));
	https_close(server);
	for (size_t i = 0; i < https_size(); i++)
		left_over += p[i] != 0;
	CHECK(left_over <= 1 && https_done(server)); /* its state */
}

int main(void)
{
	if (!begin_server())
		return test_end();
	test_handshakes();
	test_bytewise();
	test_parameters();
	test_renegotiation();
	test_garbage();
	test_truncated();
	test_goodbye();
	test_renewal();
	test_certificate_bounds();
	test_stall();
	test_dropped();
	test_deadlines();
	test_wiped();
	return end_server();
}
