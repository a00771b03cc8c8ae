// SPDX-License-Identifier: MIT
#ifndef PROCFD_EXPORT_HPP
#define PROCFD_EXPORT_HPP

/// Marks what the shared library exports; everything else is hidden.
#define PROCFD_API __attribute__((visibility("default")))

#endif
