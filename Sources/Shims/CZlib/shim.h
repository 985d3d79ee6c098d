// Only the compressor: without zlib's functions on files its header includes none of the system's, which would then seem to belong to this
// module too.
#define Z_SOLO
#include <zlib.h>
