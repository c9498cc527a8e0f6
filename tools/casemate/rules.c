#include "tools/casemate/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/tun.h"
#include "tools/casemate/child.h"
#include "tools/casemate/text.h"

#define TABLE "inet casemate"

enum { V4_BITS = 8 * PACKET_V4, LISTING_MAX = 32768, NO_PROGRAM = 127, ABSENT = 1 };

/* --- addresses ------------------------------------------------------------------- */

static bool is_v6(const uint8_t address[PACKET_ADDRESS])
{
	struct in6_addr a;

	memcpy(&a, address, sizeof a);
	return !IN6_IS_ADDR_V4MAPPED(&a);
}

static const char *text(const uint8_t address[PACKET_ADDRESS])
{
	static char out[INET6_ADDRSTRLEN];
	bool v6 = is_v6(address);

	return inet_ntop(v6 ? AF_INET6 : AF_INET, address + (v6 ? 0 : PACKET_V4), out, sizeof out);
}

/* --- the table ------------------------------------------------------------------- */

static void put_sysctls(FILE *out, const struct sysctls *s)
{
	fputs("\tchain settings {\n", out);
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "\t\treturn comment \"%s=%s\"\n", s->s[i].path, s->s[i].was);
	fputs("\t}\n", out);
}

static void put_allowed(FILE *out, const struct destinations *d, bool v6)
{
	const char *between = "\t\telements = {";
	int version = v6 ? 6 : 4;

	fprintf(out, "\tset allowed%d {\n\t\ttype ipv%d_addr\n", version, version);
	fputs("\t\tflags interval\n\t\tauto-merge\n", out);
	for (size_t i = 0; i < d->n; i++) {
		unsigned bits = d->allowed[i].bits;

		if (is_v6(d->allowed[i].address) != v6)
			continue;
		fprintf(out, "%s %s/%u", between, text(d->allowed[i].address),
		        v6 ? bits : bits - V4_BITS);
		between = ",";
	}
	fputs(*between == ',' ? " }\n\t}\n" : "\t}\n", out);
}

/* What leads to a published port, from outside or from this host itself. */
static void put_port(FILE *out, const struct publish *p, bool outside)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&p->at;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&p->at;
	uint8_t address[PACKET_ADDRESS];
	bool v6 = p->at.ss_family == AF_INET6, loopback, any;

	if (v6)
		memcpy(address, &six->sin6_addr, PACKET_ADDRESS);
	else
		packet_v4(address, (const uint8_t *)&four->sin_addr);
	loopback = v6 ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) : address[PACKET_V4] == 127;
	any = v6 ? IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr) : four->sin_addr.s_addr == 0;
	if (outside && loopback)
		return;
	if (any)
		fprintf(out, "\t\tmeta nfproto ipv%d fib daddr type local", v6 ? 6 : 4);
	else
		fprintf(out, "\t\t%s daddr %s", v6 ? "ip6" : "ip", text(address));
	fprintf(out, " %s dport %u dnat ", p->udp ? "udp" : "tcp",
	        ntohs(v6 ? six->sin6_port : four->sin_port));
	fprintf(out, v6 ? "ip6 to [%s]:%u\n" : "ip to %s:%u\n",
	        text(v6 ? tun_enclave6 : tun_enclave4), p->port);
}

/* The host's loopback, by the name that the enclave has for it. */
static void put_loopback(FILE *out, const struct rules *r, const uint8_t *gateway)
{
	uint8_t real[PACKET_ADDRESS];
	const char *ip = is_v6(gateway) ? "ip6" : "ip";

	if (!destinations_find(r->allowed, gateway, real))
		return;
	fprintf(out, "\t\tiifname \"%s\" %s daddr %s ", r->device, ip, text(gateway));
	fprintf(out, "dnat %s to %s\n", ip, text(real));
}

static void put_nat(FILE *out, const struct rules *r)
{
	fputs("\tchain outside {\n\t\ttype nat hook prerouting priority dstnat\n", out);
	put_loopback(out, r, tun_gateway4);
	put_loopback(out, r, tun_gateway6);
	fprintf(out, "\t\tiifname \"%s\" accept\n", r->device);
	for (size_t i = 0; i < r->ports; i++)
		put_port(out, &r->port[i], true);
	fputs("\t}\n\tchain inside {\n\t\ttype nat hook output priority -100\n", out);
	for (size_t i = 0; i < r->ports; i++)
		put_port(out, &r->port[i], false);
	fputs("\t}\n\tchain source {\n\t\ttype nat hook postrouting priority srcnat\n", out);
	/* Nobody answers to a loopback address; the gateway's takes its place. */
	fprintf(out,
	        "\t\toifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n"
	        "\t\toifname \"%s\" ip6 saddr ::1 masquerade\n\t\toifname \"%s\" accept\n",
	        r->device, r->device, r->device);
	fprintf(out, "\t\tip saddr %s masquerade\n", text(tun_enclave4));
	fprintf(out, "\t\tip6 saddr %s masquerade\n\t}\n", text(tun_enclave6));
}

static void put_refusals(FILE *out)
{
	fputs("\tchain refuse {\n"
	      "\t\tmeta l4proto tcp reject with tcp reset\n"
	      "\t\treject with icmpx admin-prohibited\n"
	      "\t}\n"
	      /* As destinations.c has them. */
	      "\tchain special {\n"
	      "\t\tip daddr @allowed4 return\n"
	      "\t\tip6 daddr @allowed6 return\n"
	      "\t\tip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, "
	      "255.255.255.255 } goto refuse\n"
	      "\t\tip6 daddr { ::/80, fe80::/10, ff00::/8, fd00:ec2::/32 } goto refuse\n"
	      "\t}\n",
	      out);
}

static void put_filters(FILE *out, const struct rules *r)
{
	const char *d = r->device;

	fputs("\tchain through {\n\t\ttype filter hook forward priority filter\n", out);
	if (sysctl_has(r->settings, SYSCTL_FORWARD4))
		fprintf(out, "\t\tmeta nfproto ipv4 iifname != \"%s\" oifname != \"%s\" drop\n", d,
		        d);
	if (sysctl_has(r->settings, SYSCTL_FORWARD6))
		fprintf(out, "\t\tmeta nfproto ipv6 iifname != \"%s\" oifname != \"%s\" drop\n", d,
		        d);
	fprintf(out,
	        "\t\tiifname != \"%s\" oifname != \"%s\" accept\n"
	        /* It would pass the translation and leave with the enclave's address. */
	        "\t\tct state invalid drop\n"
	        /* Whoever sends no ICMP on the way must not be needed. */
	        "\t\ttcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu\n"
	        "\t\tct state established,related accept\n"
	        "\t\toifname \"%s\" ct status dnat accept\n"
	        "\t\toifname \"%s\" goto refuse\n"
	        "\t\tjump special\n\t}\n",
	        d, d, d, d);
	fprintf(out,
	        "\tchain here {\n\t\ttype filter hook input priority filter\n"
	        "\t\tiifname != \"%s\" accept\n"
	        "\t\tct state established,related accept\n"
	        "\t\tip daddr @allowed4 accept\n"
	        "\t\tip6 daddr @allowed6 accept\n"
	        "\t\ticmp type echo-request accept\n"
	        "\t\ticmpv6 type echo-request accept\n"
	        "\t\tgoto refuse\n\t}\n",
	        d);
}

void rules_write(FILE *out, const struct rules *r)
{
	/* Made, if it is not there, so that it can be deleted. */
	fputs("table " TABLE "\ndelete table " TABLE "\ntable " TABLE " {\n", out);
	put_sysctls(out, r->settings);
	put_allowed(out, r->allowed, false);
	put_allowed(out, r->allowed, true);
	put_nat(out, r);
	put_refusals(out);
	put_filters(out, r);
	fputs("}\n", out);
}

/* --- nft(8) -------------------------------------------------------------------------- */

static int temporary(void)
{
	return memfd_create("rules", MFD_CLOEXEC);
}

/* Its exit status, -1 when it could not be started; said, but for ABSENT. in and out:
 * -1 none. */
static int nft(const char *const *args, int in, int out, bool quiet)
{
	/* Whoever became root by su may have no sbin in the PATH. */
	struct child c = child_of(access("/usr/sbin/nft", X_OK) == 0 ? "/usr/sbin/nft" : "nft");
	int status;
	pid_t pid;

	for (size_t i = 0; args[i] != NULL; i++)
		child_arg(&c, args[i]);
	c.in = in;
	c.out = out;
	c.err = quiet ? -1 : STDERR_FILENO;
	pid = child_start(&c);
	status = pid < 0 ? -1 : child_wait(pid);
	if (status < 0)
		say("cannot start nft: %m");
	else if (status == NO_PROGRAM)
		say("--tun needs the program nft: apt-get install nftables");
	return status;
}

bool rules_apply(const struct rules *r)
{
	static const char *const args[] = { "-f", "-", NULL };
	int fd = temporary(), copy = fd < 0 ? -1 : dup(fd), status = -1;
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");

	if (out != NULL) {
		rules_write(out, r);
		if (fclose(out) == 0 && lseek(fd, 0, SEEK_SET) == 0)
			status = nft(args, fd, -1, false);
		if (status > 0 && status != NO_PROGRAM)
			say("nft did not take the table (its exit status is %d); does this kernel "
			    "have nf_tables?",
			    status);
	} else {
		say("cannot write the rules: %m");
		io_close(&copy);
	}
	io_close(&fd);
	return status == 0;
}

bool rules_remove(void)
{
	static const char *const args[] = { "delete", "table", "inet", "casemate", NULL };

	return nft(args, -1, -1, false) == 0;
}

static void read_sysctls(char *listing, struct sysctls *s)
{
	static const char begin[] = "comment \"";
	char *at = listing, *end, *equals;

	while ((at = strstr(at, begin)) != NULL) {
		at += sizeof begin - 1;
		end = strchr(at, '"');
		equals = strchr(at, '=');
		if (end == NULL || equals == NULL || equals > end)
			return;
		*end = *equals = '\0';
		sysctl_was(s, at, equals + 1);
		at = end + 1;
	}
}

bool rules_left(struct sysctls *s)
{
	static const char *const args[] = { "list", "chain", "inet", "casemate", "settings", NULL };
	static char listing[LISTING_MAX];
	int fd = temporary();
	ssize_t n = -1;
	int status = fd < 0 ? -1 : nft(args, -1, fd, true);

	if (status == 0)
		n = pread(fd, listing, sizeof listing - 1, 0);
	if (n > 0) {
		listing[n] = '\0';
		read_sysctls(listing, s);
	}
	io_close(&fd);
	return status >= 0 && status != NO_PROGRAM;
}
