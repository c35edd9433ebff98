#define _GNU_SOURCE
#include "meter.h"
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* The lab's meter listens so many ports above its vCenter. */
#define METER_ABOVE 3

struct meter {
  int socket;
  uint64_t reader; /* this process, among all that read the same disk */
  uint64_t bytes, requests;
  const char *vm, *file;
};

static int
reach (const char *server, const char *port)
{
  struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found = NULL;
  char own[16];
  int s = -1;
  snprintf (own, sizeof own, "%d", atoi (port) + METER_ABOVE);
  if (getaddrinfo (server, own, &hints, &found) != 0)
    return -1;
  s = socket (found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s >= 0 && connect (s, found->ai_addr, found->ai_addrlen) < 0) {
    close (s);
    s = -1;
  }
  freeaddrinfo (found);
  return s;
}

struct meter *
meter_new (const char *server, const char *port, const char *vm, const char *file)
{
  struct meter *m = calloc (1, sizeof *m);
  if (!m)
    return NULL;
  m->vm = vm;
  m->file = file;
  m->socket = reach (server, port);
  if (m->socket >= 0 && getrandom (&m->reader, sizeof m->reader, 0) == sizeof m->reader)
    return m;
  meter_free (m);
  return NULL;
}

void
meter_free (struct meter *m)
{
  if (m && m->socket >= 0)
    close (m->socket);
  free (m);
}

/* The sums, not the steps: one that is lost on the way is made good by the next. */
void
meter_add (struct meter *m, uint32_t count)
{
  char text[1024];
  uint64_t bytes, requests;
  int n;
  if (!m)
    return;
  bytes = __atomic_add_fetch (&m->bytes, count, __ATOMIC_SEQ_CST);
  requests = __atomic_add_fetch (&m->requests, 1, __ATOMIC_SEQ_CST);
  n = snprintf (text, sizeof text, "%016" PRIx64 " %s %" PRIu64 " %" PRIu64 " %s", m->reader, m->vm, bytes, requests,
                m->file);
  if (n > 0 && (size_t)n < sizeof text)
    (void)!send (m->socket, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}
