// The simulator's runtime: compiled once, linked to every kernel. Begin with state.h, block.h and check.h.
#include "state.h"
#include "switch.h"
#include "check.h"
#include "access.h"
#include "atomics.h"
#include "block.h"
#include "faults.h"
#include "launch.h"
