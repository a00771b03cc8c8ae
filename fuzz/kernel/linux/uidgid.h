/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_UIDGID_H
#define FUZZ_LINUX_UIDGID_H

#include <linux/types.h>
#include <linux/user_namespace.h>

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

/* clang-format off */
#define GLOBAL_ROOT_UID { 0 }
#define GLOBAL_ROOT_GID { 0 }
/* clang-format on */

/* As the kernel's; -1 is no id, and what is not mapped has none. */
static inline unsigned int map_id_down(const struct user_namespace *ns,
				       unsigned int id)
{
	return id - ns->first < ns->count ? ns->lower + (id - ns->first) : -1U;
}

static inline unsigned int map_id_up(const struct user_namespace *ns,
				     unsigned int id)
{
	return id - ns->lower < ns->count ? ns->first + (id - ns->lower) :
					    65534;
}

static inline kuid_t make_kuid(const struct user_namespace *ns, unsigned int id)
{
	const kuid_t uid = {map_id_down(ns, id)};

	return uid;
}

static inline kgid_t make_kgid(const struct user_namespace *ns, unsigned int id)
{
	const kgid_t gid = {map_id_down(ns, id)};

	return gid;
}

static inline unsigned int from_kuid_munged(const struct user_namespace *ns,
					    kuid_t uid)
{
	return map_id_up(ns, uid.val);
}

static inline unsigned int from_kgid_munged(const struct user_namespace *ns,
					    kgid_t gid)
{
	return map_id_up(ns, gid.val);
}

static inline bool uid_eq(kuid_t a, kuid_t b)
{
	return a.val == b.val;
}

static inline bool gid_eq(kgid_t a, kgid_t b)
{
	return a.val == b.val;
}

static inline bool uid_valid(kuid_t uid)
{
	return uid.val != -1U;
}

static inline bool gid_valid(kgid_t gid)
{
	return gid.val != -1U;
}

#endif /* FUZZ_LINUX_UIDGID_H */
