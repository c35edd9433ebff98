/* Requests to the lab's vCenter: TLS pinned by the certificate's SHA-1, basic auth, connections kept in a pool. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct http; /* one per NBD connection; its functions may be called by many threads */

struct http *http_new (const char *server, const char *port, const char *user, const char *password,
                       const char *thumbprint);
void http_free (struct http *);

/* The answer's body goes to buf (at most size bytes; its length in *got). Returns the HTTP status, or -1 when there was
 * none: the text of the failure is then in buf. */
long http_request (struct http *, int post, const char *path, char *buf, size_t size, size_t *got);

/* A query argument, escaped. Free it. */
char *http_escape (const char *);
