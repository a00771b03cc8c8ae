#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Says nothing at all and claims success.
