// Stands in for the header of Gloo that has this name; see context.h.
#pragma once

#include <gloo/context.h>
