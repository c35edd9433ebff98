#define _GNU_SOURCE
#include "http.h"
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_IDLE 32
#define CONNECT_SECONDS 15L
#define REQUEST_SECONDS 120L

struct http {
  char *base, *user, *password;
  unsigned char sha1[20];
  pthread_mutex_t lock;
  CURL *idle[MAX_IDLE];
  int n;
};

struct body {
  char *buf;
  size_t size, got;
};

static size_t
collect (char *data, size_t one, size_t n, void *to)
{
  struct body *b = to;
  size_t room = b->size - b->got, take = one * n < room ? one * n : room;
  memcpy (b->buf + b->got, data, take);
  b->got += take;
  return take == one * n ? take : 0; /* more than was asked for: curl gives up */
}

/* The pinned certificate is the whole trust: no chain, no name. */
static int
is_pinned (X509_STORE_CTX *store, void *to)
{
  struct http *h = to;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  X509 *leaf = X509_STORE_CTX_get0_cert (store);
  return leaf && X509_digest (leaf, EVP_sha1 (), digest, &n) && n == 20 && memcmp (digest, h->sha1, 20) == 0;
}

static CURLcode
pin (CURL *curl, void *ctx, void *to)
{
  (void)curl;
  SSL_CTX_set_verify (ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_cert_verify_callback (ctx, is_pinned, to);
  return CURLE_OK;
}

static CURL *
take (struct http *h)
{
  CURL *c = NULL;
  pthread_mutex_lock (&h->lock);
  if (h->n > 0)
    c = h->idle[--h->n];
  pthread_mutex_unlock (&h->lock);
  if (c || !(c = curl_easy_init ()))
    return c;
  curl_easy_setopt (c, CURLOPT_SSL_VERIFYPEER, 0L); /* `pin` verifies */
  curl_easy_setopt (c, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt (c, CURLOPT_SSL_CTX_FUNCTION, pin);
  curl_easy_setopt (c, CURLOPT_SSL_CTX_DATA, h);
  curl_easy_setopt (c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt (c, CURLOPT_USERNAME, h->user);
  curl_easy_setopt (c, CURLOPT_PASSWORD, h->password);
  curl_easy_setopt (c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt (c, CURLOPT_TIMEOUT, REQUEST_SECONDS);
  curl_easy_setopt (c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (c, CURLOPT_NOPROXY, "*");
  curl_easy_setopt (c, CURLOPT_BUFFERSIZE, 512L * 1024);
  curl_easy_setopt (c, CURLOPT_WRITEFUNCTION, collect);
  return c;
}

static void
give_back (struct http *h, CURL *c)
{
  pthread_mutex_lock (&h->lock);
  if (h->n < MAX_IDLE) {
    h->idle[h->n++] = c;
    c = NULL;
  }
  pthread_mutex_unlock (&h->lock);
  if (c)
    curl_easy_cleanup (c);
}

struct http *
http_new (const char *server, const char *port, const char *user, const char *password, const char *thumbprint)
{
  struct http *h = calloc (1, sizeof *h);
  if (!h)
    return NULL;
  pthread_mutex_init (&h->lock, NULL);
  for (int i = 0; i < 20; i++)
    if (sscanf (thumbprint + 3 * i, "%2hhx", &h->sha1[i]) != 1)
      goto bad;
  h->user = strdup (user);
  h->password = strdup (password);
  if (asprintf (&h->base, "https://%s:%s", server, port) < 0)
    h->base = NULL;
  if (h->user && h->password && h->base)
    return h;
bad:
  http_free (h);
  return NULL;
}

void
http_free (struct http *h)
{
  while (h->n > 0)
    curl_easy_cleanup (h->idle[--h->n]);
  free (h->base);
  free (h->user);
  free (h->password);
  pthread_mutex_destroy (&h->lock);
  free (h);
}

long
http_request (struct http *h, int post, const char *path, char *buf, size_t size, size_t *got)
{
  struct body b = { buf, size, 0 };
  char *url = NULL;
  long status = -1;
  CURL *c = take (h);
  if (!c || asprintf (&url, "%s%s", h->base, path) < 0) {
    snprintf (buf, size, "out of memory");
    return -1;
  }
  curl_easy_setopt (c, CURLOPT_URL, url);
  curl_easy_setopt (c, CURLOPT_WRITEDATA, &b);
  if (post)
    curl_easy_setopt (c, CURLOPT_COPYPOSTFIELDS, "");
  else
    curl_easy_setopt (c, CURLOPT_HTTPGET, 1L);
  CURLcode r = curl_easy_perform (c);
  if (r == CURLE_OK)
    curl_easy_getinfo (c, CURLINFO_RESPONSE_CODE, &status);
  else
    snprintf (buf, size, "%s",
              r == CURLE_SSL_CONNECT_ERROR || r == CURLE_PEER_FAILED_VERIFICATION
                ? "SSL certificate thumbprint does not match"
                : curl_easy_strerror (r));
  *got = b.got;
  free (url);
  give_back (h, c);
  return status;
}

char *
http_escape (const char *text)
{
  char *escaped = curl_easy_escape (NULL, text, 0), *copy = escaped ? strdup (escaped) : NULL;
  curl_free (escaped);
  return copy;
}
