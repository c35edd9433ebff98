/* Counts what is asked of this nbdkit, and tells the lab: see lab/node/meter.ts. */
#include <stdint.h>

struct meter;

/* NULL where nobody can be told; nothing else depends on it. */
struct meter *meter_new (const char *server, const char *port, const char *vm, const char *file);
void meter_free (struct meter *m);
void meter_add (struct meter *m, uint32_t bytes);
