/* How lwIP is built: TCP over IPv4 for net/stack.c and nothing else. */
#ifndef NET_PORT_LWIPOPTS_H
#define NET_PORT_LWIPOPTS_H

#include <arch/cc.h>

/* One thread, the raw interface, no clock of lwIP's own. */
#define NO_SYS                    1
#define SYS_LIGHTWEIGHT_PROT      0
#define LWIP_NETCONN              0
#define LWIP_SOCKET               0
#define LWIP_TIMERS               0
#define LWIP_STATS                1
#define LWIP_STATS_LARGE          1
#define LINK_STATS                0
#define IP_STATS                  0
#define TCP_STATS                 0
#define MEM_STATS                 1
#define MEMP_STATS                1
#define LWIP_NETIF_TX_SINGLE_PBUF 0

/* Only TCP. A link has two ends that know each other: no ARP, no fragments,
 * no ICMP, no options in IP headers. */
#define LWIP_IPV4          1
#define LWIP_IPV6          0
#define LWIP_ARP           0
#define LWIP_ETHERNET      0
#define LWIP_ICMP          0
#define LWIP_RAW           0
#define LWIP_UDP           0
#define LWIP_DHCP          0
#define LWIP_DNS           0
#define IP_FORWARD         0
#define IP_REASSEMBLY      0
#define IP_FRAG            0
#define IP_OPTIONS_ALLOWED 0

/* The transport under a link neither loses nor changes a byte. */
#define CHECKSUM_GEN_IP    0
#define CHECKSUM_GEN_TCP   0
#define CHECKSUM_CHECK_IP  0
#define CHECKSUM_CHECK_TCP 0

/* How many connections; net/stack.h has the number. */
#ifndef STACK_CONNS
#define STACK_CONNS 512
#endif

/* Static pools: a pcb for each slot of stack.c, for half-open connections and
 * for some that are over; a segment and a reference to its bytes for each half
 * of TCP_SND_QUEUELEN of a slot. On the heap are the headers of as many, 96
 * bytes each, and now and then a segment that had to be cut. */
#define MEM_ALIGNMENT            8
#define MEMP_NUM_TCP_PCB         (2 * STACK_CONNS + 128)
#define MEMP_NUM_TCP_PCB_LISTEN  1
#define MEMP_NUM_TCP_SEG         (10 * STACK_CONNS)
#define MEMP_NUM_PBUF            (10 * STACK_CONNS)
#define PBUF_POOL_SIZE           0
#define MEM_SIZE                 (1536 * STACK_CONNS)
#define PBUF_LINK_HLEN           0
#define LWIP_SUPPORT_CUSTOM_PBUF 1

/* A packet is at most 65,535 bytes. The window and the send buffer are those
 * of the side this process is (stack.c sets them before anything else); the
 * preprocessor, to which a variable is 0, sees the other number. */
extern unsigned stack_window, stack_sndbuf;
#define TCP_MSS                        65495
#define LWIP_WND_SCALE                 1
#define TCP_RCV_SCALE                  3
#define TCP_WND                        (stack_window ? stack_window : 65535)
#define TCP_SND_BUF                    (stack_sndbuf ? stack_sndbuf : 65535)
#define TCP_SND_QUEUELEN               16 /* pbufs, two a segment */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define TCP_OVERSIZE                   0
#define TCP_SNDLOWAT                   1 /* of the socket interface, unused */

/* Nothing arrives out of order. */
#define TCP_QUEUE_OOSEQ 0

/* stack.c bounds half-open connections itself. */
#define TCP_LISTEN_BACKLOG 0

/* Times fit a hop inside one machine. The last is how long a connection that
 * both ends have closed is remembered, halved. */
#define LWIP_TCP_RTO_TIME 1000
#define TCP_SYNMAXRTX     4
#define TCP_MSL           5000

#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) platform_random()

#endif
