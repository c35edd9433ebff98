#define _GNU_SOURCE
/* nbdkit's plugin `vddk` for the lab: the parameters and the errors of the true one, the bytes from the lab's vCenter.
 * VMware's library is not free to distribute; where it is installed, nbdkit's own plugin of this name takes its place. */
#include "http.h"
#include "meter.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>
#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static char *password;
static struct meter *meter;
static const char *server, *port = "443", *user, *thumbprint, *vm, *snapshot = "", *file;

struct handle {
  struct http *http;
  char id[32];
  int64_t size;
};

static int
vddk_config (const char *key, const char *value)
{
  static const struct {
    const char *key, **to;
  } known[] = { { "server", &server },         { "port", &port },         { "user", &user },
                { "thumbprint", &thumbprint }, { "snapshot", &snapshot }, { "file", &file } };
  static const char *const silent[] = { "libdir", "config", "cookie", "transports", "compression", "nfchostport",
                                        "unbuffered", "vimapiver", "single-link", "create" };
  if (strcmp (key, "password") == 0) {
    free (password);
    return nbdkit_read_password (value, &password);
  }
  if (strcmp (key, "vm") == 0) {
    if (strncmp (value, "moref=", 6) != 0) {
      nbdkit_error ("vm parameter must be moref=<moref>");
      return -1;
    }
    vm = value + 6;
    return 0;
  }
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp (key, known[i].key) == 0) {
      *known[i].to = value;
      return 0;
    }
  for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
    if (strcmp (key, silent[i]) == 0)
      return 0;
  nbdkit_error ("unknown parameter '%s'", key);
  return -1;
}

static int
vddk_config_complete (void)
{
  if (server && user && password && thumbprint && strlen (thumbprint) == 59 && vm && file)
    return 0;
  nbdkit_error ("server, user, password, thumbprint (SHA-1), vm and file are required");
  return -1;
}

static int
vddk_get_ready (void)
{
  meter = meter_new (server, port, vm, file);
  return 0;
}

/* One request; a failure's text becomes nbdkit's error. */
static int
ask (struct handle *h, int post, const char *path, char *buf, size_t size, size_t *got, const char *what)
{
  long status = http_request (h->http, post, path, buf, size, got);
  if (status == 200)
    return 0;
  if (status < 0)
    nbdkit_error ("%s: %s", what, buf);
  else
    nbdkit_error ("%.*s", (int)(*got < 400 ? *got : 400), buf);
  nbdkit_set_error (EIO);
  return -1;
}

static void *
vddk_open (int readonly)
{
  (void)readonly;
  char answer[1024] = "", *path = NULL, *f = http_escape (file);
  size_t got = 0;
  struct handle *h = calloc (1, sizeof *h);
  if (!h || !f || !(h->http = http_new (server, port, user, password, thumbprint))) {
    nbdkit_error ("VixDiskLib_ConnectEx: cannot connect to %s: is the thumbprint one?", server);
    goto bad;
  }
  if (asprintf (&path, "/lab/vddk/open?vm=%s&snapshot=%s&file=%s", vm, snapshot, f) < 0
      || ask (h, 1, path, answer, sizeof answer - 1, &got, "VixDiskLib_ConnectEx") < 0)
    goto bad;
  if (sscanf (answer, "%31s %" SCNd64, h->id, &h->size) != 2) {
    nbdkit_error ("VixDiskLib_Open: unexpected answer");
    goto bad;
  }
  free (path);
  free (f);
  return h;
bad:
  if (h && h->http)
    http_free (h->http);
  free (h);
  free (path);
  free (f);
  return NULL;
}

static void
vddk_close (void *to)
{
  struct handle *h = to;
  char path[128], answer[256];
  size_t got;
  snprintf (path, sizeof path, "/lab/vddk/close?handle=%s", h->id);
  http_request (h->http, 1, path, answer, sizeof answer, &got);
  http_free (h->http);
  free (h);
}

static int64_t
vddk_get_size (void *to)
{
  return ((struct handle *)to)->size;
}

static int
vddk_pread (void *to, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
  (void)flags;
  struct handle *h = to;
  char path[160];
  size_t got = 0;
  meter_add (meter, count);
  snprintf (path, sizeof path, "/lab/vddk/read?handle=%s&offset=%" PRIu64 "&length=%" PRIu32, h->id, offset, count);
  if (ask (h, 0, path, buf, count, &got, "VixDiskLib_Read") < 0)
    return -1;
  if (got == count)
    return 0;
  nbdkit_error ("VixDiskLib_Read: short read");
  nbdkit_set_error (EIO);
  return -1;
}

static int
vddk_can_extents (void *to)
{
  (void)to;
  return 1;
}

#define EXTENTS_BUFFER (256 * 1024)

static int
vddk_extents (void *to, uint32_t count, uint64_t offset, uint32_t flags, struct nbdkit_extents *list)
{
  (void)flags;
  struct handle *h = to;
  char path[128], *text = malloc (EXTENTS_BUFFER), *rest = text;
  uint64_t at = offset, start, length, end = offset + count;
  size_t got = 0;
  int n = 0, used, r = -1;
  if (!text)
    return -1;
  snprintf (path, sizeof path, "/lab/vddk/extents?handle=%s&offset=%" PRIu64, h->id, offset);
  if (ask (h, 0, path, text, EXTENTS_BUFFER - 1, &got, "VixDiskLib_QueryAllocatedBlocks") < 0)
    goto out;
  text[got] = '\0';
  for (; sscanf (rest, "%" SCNu64 " %" SCNu64 "\n%n", &start, &length, &used) == 2; rest += used, n++) {
    if (start >= end)
      break;
    if (start > at && nbdkit_add_extent (list, at, start - at, NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO) < 0)
      goto out;
    if (nbdkit_add_extent (list, start, length, 0) < 0)
      goto out;
    at = start + length;
  }
  /* Fewer lines than the server's most: nothing is allocated after the last. */
  if (n < 4096 && at < end && nbdkit_add_extent (list, at, end - at, NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO) < 0)
    goto out;
  r = 0;
out:
  free (text);
  return r;
}

static void
vddk_unload (void)
{
  meter_free (meter);
  free (password);
}

static struct nbdkit_plugin plugin = {
  .name = "vddk",
  .longname = "Tranship's lab in place of VMware VDDK",
  .version = "1.0",
  .unload = vddk_unload,
  .config = vddk_config,
  .config_complete = vddk_config_complete,
  .get_ready = vddk_get_ready,
  .magic_config_key = "file",
  .open = vddk_open,
  .close = vddk_close,
  .get_size = vddk_get_size,
  .pread = vddk_pread,
  .can_extents = vddk_can_extents,
  .extents = vddk_extents,
};

NBDKIT_REGISTER_PLUGIN (plugin)
